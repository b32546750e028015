/* See queues.h. */
#include "workers/queues.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/routing/lent.h"

#define TAIL_SITE "tail"

static bool is_wanted(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return count == 0;
}

/* Who takes the tail takes what its domains have for a while too. */
static bool is_wanted_site(const struct queues_wanted *wanted, const char *name)
{
	return is_wanted(wanted->sites, wanted->site_count, name) ||
	       (lent_index(name) >= 0 && is_wanted(wanted->sites, wanted->site_count, TAIL_SITE));
}

static bool has_pool(const struct routing_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->pools.count; i++)
		if (strcmp(CONF_ITEM(&settings->pools, struct pool_settings, i)->name, name) == 0)
			return true;
	return false;
}

static bool has_site_queue(const struct routing_settings *settings, const char *name)
{
	if (strcmp(name, TAIL_SITE) == 0)
		return true;
	for (size_t i = 0; i < settings->sites.count; i++)
		if (strcmp(CONF_ITEM(&settings->sites, struct site_settings, i)->name, name) == 0)
			return site_has_queue(CONF_ITEM(&settings->sites, struct site_settings, i));
	return false;
}

static enum err check_names(const struct routing_settings *settings,
			    const struct queues_wanted *wanted, struct why *why)
{
	for (size_t i = 0; i < wanted->pool_count; i++)
		if (!has_pool(settings, wanted->pools[i]))
			return fail(why, E_NOT_FOUND, "there is no pool \"%s\"", wanted->pools[i]);
	for (size_t i = 0; i < wanted->site_count; i++)
		if (!has_site_queue(settings, wanted->sites[i]))
			return fail(
				why, E_NOT_FOUND,
				"there is no site \"%s\" with a queue of its own (\"tail\" is all "
				"other mail)",
				wanted->sites[i]);
	return OK;
}

static void add_named(const struct routing_settings *settings, const char *pool, const char *word,
		      const struct queues_wanted *wanted, struct worker_queues *queues)
{
	for (size_t i = 0; i < settings->sites.count; i++) {
		const struct site_settings *site =
			CONF_ITEM(&settings->sites, struct site_settings, i);
		if (!site_has_queue(site) || !is_wanted_site(wanted, site->name))
			continue;
		struct worker_queue *queue = &queues->items[queues->count++];
		queue->pool = pool;
		queue->site = site->name;
		queue_delivery_name(word, site->name, queue->name);
	}
}

static void add_tail(const char *pool, const char *word, struct worker_queues *queues)
{
	for (unsigned shard = 0; shard < ROUTING_TAIL_SHARDS; shard++) {
		struct worker_queue *queue = &queues->items[queues->count++];
		queue->pool = pool;
		queue->is_tail = true;
		queue_tail_name(word, shard, queue->name);
	}
}

/* Fisher-Yates over a linear congruential sequence (Knuth's constants): any order will do. */
static void shuffle(struct worker_queue *items, size_t count, uint64_t seed)
{
	for (size_t left = count; left > 1; left--) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		size_t other = (size_t)(seed >> 33) % left;
		struct worker_queue kept = items[left - 1];
		items[left - 1] = items[other];
		items[other] = kept;
	}
}

/* The pools, each twice: its urgent mail first. */
static void add_pool(const struct routing_settings *settings, size_t i, bool is_tail,
		     const struct queues_wanted *wanted, struct worker_queues *queues)
{
	const struct pool_settings *pool = CONF_ITEM(&settings->pools, struct pool_settings, i / 2);
	char word[ROUTING_NAME_MAX + 1];
	if (!is_wanted(wanted->pools, wanted->pool_count, pool->name) ||
	    !routing_pool_word(pool, i % 2 == 0, word))
		return;
	if (!is_tail)
		add_named(settings, pool->name, word, wanted, queues);
	else if (is_wanted(wanted->sites, wanted->site_count, TAIL_SITE))
		add_tail(pool->name, word, queues);
}

enum err worker_queues_select(const struct routing_settings *settings,
			      const struct queues_wanted *wanted, uint64_t seed,
			      struct worker_queues *ret, struct why *why)
{
	enum err err = check_names(settings, wanted, why);
	if (err)
		return err;
	size_t room = 2 * settings->pools.count * (settings->sites.count + ROUTING_TAIL_SHARDS);
	struct worker_queues queues = {.items = memory_array(room, sizeof *queues.items)};
	size_t tail_start = 0;
	for (int tail = 0; tail <= 1; tail++) {
		tail_start = queues.count;
		for (size_t i = 0; i < 2 * settings->pools.count; i++)
			add_pool(settings, i, tail == 1, wanted, &queues);
	}
	shuffle(queues.items + tail_start, queues.count - tail_start, seed);
	*ret = queues;
	return OK;
}

void worker_queues_keep(struct worker_queues *queues,
			bool (*is_served)(void *owner, const char *pool), void *owner)
{
	size_t kept = 0;
	for (size_t i = 0; i < queues->count; i++)
		if (is_served(owner, queues->items[i].pool))
			queues->items[kept++] = queues->items[i];
	queues->count = kept;
}

void worker_queues_done(struct worker_queues *queues)
{
	free(queues->items);
	*queues = (struct worker_queues){0};
}
