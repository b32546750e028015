/* A hash table in order of birth; the oldest entry without a check under way makes room. */
#include "ingest/login_guard.h"

#include <assert.h>
#include <uthash.h>

#include "lib/base/memory.h"

struct guard_key {
	uint8_t network[NET_NETWORK_SIZE];
};

struct guard_entry {
	struct guard_key key;
	unsigned failure_count, under_way_count;
	int64_t last_at_ms;
	uint64_t last_guess;
	UT_hash_handle hh;
};

struct login_guard {
	struct guard_entry *table;
};

static struct guard_key key_of(const struct net_address *address)
{
	struct guard_key key;
	(void)net_address_network(address, key.network);
	return key;
}

static struct guard_entry *find(struct login_guard *guard, const struct net_address *address,
				int64_t now_ms)
{
	struct guard_key key = key_of(address);
	struct guard_entry *entry = NULL;
	HASH_FIND(hh, guard->table, &key, sizeof key, entry);
	if (entry && now_ms - entry->last_at_ms > LOGIN_GUARD_WINDOW_MS)
		entry->failure_count = 0;
	return entry;
}

static void drop(struct login_guard *guard, struct guard_entry *entry)
{
	HASH_DEL(guard->table, entry);
	free(entry);
}

static void make_room(struct login_guard *guard)
{
	if (HASH_COUNT(guard->table) < LOGIN_GUARD_ENTRIES)
		return;
	for (struct guard_entry *entry = guard->table; entry; entry = entry->hh.next)
		if (entry->under_way_count == 0) {
			drop(guard, entry);
			return;
		}
}

struct login_guard *login_guard_new(void)
{
	return memory_new(sizeof(struct login_guard));
}

void login_guard_free(struct login_guard **guard)
{
	if (!*guard)
		return;
	struct guard_entry *entry = (*guard)->table;
	HASH_CLEAR(hh, (*guard)->table);
	while (entry) {
		struct guard_entry *next = entry->hh.next;
		free(entry);
		entry = next;
	}
	free(*guard);
	*guard = NULL;
}

unsigned login_guard_failures(struct login_guard *guard, const struct net_address *address,
			      int64_t now_ms)
{
	const struct guard_entry *entry = find(guard, address, now_ms);
	return entry ? entry->failure_count : 0;
}

bool login_guard_enter(struct login_guard *guard, const struct net_address *address, int64_t now_ms)
{
	struct guard_entry *entry = find(guard, address, now_ms);
	if (entry && entry->under_way_count >= LOGIN_GUARD_AT_ONCE)
		return false;
	if (!entry) {
		make_room(guard);
		entry = memory_new(sizeof *entry);
		entry->key = key_of(address);
		entry->last_at_ms = now_ms;
		HASH_ADD(hh, guard->table, key, sizeof entry->key, entry);
	}
	entry->under_way_count++;
	return true;
}

void login_guard_leave(struct login_guard *guard, const struct net_address *address, int64_t now_ms,
		       const uint64_t *wrong_guess)
{
	struct guard_entry *entry = find(guard, address, now_ms);
	assert(entry && entry->under_way_count > 0);
	entry->under_way_count--;
	if (wrong_guess && (entry->failure_count == 0 || entry->last_guess != *wrong_guess)) {
		entry->failure_count++;
		entry->last_guess = *wrong_guess;
	}
	if (wrong_guess)
		entry->last_at_ms = now_ms;
	if (entry->failure_count == 0 && entry->under_way_count == 0)
		drop(guard, entry);
}

int64_t login_guard_delay_ms(unsigned count)
{
	unsigned doublings = count > 4 ? 3 : count > 0 ? count - 1 : 0;
	return INT64_C(1000) << doublings;
}
