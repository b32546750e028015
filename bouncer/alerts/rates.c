/* See rates.h. Groups stand in the order of their use, so that who makes room, and who has nothing to say any more, is at its head. */
#include "bouncer/alerts/rates.h"

#include <string.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

#include "bouncer/alerts/group_key.h"
#include "lib/base/memory.h"

#define LOOK_AT_ONCE 200  /* of those that may be forgotten */
#define GONE_MAX     4096 /* that are not taken out of the store yet */

TAILQ_HEAD(groups, alert_group);

struct slot {
	UT_hash_handle hh;
	uint64_t id;
	struct alert_group group;
	uint8_t key[];
};

struct rates {
	const struct alert_rules *rules;
	size_t group_max;
	const struct rates_handler *handler;
	void *owner;
	struct slot *table;
	struct groups by_use, touched;
	uint64_t gone[GONE_MAX];
	size_t gone_count;
	uint64_t dropped;
};

struct rates *rates_new(const struct alert_rules *rules, size_t group_max,
			const struct rates_handler *handler, void *owner)
{
	struct rates *rates = memory_new(sizeof *rates);
	rates->rules = rules;
	rates->group_max = group_max;
	rates->handler = handler;
	rates->owner = owner;
	TAILQ_INIT(&rates->by_use);
	TAILQ_INIT(&rates->touched);
	return rates;
}

static void drop(struct rates *rates, struct alert_group *group)
{
	struct slot *slot = group->slot;
	TAILQ_REMOVE(&rates->by_use, group, by_use);
	if (group->is_touched)
		TAILQ_REMOVE(&rates->touched, group, touched);
	HASH_DEL(rates->table, slot);
	free(slot);
}

void rates_free(struct rates **rates)
{
	struct rates *freeing = *rates;
	struct alert_group *group;
	*rates = NULL;
	if (!freeing)
		return;
	while ((group = TAILQ_FIRST(&freeing->by_use)))
		drop(freeing, group);
	free(freeing);
}

/* ---- groups ---- */

struct alert_group *rates_find(const struct rates *rates, uint64_t id)
{
	struct slot *slot = NULL;
	HASH_FIND(hh, rates->table, &id, sizeof id, slot);
	return slot ? &slot->group : NULL;
}

size_t rates_count(const struct rates *rates)
{
	return HASH_COUNT(rates->table);
}

uint64_t rates_dropped(const struct rates *rates)
{
	return rates->dropped;
}

static bool is_kept(const struct alert_group *group)
{
	return group->is_raised || group->todo != 0;
}

/* Its row stays where there is no room to remember it; the next start finds it too old. */
static void forget(struct rates *rates, struct alert_group *group)
{
	if (rates->gone_count < GONE_MAX)
		rates->gone[rates->gone_count++] = group->id;
	drop(rates, group);
}

static bool make_room(struct rates *rates)
{
	struct alert_group *group;
	if (rates_count(rates) < rates->group_max)
		return true;
	TAILQ_FOREACH(group, &rates->by_use, by_use)
	{
		if (is_kept(group))
			continue;
		forget(rates, group);
		rates->dropped++;
		return true;
	}
	rates->dropped++;
	return false;
}

static struct alert_group *add(struct rates *rates, const struct alert_rule *rule, struct bytes key,
			       uint64_t id)
{
	if (!make_room(rates))
		return NULL;
	struct slot *slot = memory_new(sizeof *slot + key.len);
	memcpy(slot->key, key.data, key.len);
	slot->id = id;
	struct alert_group *group = &slot->group;
	*group = (struct alert_group){
		.rule = rule, .id = id, .slot = slot, .key = bytes_from(slot->key, key.len)};
	if (group_key_read(rule, group->key, group->by) != OK) {
		free(slot);
		return NULL;
	}
	HASH_ADD(hh, rates->table, id, sizeof slot->id, slot);
	TAILQ_INSERT_TAIL(&rates->by_use, group, by_use);
	return group;
}

static void use(struct rates *rates, struct alert_group *group)
{
	TAILQ_REMOVE(&rates->by_use, group, by_use);
	TAILQ_INSERT_TAIL(&rates->by_use, group, by_use);
}

void rates_touch(struct rates *rates, struct alert_group *group)
{
	if (group->is_touched)
		return;
	group->is_touched = true;
	TAILQ_INSERT_TAIL(&rates->touched, group, touched);
}

struct alert_group *rates_next_touched(struct rates *rates)
{
	struct alert_group *group = TAILQ_FIRST(&rates->touched);
	if (!group)
		return NULL;
	TAILQ_REMOVE(&rates->touched, group, touched);
	group->is_touched = false;
	return group;
}

bool rates_next_gone(struct rates *rates, uint64_t *ret_id)
{
	if (rates->gone_count == 0)
		return false;
	*ret_id = rates->gone[--rates->gone_count];
	return true;
}

void rates_each(struct rates *rates, void (*each)(void *owner, struct alert_group *group),
		void *owner)
{
	struct alert_group *group, *next;
	for (group = TAILQ_FIRST(&rates->by_use); group; group = next) {
		next = TAILQ_NEXT(group, by_use);
		each(owner, group);
	}
}

/* ---- up and down ---- */

static void raise_it(struct rates *rates, struct alert_group *group, int64_t wall_ms)
{
	group->is_raised = true;
	group->has_acted = false;
	group->since_wall_ms = wall_ms;
	group->acts_until_wall_ms = 0;
	group->todo |= TODO_TELL_RAISED;
	if (alert_rule_acts(group->rule))
		group->todo |= TODO_ACT;
	rates_touch(rates, group);
	rates->handler->raised(rates->owner, group);
}

static void clear_it(struct rates *rates, struct alert_group *group)
{
	group->is_raised = false;
	group->todo &= (uint8_t)~TODO_ACT;
	group->todo |= TODO_TELL_CLEARED;
	rates_touch(rates, group);
	rates->handler->cleared(rates->owner, group);
	group->has_acted = false;
	group->acts_until_wall_ms = 0;
}

void rates_reset(struct rates *rates, struct alert_group *group)
{
	group->window = (struct alert_window){.newest = 0};
	rates_touch(rates, group);
	if (group->is_raised)
		clear_it(rates, group);
}

static void count(struct rates *rates, const struct alert_rule *rule,
		  const struct sighting *sighting, int64_t wall_ms)
{
	uint8_t key[ALERT_KEY_MAX];
	uint64_t matched, total;
	bool is_match = alert_rule_matches(rule, sighting);
	bool is_total = alert_rule_totals(rule, sighting);
	size_t len = is_match || is_total ? group_key_write(rule, sighting, key) : 0;
	if (len == 0)
		return;
	uint64_t id = group_key_id(bytes_from(key, len));
	struct alert_group *group = rates_find(rates, id);
	if (!group)
		group = add(rates, rule, bytes_from(key, len), id);
	if (!group)
		return;
	use(rates, group);
	rates_touch(rates, group);
	alert_window_add(&group->window, rule->window_ms, wall_ms, is_match, is_total);
	if (group->is_raised || !is_match)
		return;
	alert_window_sum(&group->window, rule->window_ms, wall_ms, &matched, &total);
	if (alert_rule_is_over(rule, matched, total))
		raise_it(rates, group, wall_ms);
}

void rates_note(struct rates *rates, const struct sighting *sighting, int64_t wall_ms)
{
	for (size_t i = 0; i < rates->rules->count; i++)
		count(rates, &rates->rules->items[i], sighting, wall_ms);
}

static void look_at(struct rates *rates, struct alert_group *group, int64_t wall_ms)
{
	uint64_t matched, total;
	/* What came before a brake says nothing of what comes behind it. */
	if (group->acts_until_wall_ms > 0 && group->acts_until_wall_ms <= wall_ms) {
		rates_reset(rates, group);
		return;
	}
	if (group->has_acted && group->rule->then == THEN_BRAKE)
		return; /* nothing is sent, so nothing is told */
	alert_window_sum(&group->window, group->rule->window_ms, wall_ms, &matched, &total);
	if (alert_rule_is_under(group->rule, matched, total))
		clear_it(rates, group);
}

void rates_look(struct rates *rates, int64_t wall_ms)
{
	struct alert_group *group, *next;
	uint64_t matched, total;
	size_t looked = 0;
	for (group = TAILQ_FIRST(&rates->by_use); group; group = next) {
		next = TAILQ_NEXT(group, by_use);
		if (group->is_raised) {
			look_at(rates, group, wall_ms);
			continue;
		}
		if (group->todo != 0 || looked++ >= LOOK_AT_ONCE || rates->gone_count == GONE_MAX)
			continue;
		alert_window_sum(&group->window, group->rule->window_ms, wall_ms, &matched, &total);
		if (matched == 0 && total == 0)
			forget(rates, group);
	}
}

/* ---- rows ---- */

enum err rates_take_row(struct rates *rates, struct bytes bytes, int64_t wall_ms)
{
	struct alert_row row;
	enum err err = alert_row_read(rates->rules, bytes, wall_ms, &row);
	if (err)
		return err;
	if (!is_kept(&row.group) && row.matched == 0 && row.total == 0)
		return E_TIMEOUT;
	if (rates_count(rates) >= rates->group_max)
		return E_FULL;
	if (rates_find(rates, row.group.id))
		return OK;
	struct alert_group *group = add(rates, row.group.rule, row.group.key, row.group.id);
	if (!group)
		return E_MALFORMED;
	group->window = row.group.window;
	group->is_raised = row.group.is_raised;
	group->has_acted = row.group.has_acted;
	group->todo = row.group.todo;
	group->since_wall_ms = row.group.since_wall_ms;
	group->acts_until_wall_ms = row.group.acts_until_wall_ms;
	return OK;
}
