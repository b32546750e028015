/* A record: wall ms, digest of the request, status, answer; or status 0 and what was noted. What is under way is a list in memory; a
 * request leaves it when its record is on disk, so between the two there is no gap. A record that the store has no room for stays in the
 * list, and is written when there is. */
#include "ingest/idempotency.h"

#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define SWEEP_MS      (10 * 60 * 1000)
#define SWEEP_MORE_MS 50
/* Records looked at in one transaction, so that others are not kept waiting. */
#define SWEEP_COUNT	    2000
#define WRITE_AGAIN_MS	    1000
#define UNWRITTEN_BYTES_MAX ((size_t)8 << 20)
#define UNFINISHED	    0 /* in place of a status */
#define HEAD_SIZE	    (8 + DIGEST_SIZE + 4)

struct idempotent {
	struct idempotency *idempotency;
	struct digest key, request;
	uint8_t *record; /* while it is written */
	size_t record_len;
	void (*kept)(void *owner);
	void *owner;
	bool is_writing;
	bool is_held; /* its record could not be written, and is known from here */
	LIST_ENTRY(idempotent) next;
};

struct idempotency {
	struct loop *loop;
	struct store *store;
	int database;
	struct timer *sweep;
	bool is_sweeping;
	int64_t sweep_before_wall_ms; /* of the sweep under way */
	struct position {
		uint8_t key[DIGEST_SIZE];
		bool is_end;
	} sweep_from, sweep_next; /* where this job begins, and where the next one */
	LIST_HEAD(, idempotent) running;
	struct timer *write_again;
	size_t held_bytes; /* of records */
};

/* ---- records ---- */

struct record {
	int64_t wall_ms;
	struct bytes request, body;
	uint32_t status;
};

static bool record_read(struct bytes stored, struct record *ret)
{
	if (stored.len < HEAD_SIZE)
		return false;
	memcpy(&ret->wall_ms, stored.data, 8);
	ret->request = bytes_from(stored.data + 8, DIGEST_SIZE);
	memcpy(&ret->status, stored.data + 8 + DIGEST_SIZE, 4);
	ret->body = bytes_skip(stored, HEAD_SIZE);
	return true;
}

static void record_write(struct idempotent *request, uint32_t status, struct bytes body)
{
	int64_t wall_ms = loop_wall_ms(request->idempotency->loop);
	request->record_len = HEAD_SIZE + body.len;
	request->record = memory_new(request->record_len);
	memcpy(request->record, &wall_ms, 8);
	memcpy(request->record + 8, request->request.bytes, DIGEST_SIZE);
	memcpy(request->record + 8 + DIGEST_SIZE, &status, 4);
	if (body.len > 0)
		memcpy(request->record + HEAD_SIZE, body.data, body.len);
}

static struct bytes key_bytes(const struct digest *key)
{
	return bytes_from(key->bytes, DIGEST_SIZE);
}

/* ---- beginning ---- */

static struct idempotent *find(const struct idempotency *idempotency, const struct digest *key)
{
	struct idempotent *other;
	LIST_FOREACH(other, &idempotency->running, next)
	if (digest_equal(&other->key, key))
		return other;
	return NULL;
}

static enum idempotency_state judge(const struct idempotency *idempotency, struct bytes stored,
				    const struct digest *request, struct arena *arena,
				    struct idempotency_answer *ret_answer)
{
	struct record record;
	int64_t now = loop_wall_ms(idempotency->loop);
	if (!record_read(stored, &record) || record.wall_ms + IDEMPOTENCY_KEPT_MS <= now)
		return IDEMPOTENCY_NEW;
	if (!bytes_equal(record.request, key_bytes(request)))
		return IDEMPOTENCY_OTHER;
	*ret_answer = (struct idempotency_answer){record.status, arena_copy(arena, record.body)};
	return record.status == UNFINISHED ? IDEMPOTENCY_RESUME : IDEMPOTENCY_REPLAY;
}

static enum idempotency_state look_up(struct idempotency *idempotency, const struct digest *key,
				      const struct digest *request, struct arena *arena,
				      struct idempotency_answer *ret_answer)
{
	struct bytes stored = BYTES_NONE;
	struct store_txn *txn = store_read_begin(idempotency->store);
	enum err err = store_get(txn, idempotency->database, key_bytes(key), &stored);
	enum idempotency_state state = err == E_NOT_FOUND ? IDEMPOTENCY_NEW : IDEMPOTENCY_UNKNOWN;
	if (err == OK)
		state = judge(idempotency, stored, request, arena, ret_answer);
	store_read_end(&txn);
	return state;
}

static void idempotent_free(struct idempotent *request)
{
	if (request->is_held)
		request->idempotency->held_bytes -= request->record_len;
	LIST_REMOVE(request, next);
	free(request->record);
	free(request);
}

static struct idempotent *begin(struct idempotency *idempotency, const struct digest *key,
				const struct digest *request)
{
	struct idempotent *new = memory_new(sizeof *new);
	new->idempotency = idempotency;
	new->key = *key;
	new->request = *request;
	LIST_INSERT_HEAD(&idempotency->running, new, next);
	return new;
}

enum idempotency_state idempotency_begin(struct idempotency *idempotency, const struct digest *key,
					 const struct digest *request, struct arena *arena,
					 struct idempotent **ret,
					 struct idempotency_answer *ret_answer)
{
	struct idempotent *known = find(idempotency, key);
	enum idempotency_state state = IDEMPOTENCY_RUNNING;
	if (known && known->is_held)
		state = judge(idempotency, bytes_from(known->record, known->record_len), request,
			      arena, ret_answer);
	else if (!known)
		state = look_up(idempotency, key, request, arena, ret_answer);
	if (state != IDEMPOTENCY_NEW && state != IDEMPOTENCY_RESUME)
		return state;
	if (known && known->is_writing)
		return IDEMPOTENCY_RUNNING;
	if (idempotency->held_bytes > UNWRITTEN_BYTES_MAX)
		return IDEMPOTENCY_UNKNOWN;
	if (known)
		idempotent_free(known);
	*ret = begin(idempotency, key, request);
	return state;
}

/* ---- ending ---- */

static enum err write_record(void *owner, struct store_txn *txn)
{
	const struct idempotent *request = owner;
	return store_put(txn, request->idempotency->database, key_bytes(&request->key),
			 bytes_from(request->record, request->record_len));
}

/* Its answer is given nonetheless: the mail is kept, and who asks again gets it from here. */
static void hold(struct idempotent *request, enum err err)
{
	if (!request->is_held) {
		log_event(EV_store_failed, F_TEXT("what", "idempotency"),
			  F_TEXT("reason", err_text(err)));
		request->is_held = true;
		request->idempotency->held_bytes += request->record_len;
	}
	timer_start(request->idempotency->write_again, WRITE_AGAIN_MS);
}

static void on_written(void *owner, enum err err)
{
	struct idempotent *request = owner;
	void (*kept)(void *owner) = request->kept;
	request->is_writing = false;
	request->kept = NULL;
	if (err != OK)
		hold(request, err);
	if (kept)
		kept(request->owner);
	if (err == OK)
		idempotent_free(request);
}

static void begin_write(struct idempotent *request)
{
	struct idempotency *idempotency = request->idempotency;
	request->is_writing = true;
	store_write(idempotency->store, write_record, idempotency->loop, on_written, request);
}

static void on_write_again(void *owner)
{
	const struct idempotency *idempotency = owner;
	struct idempotent *request;
	LIST_FOREACH(request, &idempotency->running, next)
	if (request->is_held && !request->is_writing)
		begin_write(request);
}

void idempotent_keep(struct idempotent *request, unsigned status, struct bytes body,
		     void (*kept)(void *owner), void *owner)
{
	record_write(request, status, body);
	request->kept = kept;
	request->owner = owner;
	begin_write(request);
}

void idempotent_note(struct idempotent *request, struct bytes progress, void (*noted)(void *owner),
		     void *owner)
{
	idempotent_keep(request, UNFINISHED, progress, noted, owner);
}

void idempotent_end(struct idempotent **request)
{
	struct idempotent *r = *request;
	*request = NULL;
	if (!r)
		return;
	r->kept = NULL;
	if (!r->is_writing)
		idempotent_free(r);
}

/* ---- the sweep ---- */

/* Digests have no order of time, so a sweep goes over all of them, a piece at a time: whatever comes in meanwhile, no record outlives a
 * day by more than the time between two sweeps and that of one. */
struct piece {
	int64_t before_wall_ms;
	struct position *next;
	uint8_t keys[SWEEP_COUNT][DIGEST_SIZE]; /* of the old ones */
	size_t old_count, looked_count;
};

static bool look_at(void *owner, struct bytes key, struct bytes value)
{
	struct piece *piece = owner;
	struct record record;
	if (key.len != DIGEST_SIZE)
		return true; /* not ours */
	if (piece->looked_count++ == SWEEP_COUNT) {
		memcpy(piece->next->key, key.data, DIGEST_SIZE);
		piece->next->is_end = false;
		return false;
	}
	if (!record_read(value, &record) || record.wall_ms < piece->before_wall_ms)
		memcpy(piece->keys[piece->old_count++], key.data, DIGEST_SIZE);
	return true;
}

static enum err drop_old(void *owner, struct store_txn *txn)
{
	struct idempotency *idempotency = owner;
	struct piece *piece = memory_new(sizeof *piece);
	piece->before_wall_ms = idempotency->sweep_before_wall_ms;
	piece->next = &idempotency->sweep_next;
	piece->next->is_end = true;
	enum err err =
		store_each(txn, idempotency->database,
			   bytes_from(idempotency->sweep_from.key, DIGEST_SIZE), look_at, piece);
	for (size_t i = 0; i < piece->old_count && err == OK; i++)
		err = store_delete(txn, idempotency->database,
				   bytes_from(piece->keys[i], DIGEST_SIZE));
	free(piece);
	return err;
}

static void on_swept(void *owner, enum err err)
{
	struct idempotency *idempotency = owner;
	idempotency->sweep_from = idempotency->sweep_next;
	idempotency->is_sweeping = false;
	if (err != OK ||
	    idempotency->sweep_from.is_end) /* the next sweep finds what this one left */
		idempotency->sweep_from = (struct position){.is_end = true};
	timer_start(idempotency->sweep, idempotency->sweep_from.is_end ? SWEEP_MS : SWEEP_MORE_MS);
}

void idempotency_sweep(struct idempotency *idempotency)
{
	if (idempotency->is_sweeping)
		return;
	idempotency->is_sweeping = true;
	idempotency->sweep_before_wall_ms = loop_wall_ms(idempotency->loop) - IDEMPOTENCY_KEPT_MS;
	store_write(idempotency->store, drop_old, idempotency->loop, on_swept, idempotency);
}

static void on_sweep(void *owner)
{
	idempotency_sweep(owner);
}

/* ---- birth and end ---- */

struct idempotency *idempotency_new(struct loop *loop, struct store *store)
{
	struct idempotency *idempotency = memory_new(sizeof *idempotency);
	idempotency->loop = loop;
	idempotency->store = store;
	idempotency->database = store_database(store, IDEMPOTENCY_DATABASE);
	idempotency->sweep = timer_new(loop, on_sweep, idempotency);
	LIST_INIT(&idempotency->running);
	idempotency->write_again = timer_new(loop, on_write_again, idempotency);
	timer_start(idempotency->sweep, SWEEP_MS);
	return idempotency;
}

void idempotency_free(struct idempotency **idempotency)
{
	struct idempotency *i = *idempotency;
	if (!i)
		return;
	*idempotency = NULL;
	store_drain(i->loop);
	timer_free(&i->sweep);
	timer_free(&i->write_again);
	while (!LIST_EMPTY(&i->running))
		idempotent_free(LIST_FIRST(&i->running));
	free(i);
}
