/* A check under way keeps its entry; the oldest other one makes room. */
#include "ingest/login_guard.h"

#include <assert.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"

struct guard_entry {
	unsigned failure_count, under_way_count;
	int64_t last_at_ms;
	uint64_t last_guess;
};

struct login_guard {
	struct recents *table;
};

static bool may_go(const void *entry)
{
	return ((const struct guard_entry *)entry)->under_way_count == 0;
}

static const struct recents_type table_type = {
	.size = sizeof(struct guard_entry), .max = LOGIN_GUARD_ENTRIES, .may_go = may_go};

static struct bytes key_of(const struct net_address *address, uint8_t network[NET_NETWORK_SIZE])
{
	return bytes_from(network, net_address_network(address, network));
}

static struct guard_entry *find(struct login_guard *guard, struct bytes key, int64_t now_ms)
{
	struct guard_entry *entry = recents_find(guard->table, key);
	if (entry && now_ms - entry->last_at_ms > LOGIN_GUARD_WINDOW_MS)
		entry->failure_count = 0;
	return entry;
}

struct login_guard *login_guard_new(void)
{
	struct login_guard *guard = memory_new(sizeof *guard);
	guard->table = recents_new(&table_type);
	return guard;
}

void login_guard_free(struct login_guard **guard)
{
	if (!*guard)
		return;
	recents_free(&(*guard)->table);
	free(*guard);
	*guard = NULL;
}

unsigned login_guard_failures(struct login_guard *guard, const struct net_address *address,
			      int64_t now_ms)
{
	uint8_t network[NET_NETWORK_SIZE];
	const struct guard_entry *entry = find(guard, key_of(address, network), now_ms);
	return entry ? entry->failure_count : 0;
}

bool login_guard_enter(struct login_guard *guard, const struct net_address *address, int64_t now_ms)
{
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = key_of(address, network);
	struct guard_entry *entry = find(guard, key, now_ms);
	if (entry && entry->under_way_count >= LOGIN_GUARD_AT_ONCE)
		return false;
	if (!entry) {
		entry = recents_use(guard->table, key);
		entry->last_at_ms = now_ms;
	}
	entry->under_way_count++;
	return true;
}

void login_guard_leave(struct login_guard *guard, const struct net_address *address, int64_t now_ms,
		       const uint64_t *wrong_guess)
{
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = key_of(address, network);
	struct guard_entry *entry = find(guard, key, now_ms);
	assert(entry && entry->under_way_count > 0);
	entry->under_way_count--;
	if (wrong_guess && (entry->failure_count == 0 || entry->last_guess != *wrong_guess)) {
		entry->failure_count++;
		entry->last_guess = *wrong_guess;
	}
	if (wrong_guess)
		entry->last_at_ms = now_ms;
	if (entry->failure_count == 0 && entry->under_way_count == 0)
		recents_drop(guard->table, key);
}

int64_t login_guard_delay_ms(unsigned count)
{
	unsigned doublings = count > 4 ? 3 : count > 0 ? count - 1 : 0;
	return INT64_C(1000) << doublings;
}
