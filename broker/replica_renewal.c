/* a while -> walk: note where the table ends, with the time -> step: look at some rows -> append those that are due -> all kept
 *         -> a moment later, the next step ... -> a while
 *
 * What fails ends the walk; the next one finds again what is due. */
#include "broker/replica_renewal.h"

#include <stdio.h>

#include "broker/replica_rows.h"
#include "broker/replica_times.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/store/walk.h"

/* Of the time that the broker keeps entries: how often is looked, and how often is noted where the table ends. */
#define LOOKS_PER_KEPT	 48
#define SAMPLES_PER_KEPT 48
#define EVERY_MAX_MS	 INT64_C(21600000)
#define FIRST_MAX_MS	 INT64_C(600000)
/* Ten million entries that are all due take some hours: nobody else is to notice. */
#define STEP_ROWS    2000
#define STEP_APPENDS 200
#define APPENDED_MS  250
#define LOOKED_MS    10

struct due {
	struct table_entry entry;
	struct due *next;
};

struct replica_renewal {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	struct replica_rows rows;
	renewal_judge judge;
	void *owner;
	struct timer *timer;
	struct replica_times times;
	bool is_current; /* the copy is what the broker has */
	bool is_noting, is_freeing;
	/* the walk */
	bool is_walking, has_failed;
	struct renewal_places places;
	struct store_walk walk;
	int64_t renewed_count;
	/* its step */
	struct store_txn *txn;
	struct arena *arena;
	struct due *due;
	size_t row_count, due_count, unconfirmed;
};

/* ---- the rule ---- */

static bool is_before(uint64_t place, uint64_t limit, const struct renewal_places *places)
{
	/* Beyond the end it was seen in another table of this name, which is no more. */
	return place <= limit || place > places->end;
}

bool renewal_is_due(const struct replica_value *row, enum renewal judged,
		    const struct renewal_places *places)
{
	if (row->is_undercut)
		return row->is_removed || judged != RENEWAL_NONE;
	if (row->is_removed || judged == RENEWAL_NONE || !places->are_known)
		return false;
	return is_before(row->place, judged == RENEWAL_DUE ? places->half : places->two_thirds,
			 places);
}

/* ---- times ---- */

static struct bytes times_key(const struct replica_renewal *renewal, char out[TABLE_NAME_MAX + 16])
{
	(void)snprintf(out, TABLE_NAME_MAX + 16, "%s.times", renewal->rows.table);
	return bytes_of(out);
}

static void read_times(struct replica_renewal *renewal)
{
	char key[TABLE_NAME_MAX + 16];
	struct bytes stored = BYTES_NONE;
	struct store_txn *txn = store_read_begin(renewal->store);
	if (store_get(txn, renewal->rows.marks, times_key(renewal, key), &stored))
		stored = BYTES_NONE;
	times_read(&renewal->times, stored);
	store_read_end(&txn);
}

static enum err write_times(void *owner, struct store_txn *txn)
{
	const struct replica_renewal *renewal = owner;
	char key[TABLE_NAME_MAX + 16];
	return store_put(txn, renewal->rows.marks, times_key(renewal, key),
			 times_bytes(&renewal->times));
}

/* Not kept it is noted again at the next start, later: what is older than it is known is taken for old. */
static void on_times_written(void *owner, enum err err)
{
	struct replica_renewal *renewal = owner;
	renewal->is_noting = false;
	if (err)
		log_event(EV_store_failed, F_TEXT("table", renewal->rows.table),
			  F_TEXT("error", err_text(err)));
}

static void note_end(struct replica_renewal *renewal, int64_t kept_ms)
{
	int64_t wall_ms = loop_wall_ms(renewal->loop);
	struct renewal_places *places = &renewal->places;
	struct store_txn *txn = store_read_begin(renewal->store);
	places->end = rows_mark(&renewal->rows, txn, MARK_POSITION);
	store_read_end(&txn);
	if (!renewal->is_noting &&
	    times_note(&renewal->times, places->end, wall_ms, kept_ms / SAMPLES_PER_KEPT)) {
		renewal->is_noting = true;
		store_write(renewal->store, write_times, renewal->loop, on_times_written, renewal);
	}
	places->are_known =
		times_place(&renewal->times, wall_ms - kept_ms / 2, &places->half) &&
		times_place(&renewal->times, wall_ms - kept_ms / 3 * 2, &places->two_thirds);
}

/* ---- a step of the walk ---- */

static void add_due(struct replica_renewal *renewal, const struct table_entry *row,
		    struct bytes value)
{
	struct due *due = arena_alloc(renewal->arena, sizeof *due);
	due->entry = (struct table_entry){
		.key = arena_copy(renewal->arena, row->key),
		.value = arena_copy(renewal->arena, value),
		.version = row->version,
	};
	due->next = renewal->due;
	renewal->due = due;
	renewal->due_count++;
}

static bool look(void *owner, struct bytes key, struct bytes stored)
{
	struct replica_renewal *renewal = owner;
	struct replica_value row;
	if (renewal->row_count++ == STEP_ROWS || renewal->due_count == STEP_APPENDS)
		return store_walk_stop(&renewal->walk, key);
	if (replica_parse(stored, &row) || !renewal_is_due(&row, RENEWAL_DUE, &renewal->places))
		return true; /* what is not due now is not late */
	const struct table_entry entry = {.key = key, .value = row.value, .version = row.version};
	struct bytes value = row.value;
	enum renewal judged = RENEWAL_DUE;
	if (renewal->judge && !row.is_removed)
		judged = renewal->judge(renewal->owner, renewal->txn, renewal->arena, &entry,
					&value);
	if (renewal_is_due(&row, judged, &renewal->places))
		add_due(renewal, &entry, value);
	return true;
}

static void look_at_some(struct replica_renewal *renewal)
{
	arena_reset(renewal->arena);
	renewal->due = NULL;
	renewal->row_count = renewal->due_count = 0;
	renewal->txn = store_read_begin(renewal->store);
	if (store_walk_step(&renewal->walk, renewal->txn, renewal->rows.database, look, renewal))
		renewal->has_failed = true;
	store_read_end(&renewal->txn);
}

static void on_appended(void *owner, enum err err);

static void append_due(struct replica_renewal *renewal)
{
	renewal->unconfirmed = 1; /* one more while they are appended */
	for (const struct due *due = renewal->due; due; due = due->next) {
		renewal->unconfirmed++;
		table_append(renewal->broker, renewal->rows.table, &due->entry, on_appended,
			     renewal);
	}
	on_appended(renewal, OK);
}

/* ---- walks ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t every_ms(const struct replica_renewal *renewal)
{
	int64_t kept_ms = table_kept_ms(renewal->broker, renewal->rows.table);
	/* Of an engine that cuts nothing it may be known later: a table that is there again, with other arguments. */
	return kept_ms > 0 ? least(EVERY_MAX_MS, kept_ms / LOOKS_PER_KEPT) : EVERY_MAX_MS;
}

static void end_walk(struct replica_renewal *renewal)
{
	renewal->is_walking = false;
	if (renewal->renewed_count > 0 || renewal->has_failed)
		log_event(EV_table_renewed, F_TEXT("table", renewal->rows.table),
			  F_INT("count", renewal->renewed_count),
			  F_BOOL("again", renewal->has_failed));
	if (renewal->is_current)
		timer_start(renewal->timer, every_ms(renewal));
}

static void on_appended(void *owner, enum err err)
{
	struct replica_renewal *renewal = owner;
	renewal->has_failed |= err != OK;
	if (--renewal->unconfirmed > 0 || renewal->is_freeing)
		return;
	if (!renewal->has_failed)
		renewal->renewed_count += (int64_t)renewal->due_count;
	if (renewal->has_failed || !renewal->walk.has_more || !renewal->is_current)
		end_walk(renewal);
	else
		timer_start(renewal->timer, renewal->due_count > 0 ? APPENDED_MS : LOOKED_MS);
}

static void start_walk(struct replica_renewal *renewal, int64_t kept_ms)
{
	note_end(renewal, kept_ms);
	renewal->is_walking = true;
	renewal->has_failed = false;
	store_walk_begin(&renewal->walk);
	renewal->renewed_count = 0;
}

static void on_timer(void *owner)
{
	struct replica_renewal *renewal = owner;
	int64_t kept_ms = table_kept_ms(renewal->broker, renewal->rows.table);
	enum broker_state state = broker_state(renewal->broker);
	if (state == BROKER_AWAY) {
		/* Nobody knows for how long: removals may have been cut off meanwhile. */
		renewal_stop(renewal);
		return;
	}
	if (kept_ms == 0 || state == BROKER_BLOCKED) {
		renewal->is_walking = false;
		timer_start(renewal->timer, every_ms(renewal));
		return;
	}
	if (!renewal->is_walking)
		start_walk(renewal, kept_ms);
	look_at_some(renewal);
	append_due(renewal);
}

/* ---- public ---- */

/* On every connection soon: a broker whose host lost its power may have lost the last entries of the table. */
void renewal_start(struct replica_renewal *renewal)
{
	renewal->is_current = true;
	if (!renewal->is_walking && renewal->unconfirmed == 0)
		timer_start(renewal->timer, least(FIRST_MAX_MS, every_ms(renewal)));
}

void renewal_stop(struct replica_renewal *renewal)
{
	renewal->is_current = renewal->is_walking = false;
	timer_stop(renewal->timer);
}

struct replica_renewal *renewal_new(struct broker *broker, struct loop *loop, struct store *store,
				    const char *table, renewal_judge judge, void *owner)
{
	struct replica_renewal *renewal = memory_new(sizeof *renewal);
	renewal->broker = broker;
	renewal->loop = loop;
	renewal->store = store;
	rows_init(&renewal->rows, store, table);
	renewal->judge = judge;
	renewal->owner = owner;
	renewal->arena = arena_new();
	renewal->timer = timer_new(loop, on_timer, renewal);
	read_times(renewal);
	return renewal;
}

void renewal_free(struct replica_renewal **renewal)
{
	struct replica_renewal *freeing = *renewal;
	*renewal = NULL;
	if (!freeing)
		return;
	freeing->is_freeing = true;
	renewal_stop(freeing);
	if (freeing->is_noting)
		store_drain(freeing->loop);
	timer_free(&freeing->timer);
	arena_free(&freeing->arena);
	free(freeing);
}
