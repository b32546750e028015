/* A bucket for each key: it holds one minute's worth and fills steadily. Entries are in order of their last use. */
#include "ingest/quotas.h"

#include <assert.h>
#include <uthash.h>

#include "lib/base/memory.h"

#define MINUTE_MS 60000

struct quota {
	double tokens; /* messages it may still send */
	int64_t filled_at_ms;
	unsigned session_count;
	size_t key_len;
	UT_hash_handle hh;
	uint8_t key[];
};

struct quotas {
	struct quota *table;
};

struct quotas *quotas_new(void)
{
	return memory_new(sizeof(struct quotas));
}

void quotas_free(struct quotas **quotas)
{
	if (!*quotas)
		return;
	struct quota *quota = (*quotas)->table;
	HASH_CLEAR(hh, (*quotas)->table);
	while (quota) {
		struct quota *next = quota->hh.next;
		free(quota);
		quota = next;
	}
	free(*quotas);
	*quotas = NULL;
}

static struct quota *find(struct quotas *quotas, struct bytes key)
{
	struct quota *quota = NULL;
	HASH_FIND(hh, quotas->table, key.data, key.len, quota);
	return quota;
}

static void make_room(struct quotas *quotas)
{
	if (HASH_COUNT(quotas->table) < QUOTAS_MAX)
		return;
	for (struct quota *quota = quotas->table; quota; quota = quota->hh.next)
		if (quota->session_count == 0) {
			HASH_DEL(quotas->table, quota);
			free(quota);
			return;
		}
}

/* The entry of a key, now the one used last. A new one has `tokens`. */
static struct quota *use(struct quotas *quotas, struct bytes key, double tokens, int64_t now_ms)
{
	struct quota *quota = find(quotas, key);
	assert(key.len > 0 && key.len <= QUOTAS_KEY_MAX);
	if (quota) {
		HASH_DEL(quotas->table, quota);
	} else {
		make_room(quotas);
		quota = memory_new(sizeof *quota + key.len);
		quota->tokens = tokens;
		quota->filled_at_ms = now_ms;
		quota->key_len = key.len;
		memcpy(quota->key, key.data, key.len);
	}
	HASH_ADD_KEYPTR(hh, quotas->table, quota->key, quota->key_len, quota);
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
	struct quota *quota = find(quotas, key);
	assert(quota && quota->session_count > 0);
	quota->session_count--;
}
