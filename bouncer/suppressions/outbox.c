/* at the start:  step -> look at some notes -> tell of each -> all told -> next step ... -> all seen
 * all the time:  told, told, ... -> one job strikes out all that were told meanwhile */
#include "bouncer/suppressions/outbox.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/store/walk.h"

#define STEP_NOTES 500

struct note {
	struct bytes key;
	uint64_t version;
	struct suppression entry; /* of the walk */
	struct note *next;
};

struct told { /* notes to be struck out */
	struct arena *arena;
	struct note *first;
};

struct outbox {
	struct loop *loop;
	struct store *store;
	struct teller *teller;
	int own, notes;
	struct told waiting, running;
	bool is_running, is_stopped;
	struct task strike;
	/* the walk at the start */
	struct task step;
	struct arena *arena; /* of one step */
	struct store_txn *txn;
	struct note *untold;
	uint64_t
		newest; /* of what the earlier run left: later notes are this run's, and the ledger's to tell */
	struct store_walk walk;
	size_t note_count, untold_count;
	int64_t told_count;
};

enum err outbox_note(struct store_txn *txn, int database, struct bytes key, uint64_t version)
{
	return store_put(txn, database, key, bytes_from(&version, sizeof version));
}

static uint64_t version_of(struct bytes stored)
{
	uint64_t version = 0;
	if (stored.len == sizeof version)
		memcpy(&version, stored.data, sizeof version);
	return version;
}

/* ---- striking out ---- */

/* On the store's thread. A later change may have noted itself meanwhile. */
static enum err strike_out(void *owner, struct store_txn *txn)
{
	const struct outbox *outbox = owner;
	enum err err = OK;
	for (const struct note *note = outbox->running.first; note && !err; note = note->next) {
		struct bytes stored;
		err = store_get(txn, outbox->notes, note->key, &stored);
		if (!err && version_of(stored) == note->version)
			err = store_delete(txn, outbox->notes, note->key);
		if (err == E_NOT_FOUND)
			err = OK;
	}
	return err;
}

/* What could not be struck out is told again at the next start. */
static void on_struck(void *owner, enum err err)
{
	struct outbox *outbox = owner;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	arena_free(&outbox->running.arena);
	outbox->is_running = false;
	if (outbox->waiting.first)
		loop_defer(outbox->loop, &outbox->strike);
}

static void on_strike(void *owner)
{
	struct outbox *outbox = owner;
	if (outbox->is_running)
		return;
	outbox->running = outbox->waiting;
	outbox->waiting = (struct told){.arena = arena_new()};
	outbox->is_running = true;
	store_write(outbox->store, strike_out, outbox->loop, on_struck, outbox);
}

void outbox_told(struct outbox *outbox, struct bytes key, uint64_t version)
{
	struct told *waiting = &outbox->waiting;
	struct note *note = arena_alloc(waiting->arena, sizeof *note);
	*note = (struct note){
		.key = arena_copy(waiting->arena, key), .version = version, .next = waiting->first};
	waiting->first = note;
	loop_defer(outbox->loop, &outbox->strike);
}

/* ---- what an earlier run left ---- */

static bool take_newest(void *owner, struct bytes key, struct bytes value)
{
	struct outbox *outbox = owner;
	(void)key;
	uint64_t version = version_of(value);
	if (version > outbox->newest)
		outbox->newest = version;
	return true;
}

/* By the notes, not by the clock, which may be behind that of the earlier run. */
static void find_newest(struct outbox *outbox)
{
	struct store_txn *txn = store_read_begin(outbox->store);
	enum err err = store_each(txn, outbox->notes, BYTES_NONE, take_newest, outbox);
	store_read_end(&txn);
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
}

/* Of a note whose entry has changed or gone nothing is to be told. */
static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct outbox *outbox = owner;
	struct bytes stored;
	if (outbox->note_count++ == STEP_NOTES)
		return store_walk_stop(&outbox->walk, key);
	uint64_t version = version_of(value);
	if (version > outbox->newest)
		return true;
	struct note *note = arena_zalloc(outbox->arena, 1, sizeof *note);
	note->key = arena_copy(outbox->arena, key);
	note->version = version;
	if (store_get(outbox->txn, outbox->own, key, &stored) ||
	    suppression_decode(outbox->arena, arena_copy(outbox->arena, stored), &note->entry,
			       NULL) ||
	    note->entry.version != version) {
		outbox_told(outbox, key, version);
		return true;
	}
	note->next = outbox->untold;
	outbox->untold = note;
	return true;
}

static void look_at_some(struct outbox *outbox)
{
	arena_reset(outbox->arena);
	outbox->untold = NULL;
	outbox->note_count = 0;
	outbox->txn = store_read_begin(outbox->store);
	enum err err = store_walk_step(&outbox->walk, outbox->txn, outbox->notes, look, outbox);
	store_read_end(&outbox->txn);
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
}

/* The last of a step that was told leads to the next. */
static void end_one(struct outbox *outbox)
{
	if (--outbox->untold_count > 0 || outbox->is_stopped)
		return;
	if (outbox->walk.has_more)
		loop_defer(outbox->loop, &outbox->step);
	else if (outbox->told_count > 0)
		log_event(EV_suppressions_told_late, F_INT("count", outbox->told_count));
}

struct telling { /* of one note: its owner while the teller has it */
	struct outbox *outbox;
	uint8_t key[STORE_KEY_MAX];
	size_t key_len;
	uint64_t version;
};

static void on_told(void *owner, enum err err)
{
	struct telling *telling = owner;
	struct outbox *outbox = telling->outbox;
	if (!err || err == E_TOO_BIG) {
		outbox->told_count++;
		outbox_told(outbox, bytes_from(telling->key, telling->key_len), telling->version);
	}
	free(telling);
	end_one(outbox);
}

static void tell(struct outbox *outbox, const struct note *note)
{
	struct telling *telling = memory_new(sizeof *telling);
	telling->outbox = outbox;
	telling->key_len = note->key.len;
	memcpy(telling->key, note->key.data, note->key.len);
	telling->version = note->version;
	struct bouncer_event event = {
		.kind = note->entry.is_removed ? EVENT_SUPPRESSION_REMOVED
					       : EVENT_SUPPRESSION_ADDED,
		.at_wall_ms = (int64_t)note->version, /* which began as the time of its writing */
		.has_suppression = true,
		.suppression = note->entry,
	};
	teller_tell(outbox->teller, &event, 1, on_told, telling);
}

static void on_step(void *owner)
{
	struct outbox *outbox = owner;
	look_at_some(outbox);
	outbox->untold_count = 1; /* one more while they are told */
	for (const struct note *note = outbox->untold; note; note = note->next) {
		outbox->untold_count++;
		tell(outbox, note);
	}
	end_one(outbox);
}

/* ---- public ---- */

struct outbox *outbox_new(struct loop *loop, struct store *store, struct teller *teller)
{
	struct outbox *outbox = memory_new(sizeof *outbox);
	outbox->loop = loop;
	outbox->store = store;
	outbox->teller = teller;
	outbox->own = store_database(store, LEDGER_DATABASE);
	outbox->notes = store_database(store, OUTBOX_DATABASE);
	find_newest(outbox);
	outbox->arena = arena_new();
	outbox->waiting = (struct told){.arena = arena_new()};
	outbox->strike = (struct task){.run = on_strike, .owner = outbox};
	outbox->step = (struct task){.run = on_step, .owner = outbox};
	loop_defer(loop, &outbox->step);
	return outbox;
}

void outbox_stop(struct outbox *outbox)
{
	outbox->is_stopped = true;
	task_cancel(&outbox->step, outbox->loop);
}

void outbox_free(struct outbox **outbox)
{
	struct outbox *freeing = *outbox;
	*outbox = NULL;
	if (!freeing)
		return;
	outbox_stop(freeing);
	if (freeing->is_running)
		store_drain(freeing->loop);
	if (freeing->waiting.first) {
		on_strike(freeing);
		store_drain(freeing->loop);
	}
	task_cancel(&freeing->strike, freeing->loop);
	arena_free(&freeing->waiting.arena);
	arena_free(&freeing->arena);
	free(freeing);
}
