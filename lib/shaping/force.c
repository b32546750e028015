/* Entries hang in buckets by the hash of their site, or of their host: putting them in, and taking them out. */
#include "lib/shaping/force_inner.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

struct shaping_force *shaping_force_new(void)
{
	struct shaping_force *force = memory_new(sizeof *force);
	random_bytes(&force->seed, sizeof force->seed);
	return force;
}

void shaping_force_free(struct shaping_force **force)
{
	struct shaping_force *gone = *force;
	*force = NULL;
	for (size_t i = 0; gone && i < BUCKETS; i++)
		while (gone->buckets[i]) {
			struct node *node = gone->buckets[i];
			gone->buckets[i] = node->next;
			free(node);
		}
	free(gone);
}

size_t force_bucket(const struct shaping_force *force, const char *name)
{
	return hash_bytes(force->seed ^ HASH_START, bytes_of(name)) % BUCKETS;
}

/* ---- whom an action is for ---- */

static struct key key_of(enum shaping_action action, const struct shaping_facts *facts)
{
	struct key key = {
		.action = action, .site = facts->site, .source = "", .subject = "", .tenant = ""};
	switch (shaping_action_scope(action)) {
	case SCOPE_LINK:
		key.source = facts->source;
		break;
	case SCOPE_TENANT:
		key.subject = facts->tenant;
		break;
	case SCOPE_CAMPAIGN:
		key.subject = facts->campaign;
		key.tenant = facts->tenant;
		break;
	case SCOPE_HOST:
		key.site = "";
		key.subject = facts->host;
		break;
	case SCOPE_SITE:
	case SCOPE_DELIVERY:
		break;
	}
	return key;
}

static const char *bucket_name(const struct key *key)
{
	return key->site[0] ? key->site : key->subject;
}

struct node *force_find(const struct shaping_force *force, const struct key *key)
{
	struct node *node = force->buckets[force_bucket(force, bucket_name(key))];
	for (; node; node = node->next)
		if (node->entry.action == key->action && strcmp(node->entry.site, key->site) == 0 &&
		    strcmp(node->entry.source, key->source) == 0 &&
		    strcmp(node->entry.subject, key->subject) == 0 &&
		    strcmp(node->entry.tenant, key->tenant) == 0)
			return node;
	return NULL;
}

const struct shaping_entry *shaping_force_find(const struct shaping_force *force,
					       enum shaping_action action,
					       const struct shaping_facts *facts)
{
	struct key key = key_of(action, facts);
	const struct node *node = force_find(force, &key);
	return node ? &node->entry : NULL;
}

static uint64_t hash_of(const struct key *key)
{
	uint64_t hash = hash_bytes(HASH_START, bytes_of(shaping_action_name(key->action)));
	hash = hash_bytes(hash * 31, bytes_of(key->site));
	hash = hash_bytes(hash * 31, bytes_of(key->source));
	hash = hash_bytes(hash * 31, bytes_of(key->tenant));
	return hash_bytes(hash * 31, bytes_of(key->subject)) >> 24;
}

uint64_t shaping_entry_name(const struct shaping_entry *entry)
{
	const struct key key = {entry->action, entry->site, entry->source, entry->subject,
				entry->tenant};
	return hash_of(&key);
}

uint64_t shaping_name_of(enum shaping_action action, const struct shaping_facts *facts)
{
	const struct key key = key_of(action, facts);
	return hash_of(&key);
}

/* ---- putting in force ---- */

static const char *put(char **at, const char *text)
{
	char *copy = *at;
	size_t size = strlen(text) + 1;
	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static struct node *new_node(const struct key *key, const struct shaping_fired *fired)
{
	size_t size = strlen(key->site) + strlen(key->source) + strlen(key->subject) +
		      strlen(key->tenant) + strlen(fired->rule) + strlen(fired->text) + 6;
	struct node *node = memory_new(sizeof *node + size);
	char *at = node->texts;
	node->entry = (struct shaping_entry){
		.action = key->action,
		.site = put(&at, key->site),
		.source = put(&at, key->source),
		.subject = put(&at, key->subject),
		.tenant = put(&at, key->tenant),
		.rule = put(&at, fired->rule),
		.text = put(&at, fired->text),
		.reply = node->reply,
	};
	return node;
}

static void keep_reply(struct node *node, const struct shaping_facts *facts)
{
	char *out = node->reply;
	int len = 0;
	if (facts->code)
		len = snprintf(out, SHAPING_REPLY_MAX, "%03u ", facts->code % 1000);
	if (facts->enhanced[0])
		len += snprintf(out + len, SHAPING_REPLY_MAX - (size_t)len, "%u.%u.%u ",
				facts->enhanced[0], facts->enhanced[1], facts->enhanced[2]);
	struct bytes text = bytes_first(facts->text, SHAPING_REPLY_MAX - (size_t)len);
	while (text.len < facts->text.len && text.len > 0 && (text.data[text.len] & 0xc0) == 0x80)
		text.len--; /* no letter is cut in two */
	for (size_t i = 0; i < text.len; i++)
		out[(size_t)len + i] = (char)(text.data[i] == '\n' ? ' ' : text.data[i]);
	out[(size_t)len + text.len] = '\0';
}

/* `value` of what was fired is how much to take away; that of the entry is how much is left. */
static void strengthen(struct node *node, const struct shaping_fired *fired, int64_t now_ms)
{
	struct shaping_entry *entry = &node->entry;
	if (!shaping_action_goes_back(entry->action)) {
		entry->value = fired->value;
		return;
	}
	bool is_new = entry->reply_count == 0;
	if (!is_new && now_ms - node->strengthened_ms < SHAPING_SETTLE_MS)
		return;
	int64_t before = is_new ? 100 : (int64_t)shaping_entry_percent(entry, now_ms);
	int64_t left = before * (100 - fired->value) / 100;
	entry->value = left > SHAPING_PERCENT_LEAST ? left : SHAPING_PERCENT_LEAST;
	node->strengthened_ms = now_ms;
}

static void prolong(struct shaping_entry *entry, const struct shaping_fired *fired)
{
	if (fired->until_ms > entry->until_ms || entry->reply_count == 0)
		entry->until_ms = fired->until_ms;
	entry->period_ms = fired->period_ms;
	entry->over_ms =
		entry->until_ms + (shaping_action_goes_back(entry->action) ? fired->period_ms : 0);
}

/* Another rule, another pool: the entry starts anew with the id it has. */
static bool is_same_cause(const struct shaping_entry *entry, const struct shaping_fired *fired)
{
	return strcmp(entry->rule, fired->rule) == 0 && strcmp(entry->text, fired->text) == 0;
}

static void unlink_node(struct shaping_force *force, struct node *node)
{
	const struct shaping_entry *entry = &node->entry;
	size_t bucket = force_bucket(force, entry->site[0] ? entry->site : entry->subject);
	struct node **at = &force->buckets[bucket];
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	force->count--;
}

static struct node *link_node(struct shaping_force *force, struct node *node, const struct key *key)
{
	size_t bucket = force_bucket(force, bucket_name(key));
	node->next = force->buckets[bucket];
	force->buckets[bucket] = node;
	force->count++;
	return node;
}

/* The names of its cause are replaced, all else stays. */
static struct node *rename_node(struct shaping_force *force, struct node *old,
				const struct key *key, const struct shaping_fired *fired)
{
	struct node *node = new_node(key, fired);
	struct shaping_entry was = old->entry;
	node->strengthened_ms = old->strengthened_ms;
	unlink_node(force, old);
	free(old);
	node->entry.id = was.id;
	node->entry.value = was.value;
	node->entry.since_ms = was.since_ms;
	node->entry.until_ms = was.until_ms;
	node->entry.over_ms = was.over_ms;
	node->entry.period_ms = was.period_ms;
	node->entry.reply_count = was.reply_count;
	node->entry.is_own = was.is_own;
	return link_node(force, node, key);
}

const struct shaping_entry *shaping_force_add(struct shaping_force *force,
					      const struct shaping_fired *fired,
					      const struct shaping_facts *facts)
{
	if (shaping_action_scope(fired->action) == SCOPE_DELIVERY)
		return NULL;
	struct key key = key_of(fired->action, facts);
	struct node *node = force_find(force, &key);
	if (!node && force->count >= SHAPING_FORCE_MAX) {
		force->refused++;
		return NULL;
	}
	if (!node) {
		node = link_node(force, new_node(&key, fired), &key);
		node->entry.id = ++force->last_id;
		node->entry.since_ms = facts->now_ms;
	} else if (!is_same_cause(&node->entry, fired)) {
		node = rename_node(force, node, &key, fired);
	}
	strengthen(node, fired, facts->now_ms);
	prolong(&node->entry, fired);
	keep_reply(node, facts);
	node->entry.fired_ms = facts->now_ms;
	node->entry.reply_count++;
	node->entry.is_own |= fired->is_own;
	return &node->entry;
}

/* ---- taking out ---- */

bool shaping_force_cancel(struct shaping_force *force, uint64_t id)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node *node = force->buckets[i]; node; node = node->next)
			if (node->entry.id == id) {
				unlink_node(force, node);
				free(node);
				return true;
			}
	return false;
}

size_t shaping_force_expire(struct shaping_force *force, int64_t now_ms,
			    void (*gone)(void *owner, const struct shaping_entry *entry),
			    void *owner)
{
	size_t count = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node **at = &force->buckets[i]; *at;) {
			struct node *node = *at;
			if (node->entry.over_ms > now_ms) {
				at = &node->next;
				continue;
			}
			*at = node->next;
			force->count--;
			count++;
			if (gone)
				gone(owner, &node->entry);
			free(node);
		}
	return count;
}

int64_t shaping_force_next_ms(const struct shaping_force *force)
{
	int64_t next_ms = INT64_MAX;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *node = force->buckets[i]; node; node = node->next)
			if (node->entry.over_ms < next_ms)
				next_ms = node->entry.over_ms;
	return next_ms;
}

/* ---- each ---- */

void shaping_force_each(const struct shaping_force *force, const char *site,
			void (*each)(void *owner, const struct shaping_entry *entry), void *owner)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *node = force->buckets[i]; node; node = node->next)
			if (!site || strcmp(node->entry.site, site) == 0)
				each(owner, &node->entry);
}

size_t shaping_force_count(const struct shaping_force *force)
{
	return force->count;
}

uint64_t shaping_force_refused(const struct shaping_force *force)
{
	return force->refused;
}
