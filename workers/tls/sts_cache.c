/* domain -> "1 FETCHED ENDS ID\n" and the policy's text as it came: it is parsed at each look-up, which takes a microsecond. */
#include "workers/tls/sts_cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define KEPT_MAX 200000 /* policies; domains that mail goes to are many, but not without end */

static struct bytes word(struct bytes *rest, uint8_t end)
{
	ptrdiff_t at = bytes_find(*rest, end);
	struct bytes word = at < 0 ? BYTES_NONE : bytes_first(*rest, (size_t)at);
	*rest = bytes_skip(*rest, word.len + 1);
	return word;
}

static bool decode(struct bytes value, struct sts_kept *ret)
{
	uint64_t fetched, ends;
	memset(ret, 0, sizeof *ret);
	if (!bytes_is(word(&value, ' '), "1") ||
	    !bytes_to_u64(word(&value, ' '), INT64_MAX, &fetched) ||
	    !bytes_to_u64(word(&value, ' '), INT64_MAX, &ends) ||
	    !bytes_to_cstr(word(&value, '\n'), ret->id, sizeof ret->id))
		return false;
	ret->fetched_wall_ms = (int64_t)fetched;
	ret->ends_wall_ms = (int64_t)ends;
	return sts_policy_parse(value, &ret->policy);
}

bool sts_cache_find(const struct sts_cache *cache, const char *domain, int64_t now_wall_ms,
		    struct sts_kept *ret)
{
	struct bytes value;
	struct store_txn *txn = store_read_begin(cache->store);
	bool is_found = store_get(txn, cache->database, bytes_of(domain), &value) == OK &&
			decode(value, ret) && ret->ends_wall_ms > now_wall_ms;
	store_read_end(&txn);
	return is_found;
}

/* ---- writing ---- */

struct write {
	int database;
	bool is_drop;
	char domain[256];
	size_t len;
	uint8_t value[];
};

static enum err run(void *owner, struct store_txn *txn)
{
	const struct write *write = owner;
	struct bytes key = bytes_of(write->domain);
	if (write->is_drop)
		return store_delete(txn, write->database, key);
	if (store_count(txn, write->database) >= KEPT_MAX)
		return E_FULL;
	return store_put(txn, write->database, key, bytes_from(write->value, write->len));
}

static void on_written(void *owner, enum err err)
{
	if (err != OK)
		log_event(EV_store_failed, F_TEXT("what", STS_DATABASE),
			  F_TEXT("reason", err_text(err)));
	free(owner);
}

void sts_cache_keep(const struct sts_cache *cache, const char *domain, const struct sts_kept *kept,
		    struct bytes text)
{
	char head[100];
	int head_len = snprintf(head, sizeof head, "1 %" PRId64 " %" PRId64 " %s\n",
				kept->fetched_wall_ms, kept->ends_wall_ms, kept->id);
	struct write *write = memory_new(sizeof *write + (size_t)head_len + text.len);
	write->database = cache->database;
	(void)snprintf(write->domain, sizeof write->domain, "%s", domain);
	memcpy(write->value, head, (size_t)head_len);
	memcpy(write->value + head_len, text.data, text.len);
	write->len = (size_t)head_len + text.len;
	store_write(cache->store, run, cache->loop, on_written, write);
}

static void drop(const struct sts_cache *cache, const char *domain)
{
	struct write *write = memory_new(sizeof *write);
	write->database = cache->database;
	write->is_drop = true;
	(void)snprintf(write->domain, sizeof write->domain, "%s", domain);
	store_write(cache->store, run, cache->loop, on_written, write);
}

/* ---- what is due ---- */

struct walk {
	int64_t now_wall_ms, ends_wall_ms, fetched_wall_ms;
	const char *from;
	struct sts_due *due, *ended;
};

static void add(struct sts_due *due, struct bytes domain)
{
	if (bytes_to_cstr(domain, due->domains[due->count], sizeof due->domains[0]))
		due->count++;
}

static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct walk *walk = owner;
	struct sts_kept kept;
	if (bytes_is(key, walk->from))
		return true;
	if (!decode(value, &kept) || kept.ends_wall_ms <= walk->now_wall_ms)
		add(walk->ended, key);
	else if (kept.ends_wall_ms < walk->ends_wall_ms ||
		 kept.fetched_wall_ms < walk->fetched_wall_ms)
		add(walk->due, key);
	return walk->due->count < STS_DUE_MAX && walk->ended->count < STS_DUE_MAX;
}

void sts_cache_due(const struct sts_cache *cache, int64_t now_wall_ms, int64_t ends_wall_ms,
		   int64_t fetched_wall_ms, const char *from, struct sts_due *ret)
{
	struct sts_due ended = {0};
	struct walk walk = {.now_wall_ms = now_wall_ms,
			    .ends_wall_ms = ends_wall_ms,
			    .fetched_wall_ms = fetched_wall_ms,
			    .from = from,
			    .due = ret,
			    .ended = &ended};
	ret->count = 0;
	struct store_txn *txn = store_read_begin(cache->store);
	enum err err =
		store_each(txn, cache->database, bytes_of(from[0] ? from : "-"), look, &walk);
	store_read_end(&txn);
	for (size_t i = 0; err == OK && i < ended.count; i++)
		drop(cache, ended.domains[i]);
}
