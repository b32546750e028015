/* A bucket for each key and kind: it holds one minute's worth and fills steadily. */
#include "ingest/quotas.h"

#include <assert.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"

#define MINUTE_MS 60000

struct bucket {
	double tokens; /* how many may still come */
	int64_t filled_at_ms;
	bool is_filled; /* not just born */
};

struct quota {
	struct bucket buckets[QUOTA_KINDS];
	unsigned session_count;
};

struct quotas {
	struct recents *table;
};

static bool is_idle(const void *entry)
{
	return ((const struct quota *)entry)->session_count == 0;
}

static const struct recents_type table_type = {
	.size = sizeof(struct quota), .max = QUOTAS_MAX, .may_go = is_idle};

struct quotas *quotas_new(void)
{
	struct quotas *quotas = memory_new(sizeof *quotas);
	quotas->table = recents_new(&table_type);
	return quotas;
}

void quotas_free(struct quotas **quotas)
{
	if (!*quotas)
		return;
	recents_free(&(*quotas)->table);
	free(*quotas);
	*quotas = NULL;
}

/* The entry of a key, now the one used last. */
static struct quota *use(struct quotas *quotas, struct bytes key)
{
	assert(key.len > 0 && key.len <= QUOTAS_KEY_MAX);
	return recents_use(quotas->table, key);
}

static void fill(struct bucket *bucket, unsigned per_minute, int64_t now_ms)
{
	double more = (double)(now_ms - bucket->filled_at_ms) * per_minute / MINUTE_MS;
	bool is_full = !bucket->is_filled || bucket->tokens + more > per_minute;
	bucket->tokens = is_full ? per_minute : bucket->tokens + more;
	bucket->filled_at_ms = now_ms;
	bucket->is_filled = true;
}

bool quotas_take(struct quotas *quotas, struct bytes key, enum quota_kind kind, unsigned per_minute,
		 int64_t now_ms)
{
	struct bucket *bucket = &use(quotas, key)->buckets[kind];
	fill(bucket, per_minute, now_ms);
	if (bucket->tokens < 1)
		return false;
	bucket->tokens -= 1;
	return true;
}

bool quotas_enter(struct quotas *quotas, struct bytes key, unsigned max_count)
{
	struct quota *quota = use(quotas, key);
	if (quota->session_count >= max_count)
		return false;
	quota->session_count++;
	return true;
}

void quotas_leave(struct quotas *quotas, struct bytes key)
{
	struct quota *quota = recents_find(quotas->table, key);
	assert(quota && quota->session_count > 0);
	quota->session_count--;
}
