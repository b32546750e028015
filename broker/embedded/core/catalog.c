/* See catalog.h. The fixed queues are one table; those of pools and sites follow the settings; subscribers' are added by name. A
 * queue that the settings no longer ask for stays, with what is in it. */
#include <stdio.h>

#include "broker/embedded/core/catalog_inner.h"
#include "broker/embedded/core/core_parts.h"
#include "broker/embedded/core/topic.h"
#include "broker/engine.h"
#include "lib/base/memory.h"

static const struct {
	const char *name;
	enum queue_rule rule;
} fixed[] = {
	{QUEUE_LOST, QUEUE_RULE_END},
	{QUEUE_BURIED, QUEUE_RULE_END},
	{QUEUE_REFUSED, QUEUE_RULE_END},
	{QUEUE_WAITING, QUEUE_RULE_WAITING},
	{QUEUE_SUBMIT_TX, QUEUE_RULE_MAIL},
	{QUEUE_SUBMIT_BULK, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_RESULTS, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_DIRECTIVES, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_DSN, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_FBL, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_UNSUB, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_MAIL, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_UNKNOWN, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_REPORTS, QUEUE_RULE_MAIL},
	{QUEUE_BOUNCER_TLS, QUEUE_RULE_MAIL},
};
/* Our own subscriber. */
#define BOUNCER_PATTERN "#"

/* ---- items ---- */

static struct item *item_of(const struct queue *queue)
{
	return queue->hash_handle;
}

static struct item *find_item(const struct catalog *catalog, const char *name)
{
	struct item *item;
	HASH_FIND(by_name, catalog->by_name, name, strlen(name), item);
	return item;
}

struct queue *catalog_find(const struct catalog *catalog, const char *name)
{
	struct item *item = find_item(catalog, name);
	return item ? item->queue : NULL;
}

struct queue *catalog_by_id(const struct catalog *catalog, uint32_t id)
{
	struct item *item;
	HASH_FIND(by_id, catalog->by_id, &id, sizeof id, item);
	return item ? item->queue : NULL;
}

struct queue *catalog_first(const struct catalog *catalog)
{
	return catalog->first;
}

bool catalog_is_subscriber(const struct queue *queue)
{
	return item_of(queue)->is_subscriber;
}

static struct item *add_item(struct catalog *catalog, uint32_t id, const char *name,
			     enum queue_rule rule)
{
	struct item *item = memory_new(sizeof *item);
	struct queue *queue = queue_new(catalog->core, id, name, rule);
	item->queue = queue;
	queue->hash_handle = item;
	HASH_ADD_KEYPTR(by_name, catalog->by_name, queue->name, strlen(queue->name), item);
	HASH_ADD_KEYPTR(by_id, catalog->by_id, &queue->id, sizeof queue->id, item);
	*catalog->end = queue;
	catalog->end = &queue->next;
	catalog->count++;
	if (id >= catalog->next_id)
		catalog->next_id = id + 1;
	return item;
}

static bool has_pattern(const struct item *item, const char *pattern)
{
	for (size_t i = 0; i < item->pattern_count; i++)
		if (strcmp(item->patterns[i], pattern) == 0)
			return true;
	return false;
}

static void add_pattern(struct catalog *catalog, struct item *item, const char *pattern)
{
	if (has_pattern(item, pattern))
		return;
	item->patterns = memory_grow(item->patterns, item->pattern_count + 1, sizeof(char *));
	item->patterns[item->pattern_count++] = memory_text(pattern);
	if (item->pattern_count > 1)
		return;
	catalog->subscribers = memory_grow(catalog->subscribers, catalog->subscriber_count + 1,
					   sizeof(struct item *));
	catalog->subscribers[catalog->subscriber_count++] = item;
	catalog->targets = memory_grow(catalog->targets, catalog->subscriber_count + 1,
				       sizeof(struct queue *));
}

static void free_item(struct catalog *catalog, struct item *item)
{
	HASH_DELETE(by_name, catalog->by_name, item);
	HASH_DELETE(by_id, catalog->by_id, item);
	queue_free(item->queue);
	for (size_t i = 0; i < item->pattern_count; i++)
		free(item->patterns[i]);
	free(item->patterns);
	free(item);
}

/* ---- what the settings ask for ---- */

static void store_queue(struct catalog *catalog, const struct queue *queue)
{
	struct change *change = change_new(CHANGE_QUEUE);
	change->queue = queue->id;
	change->text = memory_text(queue->name);
	core_add(catalog->core, change);
}

static struct item *want(struct catalog *catalog, const char *name, enum queue_rule rule)
{
	struct item *item = find_item(catalog, name);
	if (item) {
		item->queue->rule = rule;
		item->is_subscriber = false;
		return item;
	}
	item = add_item(catalog, catalog->next_id, name, rule);
	store_queue(catalog, item->queue);
	return item;
}

static void want_pool(struct catalog *catalog, const struct routing_settings *routing,
		      const char *pool)
{
	char name[QUEUE_NAME_MAX];
	for (size_t i = 0; i < routing->sites.count; i++) {
		const struct site_settings *site =
			CONF_ITEM(&routing->sites, struct site_settings, i);
		if (!site_has_queue(site))
			continue;
		(void)snprintf(name, sizeof name, ENGINE_DELIVERY_QUEUE, pool, site->name);
		(void)want(catalog, name, QUEUE_RULE_MAIL);
	}
	for (unsigned shard = 0; shard < ROUTING_TAIL_SHARDS; shard++) {
		(void)snprintf(name, sizeof name, ENGINE_TAIL_QUEUE, pool, shard);
		(void)want(catalog, name, QUEUE_RULE_SINGLE);
	}
}

static void want_all(struct catalog *catalog)
{
	const struct routing_settings *routing = routing_settings(catalog->core->routing);
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		(void)want(catalog, fixed[i].name, fixed[i].rule);
	for (size_t i = 0; i < 2 * routing->pools.count; i++) {
		char word[ROUTING_NAME_MAX + 1];
		if (routing_pool_word(CONF_ITEM(&routing->pools, struct pool_settings, i / 2),
				      i % 2 == 1, word))
			want_pool(catalog, routing, word);
	}
	add_pattern(catalog, find_item(catalog, QUEUE_BOUNCER_RESULTS), BOUNCER_PATTERN);
	catalog->lost = catalog_find(catalog, QUEUE_LOST);
	catalog->buried = catalog_find(catalog, QUEUE_BURIED);
	catalog->refused = catalog_find(catalog, QUEUE_REFUSED);
	catalog->tx = catalog_find(catalog, QUEUE_SUBMIT_TX);
	catalog->bulk = catalog_find(catalog, QUEUE_SUBMIT_BULK);
}

/* ---- what is on disk ---- */

static bool read_queue(void *owner, struct bytes key, struct bytes value)
{
	struct catalog *catalog = owner;
	char name[QUEUE_NAME_MAX];
	uint32_t id;
	if (layout_read_queue(key, &id) && bytes_to_cstr(value, name, sizeof name) &&
	    !find_item(catalog, name))
		(void)add_item(catalog, id, name, QUEUE_RULE_MAIL);
	return true;
}

static bool read_binding(void *owner, struct bytes key, struct bytes value)
{
	struct catalog *catalog = owner;
	char pattern[TOPIC_PATTERN_MAX + 1];
	struct queue *queue;
	uint32_t id;
	(void)value;
	if (layout_read_binding_key(key, &id, pattern, sizeof pattern) &&
	    (queue = catalog_by_id(catalog, id))) {
		item_of(queue)->is_subscriber = true;
		add_pattern(catalog, item_of(queue), pattern);
	}
	return true;
}

enum err catalog_open(struct core *core, struct store_txn *txn, struct catalog **ret,
		      struct why *why)
{
	struct catalog *catalog = memory_new(sizeof *catalog);
	catalog->core = core;
	catalog->end = &catalog->first;
	catalog->next_id = 1;
	enum err err = store_each(txn, core->databases.queues, BYTES_NONE, read_queue, catalog);
	if (!err)
		err = store_each(txn, core->databases.bindings, BYTES_NONE, read_binding, catalog);
	if (err) {
		catalog_free(&catalog);
		return fail(why, err, "the queues cannot be read");
	}
	want_all(catalog);
	*ret = catalog;
	return OK;
}

void catalog_free(struct catalog **catalog)
{
	struct catalog *old = *catalog;
	*catalog = NULL;
	if (!old)
		return;
	for (struct queue *queue = old->first, *next; queue; queue = next) {
		next = queue->next;
		free_item(old, item_of(queue));
	}
	free(old->subscribers);
	free(old->targets);
	free(old);
}

/* ---- subscribers ---- */

/* A name for people and scripts: printable, no spaces. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return len > 0 && len < QUEUE_NAME_MAX;
}

enum err catalog_subscribe(struct catalog *catalog, const char *name, const char *pattern,
			   struct queue **ret, bool *ret_is_new)
{
	struct item *item = find_item(catalog, name);
	if (!is_name(name) || strlen(pattern) > TOPIC_PATTERN_MAX || (item && !item->is_subscriber))
		return E_REFUSED;
	if (item ? item->pattern_count >= CATALOG_PATTERNS_MAX
		 : catalog->count >= CATALOG_QUEUES_MAX)
		return E_FULL;
	*ret_is_new = !item;
	if (!item) {
		item = add_item(catalog, catalog->next_id, name, QUEUE_RULE_MAIL);
		item->is_subscriber = true;
	}
	add_pattern(catalog, item, pattern);
	*ret = item->queue;
	return OK;
}

static void unlink_queue(struct catalog *catalog, struct queue *queue)
{
	struct queue **link = &catalog->first;
	while (*link != queue)
		link = &(*link)->next;
	*link = queue->next;
	if (catalog->end == &queue->next)
		catalog->end = link;
	catalog->count--;
}

void catalog_remove(struct catalog *catalog, struct queue *queue)
{
	struct item *item = item_of(queue);
	for (size_t i = 0; i < catalog->subscriber_count; i++) {
		if (catalog->subscribers[i] == item) {
			catalog->subscribers[i] = catalog->subscribers[--catalog->subscriber_count];
			break;
		}
	}
	queue_forget_wake(queue);
	unlink_queue(catalog, queue);
	free_item(catalog, item);
}
