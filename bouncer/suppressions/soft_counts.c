/* See soft_counts.h. Once a minute some keys are looked at, and those whose last bounce is too old to count are deleted. */
#include "bouncer/suppressions/soft_counts.h"

#include <string.h>

#include "bouncer/suppressions/soft_ring.h"
#include "lib/base/memory.h"

#define SWEEP_MS   60000
#define SWEEP_KEYS 5000
#define DEAD_MAX   500

struct soft_counts {
	struct loop *loop;
	struct store *store;
	int database;
	int64_t keep_ms;
	size_t writing; /* jobs under way: what they write is not seen yet */
	struct timer *sweep;
	/* the sweep, on the store's thread */
	bool is_sweeping;
	uint8_t next[STORE_KEY_MAX];
	size_t next_len;
	uint32_t oldest_s;
	size_t seen, dead_count;
	struct {
		uint8_t key[STORE_KEY_MAX];
		size_t len;
	} * dead;
};

struct change {
	struct soft_counts *counts;
	uint8_t key[STORE_KEY_MAX];
	size_t key_len;
	struct soft_event event; /* of a success: only its time */
	uint32_t since_s;
	unsigned count; /* left by the job */
	void (*counted)(void *owner, enum err err, unsigned count);
	void (*forgotten)(void *owner, enum err err);
	void *owner;
};

static uint32_t seconds(int64_t wall_ms)
{
	return wall_ms > 0 ? (uint32_t)(wall_ms / 1000) : 0;
}

static enum err read_ring(const struct change *change, struct store_txn *txn, struct soft_ring *ret,
			  bool *ret_is_new)
{
	struct bytes stored;
	enum err err = store_get(txn, change->counts->database,
				 bytes_from(change->key, change->key_len), &stored);
	*ret = (struct soft_ring){0};
	*ret_is_new = err == E_NOT_FOUND;
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (soft_ring_parse(stored, ret))
		*ret = (struct soft_ring){0}; /* what cannot be read is counted anew */
	return OK;
}

static enum err write_ring(const struct change *change, struct store_txn *txn,
			   const struct soft_ring *ring)
{
	uint8_t value[SOFT_RING_BYTES];
	struct bytes key = bytes_from(change->key, change->key_len);
	if (ring->count == 0)
		return store_delete(txn, change->counts->database, key);
	return store_put(txn, change->counts->database, key,
			 bytes_from(value, soft_ring_write(ring, value)));
}

static enum err count_one(void *owner, struct store_txn *txn)
{
	struct change *change = owner;
	struct soft_ring ring;
	bool is_new;
	enum err err = read_ring(change, txn, &ring, &is_new);
	if (err)
		return err;
	change->count = 1;
	if (is_new && store_count(txn, change->counts->database) >= SOFT_COUNTS_MAX)
		return OK;
	if (soft_ring_add(&ring, change->event))
		err = write_ring(change, txn, &ring);
	change->count =
		soft_ring_count(&ring, change->event.outcome, change->since_s, change->event.at_s);
	return err;
}

static enum err forget_one(void *owner, struct store_txn *txn)
{
	struct change *change = owner;
	struct soft_ring ring;
	bool is_new;
	enum err err = read_ring(change, txn, &ring, &is_new);
	if (err || is_new)
		return err;
	soft_ring_forget(&ring, change->event.at_s);
	return write_ring(change, txn, &ring);
}

static void on_changed(void *owner, enum err err)
{
	struct change *change = owner;
	change->counts->writing--;
	if (change->counted)
		change->counted(change->owner, err, change->count);
	else
		change->forgotten(change->owner, err);
	free(change);
}

static struct change *change_new(struct soft_counts *counts, struct bytes key, int64_t at_wall_ms)
{
	struct change *change = memory_new(sizeof *change);
	change->counts = counts;
	change->key_len = key.len;
	memcpy(change->key, key.data, key.len);
	change->event.at_s = seconds(at_wall_ms);
	counts->writing++;
	return change;
}

void soft_counts_add(struct soft_counts *counts, const struct soft_wish *wish,
		     void (*done)(void *owner, enum err err, unsigned count), void *owner)
{
	struct change *change = change_new(counts, wish->key, wish->at_wall_ms);
	change->event.outcome = wish->outcome;
	change->event.digest = wish->digest;
	change->since_s = seconds(wish->at_wall_ms - wish->within_ms);
	change->counted = done;
	change->owner = owner;
	store_write(counts->store, count_one, counts->loop, on_changed, change);
}

static bool is_known(struct soft_counts *counts, struct bytes key)
{
	struct bytes stored;
	struct store_txn *txn = store_read_begin(counts->store);
	bool is_there = store_get(txn, counts->database, key, &stored) != E_NOT_FOUND;
	store_read_end(&txn);
	return is_there;
}

bool soft_counts_forget(struct soft_counts *counts, struct bytes key, int64_t at_wall_ms,
			void (*done)(void *owner, enum err err), void *owner)
{
	if (counts->writing == 0 && !is_known(counts, key))
		return false;
	struct change *change = change_new(counts, key, at_wall_ms);
	change->forgotten = done;
	change->owner = owner;
	store_write(counts->store, forget_one, counts->loop, on_changed, change);
	return true;
}

/* ---- forgetting what is too old ---- */

static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct soft_counts *counts = owner;
	struct soft_ring ring;
	if (counts->seen++ == SWEEP_KEYS || counts->dead_count == DEAD_MAX) {
		memcpy(counts->next, key.data, key.len);
		counts->next_len = key.len;
		return false;
	}
	if (soft_ring_parse(value, &ring) || ring.count == 0 ||
	    ring.events[ring.count - 1].at_s < counts->oldest_s) {
		memcpy(counts->dead[counts->dead_count].key, key.data, key.len);
		counts->dead[counts->dead_count++].len = key.len;
	}
	return true;
}

static enum err sweep_some(void *owner, struct store_txn *txn)
{
	struct soft_counts *counts = owner;
	uint8_t from[STORE_KEY_MAX];
	size_t from_len = counts->next_len;
	memcpy(from, counts->next, from_len);
	counts->seen = counts->dead_count = counts->next_len = 0;
	enum err err = store_each(txn, counts->database, bytes_from(from, from_len), look, counts);
	for (size_t i = 0; i < counts->dead_count && !err; i++)
		err = store_delete(txn, counts->database,
				   bytes_from(counts->dead[i].key, counts->dead[i].len));
	return err;
}

static void on_swept(void *owner, enum err err)
{
	struct soft_counts *counts = owner;
	(void)err; /* what is left is looked at again */
	counts->is_sweeping = false;
	timer_start(counts->sweep, SWEEP_MS);
}

static void on_sweep(void *owner)
{
	struct soft_counts *counts = owner;
	counts->is_sweeping = true;
	counts->oldest_s = seconds(loop_wall_ms(counts->loop) - counts->keep_ms);
	store_write(counts->store, sweep_some, counts->loop, on_swept, counts);
}

/* ---- public ---- */

struct soft_counts *soft_counts_new(struct loop *loop, struct store *store, int64_t keep_ms)
{
	struct soft_counts *counts = memory_new(sizeof *counts);
	counts->loop = loop;
	counts->store = store;
	counts->database = store_database(store, SOFT_COUNTS_DATABASE);
	counts->keep_ms = keep_ms;
	counts->dead = memory_array(DEAD_MAX, sizeof *counts->dead);
	counts->sweep = timer_new(loop, on_sweep, counts);
	timer_start(counts->sweep, SWEEP_MS);
	return counts;
}

void soft_counts_free(struct soft_counts **counts)
{
	struct soft_counts *freeing = *counts;
	*counts = NULL;
	if (!freeing)
		return;
	timer_stop(freeing->sweep);
	store_drain(freeing->loop);
	timer_free(&freeing->sweep);
	free(freeing->dead);
	free(freeing);
}
