/* A bucket for each key: it holds one minute's worth and fills steadily. */
#include "ingest/quotas.h"

#include <assert.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"

#define MINUTE_MS 60000

struct quota {
	double tokens; /* messages it may still send */
	int64_t filled_at_ms;
	unsigned session_count;
	bool is_filled; /* not just born */
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

/* The entry of a key, now the one used last. A new one has `tokens`. */
static struct quota *use(struct quotas *quotas, struct bytes key, double tokens, int64_t now_ms)
{
	assert(key.len > 0 && key.len <= QUOTAS_KEY_MAX);
	struct quota *quota = recents_use(quotas->table, key);
	if (!quota->is_filled)
		*quota =
			(struct quota){.tokens = tokens, .filled_at_ms = now_ms, .is_filled = true};
	return quota;
}

bool quotas_take(struct quotas *quotas, struct bytes key, unsigned per_minute, int64_t now_ms)
{
	struct quota *quota = use(quotas, key, per_minute, now_ms);
	double more = (double)(now_ms - quota->filled_at_ms) * per_minute / MINUTE_MS;
	quota->filled_at_ms = now_ms;
	quota->tokens = quota->tokens + more > per_minute ? per_minute : quota->tokens + more;
	if (quota->tokens < 1)
		return false;
	quota->tokens -= 1;
	return true;
}

bool quotas_enter(struct quotas *quotas, struct bytes key, unsigned max_count, int64_t now_ms)
{
	struct quota *quota = use(quotas, key, 1e9, now_ms);
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
