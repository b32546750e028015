/* step -> look at some keys -> order the changes of those that fit -> all kept -> next step ... -> done */
#include "bouncer/suppressions/sweep.h"

#include "broker/suppression_filter.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/store/walk.h"

/* Bounds of one step. */
#define STEP_KEYS    2000
#define STEP_CHANGES 500

struct fitting {
	struct suppression entry;
	struct fitting *next;
};

struct sweep {
	struct sweep_options options;
	struct suppression_filter filter;
	struct arena *arena, *step_arena;
	int database;
	struct task step;
	struct store_walk walk;
	int64_t wall_ms;
	struct fitting *fitting;
	size_t key_count, fitting_count;
	size_t unkept; /* one more while orders are being made */
	enum err err;
	uint64_t count;
	void (*done)(void *owner, enum err err, uint64_t count);
	void *owner;
};

static void finish(struct sweep *sweep)
{
	static const char *const names[] = {"undo", "release", "drop"};
	log_event(EV_suppressions_undone, F_TEXT("act", names[sweep->options.act]),
		  F_BYTES("by", sweep->options.by), F_INT("count", sweep->count),
		  F_TEXT("error", sweep->err ? err_text(sweep->err) : ""));
	sweep->done(sweep->owner, sweep->err, sweep->count);
	arena_free(&sweep->step_arena);
	arena_free(&sweep->arena);
	free(sweep);
}

/* ---- one step ---- */

static bool is_meant(const struct sweep *sweep, const struct suppression *entry)
{
	struct suppression plain = *entry;
	plain.is_held = false;
	return suppression_is_in_force(&plain, sweep->wall_ms) &&
	       entry->is_held == (sweep->options.act != SWEEP_LIFT) &&
	       suppression_filter_fits(&sweep->filter, entry);
}

static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct sweep *sweep = owner;
	struct suppression entry;
	if (sweep->key_count++ == STEP_KEYS || sweep->fitting_count == STEP_CHANGES)
		return store_walk_stop(&sweep->walk, key);
	struct bytes encoded = arena_copy(sweep->step_arena, value);
	if (suppression_decode(sweep->step_arena, encoded, &entry, NULL) ||
	    !is_meant(sweep, &entry))
		return true;
	struct fitting *fitting = arena_alloc(sweep->step_arena, sizeof *fitting);
	*fitting = (struct fitting){entry, sweep->fitting};
	sweep->fitting = fitting;
	sweep->fitting_count++;
	return true;
}

static void on_kept(void *owner, enum err err)
{
	struct sweep *sweep = owner;
	if (!sweep->err)
		sweep->err = err;
	if (--sweep->unkept > 0)
		return;
	if (sweep->err)
		finish(sweep);
	else
		loop_defer(sweep->options.loop, &sweep->step);
}

static void lift(struct sweep *sweep, const struct suppression *entry)
{
	struct ledger_order order = {
		.entry = *entry, .only_version = entry->version, .is_one_of_many = true};
	order.entry.is_removed = true;
	order.entry.origin = BYTES(ORIGIN_OPERATOR);
	order.entry.evidence = sweep->options.by;
	sweep->unkept++;
	sweep->count++;
	ledger_record(sweep->options.ledger, &order, on_kept, sweep);
}

/* The entry in force is ordered before the held one is lifted, and orders are decided in their order: a crash between them leaves both. */
static void release(struct sweep *sweep, const struct suppression *entry)
{
	struct ledger_order order = {.entry = *entry, .is_one_of_many = true};
	order.entry.is_held = false;
	sweep->unkept++;
	ledger_record(sweep->options.ledger, &order, on_kept, sweep);
}

static void look_at_some(struct sweep *sweep)
{
	arena_reset(sweep->step_arena);
	sweep->fitting = NULL;
	sweep->key_count = sweep->fitting_count = 0;
	struct store_txn *txn = store_read_begin(sweep->options.store);
	enum err err = store_walk_step(&sweep->walk, txn, sweep->database, look, sweep);
	store_read_end(&txn);
	if (!sweep->err)
		sweep->err = err;
}

static void on_step(void *owner)
{
	struct sweep *sweep = owner;
	if (sweep->err || !sweep->walk.has_more) {
		finish(sweep);
		return;
	}
	look_at_some(sweep);
	sweep->unkept = 1;
	for (struct fitting *fitting = sweep->fitting; fitting; fitting = fitting->next) {
		if (sweep->options.act == SWEEP_RELEASE)
			release(sweep, &fitting->entry);
		lift(sweep, &fitting->entry);
	}
	on_kept(sweep, OK);
}

void sweep_cancel(struct sweep *sweep)
{
	if (!sweep->err)
		sweep->err = E_CANCELLED;
	if (sweep->unkept == 0) {
		task_cancel(&sweep->step, sweep->options.loop);
		finish(sweep);
	}
}

struct sweep *sweep_start(const struct sweep_options *options,
			  void (*done)(void *owner, enum err err, uint64_t count), void *owner)
{
	struct sweep *sweep = memory_new(sizeof *sweep);
	sweep->options = *options;
	sweep->filter = *options->filter;
	sweep->arena = arena_new();
	sweep->step_arena = arena_new();
	struct suppression_filter *filter = &sweep->filter;
	struct bytes *const texts[] = {&filter->domain,	  &filter->prefix, &filter->reason,
				       &filter->rule,	  &filter->text,   &filter->tenant,
				       &filter->stream,	  &filter->origin, &filter->site,
				       &sweep->options.by};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_copy(sweep->arena, *texts[i]);
	sweep->options.filter = NULL;
	sweep->database = store_database(options->store, LEDGER_DATABASE);
	sweep->wall_ms = loop_wall_ms(options->loop);
	store_walk_begin(&sweep->walk);
	sweep->done = done;
	sweep->owner = owner;
	sweep->step = (struct task){.run = on_step, .owner = sweep};
	loop_defer(options->loop, &sweep->step);
	return sweep;
}
