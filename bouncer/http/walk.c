/* step -> look at some keys -> next turn: step ... -> done -- enough, all seen, client gone, closing */
#include "bouncer/http/walk.h"

#include <string.h>

#include "broker/suppression_filter.h"
#include "lib/base/memory.h"

#define STEP_KEYS 1000

struct walk {
	struct bouncer_visit *visit;
	const struct walk_handler *handler;
	struct suppression_filter filter;
	bool wants_held;
	struct bytes tenant; /* whose entries only; none: everybody's */
	struct arena *arena; /* of one step */
	struct task step;
	int64_t wall_ms;
	uint8_t next_key[STORE_KEY_MAX];
	size_t next_key_len;
	size_t keys_left, step_keys;
	bool has_more, is_enough;
};

static void finish(struct walk *walk, enum err err)
{
	struct bouncer_visit *visit = walk->visit;
	bool is_left = walk->has_more || walk->is_enough;
	visit->of->walk_count--;
	walk->handler->done(visit, err,
			    is_left ? bytes_from(walk->next_key, walk->next_key_len) : BYTES_NONE);
	arena_free(&walk->arena);
	free(walk);
	bouncer_visit_end(visit);
}

static bool is_meant(const struct walk *walk, const struct suppression *entry)
{
	struct suppression plain = *entry;
	plain.is_held = false;
	return (walk->tenant.len == 0 || bytes_equal(walk->tenant, entry->tenant)) &&
	       entry->is_held == walk->wants_held &&
	       suppression_is_in_force(&plain, walk->wall_ms) &&
	       suppression_filter_fits(&walk->filter, entry);
}

static bool stop_at(struct walk *walk, struct bytes key)
{
	memcpy(walk->next_key, key.data, key.len);
	walk->next_key_len = key.len;
	return false;
}

static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct walk *walk = owner;
	struct suppression entry;
	if (walk->step_keys == 0) {
		walk->has_more = true;
		return stop_at(walk, key);
	}
	walk->step_keys--;
	walk->keys_left--;
	if (suppression_decode(walk->arena, arena_copy(walk->arena, value), &entry, NULL) ||
	    !is_meant(walk, &entry) || walk->handler->each(walk->visit, &entry))
		return true;
	walk->is_enough = true;
	return stop_at(walk, key);
}

static void on_step(void *owner)
{
	struct walk *walk = owner;
	struct bouncer_api *api = walk->visit->of;
	uint8_t from[STORE_KEY_MAX];
	size_t from_len = walk->next_key_len;
	if (walk->visit->api.is_gone || api->is_closed) {
		finish(walk, E_CANCELLED);
		return;
	}
	memcpy(from, walk->next_key, from_len);
	arena_reset(walk->arena);
	walk->has_more = false;
	walk->step_keys = walk->keys_left < STEP_KEYS ? walk->keys_left : STEP_KEYS;
	struct store_txn *txn = store_read_begin(api->options.store);
	enum err err =
		store_each(txn, api->ledger_database, bytes_from(from, from_len), look, walk);
	store_read_end(&txn);
	if (err || walk->is_enough || !walk->has_more || walk->keys_left == 0)
		finish(walk, err);
	else
		loop_defer(api->options.node.loop, &walk->step);
}

static void on_left(struct bouncer_visit *visit)
{
	struct walk *walk = visit->work;
	if (!visit->of->is_closed)
		return; /* the next step sees it */
	task_cancel(&walk->step, visit->of->options.node.loop);
	finish(walk, E_CANCELLED);
}

void walk_start(struct bouncer_visit *visit, const struct selection *selection, struct bytes from,
		size_t key_max, const struct walk_handler *handler)
{
	struct bouncer_api *api = visit->of;
	if (api->walk_count >= WALKS_MAX) {
		api_refuse(&visit->api, 503, "busy, try again later");
		return;
	}
	struct walk *walk = memory_new(sizeof *walk);
	walk->visit = visit;
	walk->handler = handler;
	walk->filter = selection->filter;
	walk->wants_held = selection->wants_held;
	walk->tenant = visit_tenant(visit);
	walk->arena = arena_new();
	walk->wall_ms = loop_wall_ms(api->options.node.loop);
	walk->keys_left = key_max ? key_max : SIZE_MAX;
	walk->next_key_len = from.len < STORE_KEY_MAX ? from.len : STORE_KEY_MAX;
	if (from.len > 0)
		memcpy(walk->next_key, from.data, walk->next_key_len);
	walk->step = (struct task){.run = on_step, .owner = walk};
	visit->work = walk;
	visit->left = on_left;
	api->walk_count++;
	bouncer_visit_begin(visit);
	loop_defer(api->options.node.loop, &walk->step);
}
