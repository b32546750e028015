/* forget the replica -> follow the table -> caught up -> walk in steps, each appending what is missing -> walk again if any failed
 *
 * The replica goes on following afterwards: the ledger compares with it. Failures are only ever "later": the next walk finds what
 * is still missing. */
#include "bouncer/suppressions/audit.h"

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/renewing.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"
#include "lib/store/walk.h"

/* Bounds of one step of the walk, so that neither the loop waits nor the broker is flooded. */
#define STEP_KEYS    2000
#define STEP_APPENDS 200
#define RETRY_MS     1000

struct missing {
	struct table_entry entry;
	struct missing *next;
};

struct audit {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	int own, table;
	struct replica *replica;
	struct replica_renewal *renewal;
	bool is_forgetting, is_stopped;
	struct task step;
	struct timer *retry;
	/* the walk */
	struct arena *arena; /* of one step */
	struct store_walk walk;
	size_t unconfirmed;
	bool is_walking, has_failed;
	int64_t in_force, held, appended;
	/* the step */
	struct store_txn *txn;
	struct missing *missing;
	size_t key_count, missing_count;
};

/* ---- the walk ---- */

static uint64_t table_version(const struct audit *audit, struct bytes key)
{
	struct bytes stored;
	struct replica_value found;
	if (store_get(audit->txn, audit->table, key, &stored) || replica_parse(stored, &found))
		return 0;
	return found.version;
}

static void note_missing(struct audit *audit, struct bytes key, struct bytes value,
			 const struct suppression *own)
{
	struct missing *missing = arena_alloc(audit->arena, sizeof *missing);
	missing->entry = (struct table_entry){
		.key = arena_copy(audit->arena, key),
		.value = own->is_removed ? BYTES_NONE : arena_copy(audit->arena, value),
		.version = own->version,
	};
	missing->next = audit->missing;
	audit->missing = missing;
	audit->missing_count++;
}

/* What the table does not have, it lacks only while it counts: of what ended long ago it need not tell those who never had it. Some
 * engines cut such entries off. */
static bool is_missing(const struct audit *audit, struct bytes key, const struct suppression *own,
		       int64_t wall_ms)
{
	int64_t horizon = wall_ms - (int64_t)REPLICA_ENDED_KEPT_MS;
	uint64_t version = table_version(audit, key);
	bool has_ended =
		own->is_removed || (own->expires_wall_ms > 0 && own->expires_wall_ms < horizon);
	if (version == 0 && has_ended && horizon > 0 && own->version < (uint64_t)horizon)
		return false;
	return version < own->version;
}

static bool compare(void *owner, struct bytes key, struct bytes value)
{
	struct audit *audit = owner;
	if (audit->key_count++ == STEP_KEYS || audit->missing_count == STEP_APPENDS)
		return store_walk_stop(&audit->walk, key);
	struct suppression own;
	if (suppression_decode(audit->arena, value, &own, NULL))
		return true;
	int64_t wall_ms = loop_wall_ms(audit->loop);
	bool has_expired = own.expires_wall_ms > 0 && own.expires_wall_ms <= wall_ms;
	audit->in_force += !own.is_removed && !own.is_held && !has_expired;
	audit->held += !own.is_removed && own.is_held && !has_expired;
	if (is_missing(audit, key, &own, wall_ms))
		note_missing(audit, key, value, &own);
	return true;
}

static void on_appended(void *owner, enum err err);

static void append_missing(struct audit *audit)
{
	for (struct missing *missing = audit->missing; missing; missing = missing->next) {
		audit->unconfirmed++;
		audit->appended++;
		table_append(audit->broker, SUPPRESSIONS_TABLE, &missing->entry, on_appended,
			     audit);
	}
}

static void end_walk(struct audit *audit)
{
	audit->is_walking = false;
	metric_set(M_suppressions, NULL, audit->in_force);
	metric_set(M_suppressions_held, NULL, audit->held);
	log_event(EV_table_caught_up, F_TEXT("table", SUPPRESSIONS_TABLE),
		  F_INT("in_force", audit->in_force), F_INT("appended", audit->appended),
		  F_BOOL("again", audit->has_failed));
	if (audit->has_failed)
		timer_start(audit->retry, RETRY_MS);
}

static void look_at_some(struct audit *audit)
{
	arena_reset(audit->arena);
	audit->missing = NULL;
	audit->missing_count = audit->key_count = 0;
	audit->txn = store_read_begin(audit->store);
	if (store_walk_step(&audit->walk, audit->txn, audit->own, compare, audit))
		audit->has_failed = true;
	store_read_end(&audit->txn);
}

/* Queued when nothing is unconfirmed: by the last confirm, or by itself. */
static void on_step(void *owner)
{
	struct audit *audit = owner;
	if (audit->unconfirmed > 0)
		return;
	if (!audit->walk.has_more) {
		end_walk(audit);
		return;
	}
	look_at_some(audit);
	append_missing(audit);
	if (audit->unconfirmed == 0)
		loop_defer(audit->loop, &audit->step);
}

static void on_appended(void *owner, enum err err)
{
	struct audit *audit = owner;
	audit->has_failed |= err != OK;
	if (--audit->unconfirmed == 0 && audit->is_walking)
		loop_defer(audit->loop, &audit->step);
}

static void walk(void *owner)
{
	struct audit *audit = owner;
	renewal_start(audit->renewal);
	store_walk_begin(&audit->walk);
	audit->is_walking = true;
	audit->has_failed = false;
	audit->in_force = audit->held = audit->appended = 0;
	loop_defer(audit->loop, &audit->step);
}

/* ---- the table as the broker has it ---- */

static enum err forget(void *owner, struct store_txn *txn)
{
	struct audit *audit = owner;
	return replica_forget(txn, audit->store, SUPPRESSIONS_TABLE);
}

static void on_forgotten(void *owner, enum err err)
{
	struct audit *audit = owner;
	audit->is_forgetting = false;
	if (audit->is_stopped)
		return;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	/* With its copy not forgotten the table is followed all the same: the ledger needs it. */
	audit->replica = replica_new(audit->broker, audit->loop, audit->store, SUPPRESSIONS_TABLE,
				     walk, audit);
}

static void end_walking(struct audit *audit)
{
	audit->is_walking = false;
	timer_stop(audit->retry);
	task_cancel(&audit->step, audit->loop);
	renewal_stop(audit->renewal);
	replica_free(&audit->replica);
}

void audit_start(struct audit *audit)
{
	if (audit->is_forgetting || audit->is_stopped)
		return;
	end_walking(audit);
	audit->is_forgetting = true;
	store_write(audit->store, forget, audit->loop, on_forgotten, audit);
}

static enum renewal judge(void *owner, struct store_txn *txn, struct arena *arena,
			  const struct table_entry *row, struct bytes *value)
{
	const struct audit *audit = owner;
	return renewing_judge(txn, audit->own, arena, loop_wall_ms(audit->loop), row, value);
}

/* ---- public ---- */

struct audit *audit_new(struct broker *broker, struct loop *loop, struct store *store)
{
	struct audit *audit = memory_new(sizeof *audit);
	audit->broker = broker;
	audit->loop = loop;
	audit->store = store;
	audit->own = store_database(store, LEDGER_DATABASE);
	audit->table = store_database(store, "table." SUPPRESSIONS_TABLE);
	audit->arena = arena_new();
	audit->step = (struct task){.run = on_step, .owner = audit};
	audit->retry = timer_new(loop, walk, audit);
	audit->renewal = renewal_new(broker, loop, store, SUPPRESSIONS_TABLE, judge, audit);
	return audit;
}

bool audit_has_table(const struct audit *audit)
{
	return replica_is_complete(audit->replica);
}

void audit_stop(struct audit *audit)
{
	audit->is_stopped = true;
	end_walking(audit);
}

void audit_free(struct audit **audit)
{
	struct audit *freeing = *audit;
	*audit = NULL;
	if (!freeing)
		return;
	audit_stop(freeing);
	store_drain(freeing->loop);
	renewal_free(&freeing->renewal);
	timer_free(&freeing->retry);
	arena_free(&freeing->arena);
	free(freeing);
}
