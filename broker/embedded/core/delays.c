/* What is not due yet: an index on disk by due time, and one timer for the first of it. What is due becomes ready in batches, each
 * in one commit, at the end of its queue. */
#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define BATCH_MAX 1000
/* The wall clock may jump, so the timer never sleeps longer. */
#define LOOK_EVERY_MS 1000
#define PUT_OFF_MS    200
#define VIEW_MAX      500

struct delays {
	struct core *core;
	struct timer *timer;
	int64_t first_due;  /* INT64_MAX: nothing waits */
	unsigned promoting; /* changes on their way; the next batch waits for them */
	bool is_put_off;    /* there was no space, or the view is looked at: not at once again */
};

struct promotion {
	struct delays *delays;
	uint32_t queue; /* which may be deleted meanwhile */
	int64_t due_wall_ms;
	uint64_t order;
	struct standing standing;
};

struct batch {
	int64_t now;
	int64_t next_due; /* of the first that is not of this batch */
	size_t count;
	struct {
		int64_t due;
		uint32_t queue;
		struct standing standing;
	} items[BATCH_MAX];
};

static void schedule(struct delays *delays)
{
	int64_t now = loop_wall_ms(delays->core->loop);
	int64_t wait = LOOK_EVERY_MS;
	if (delays->promoting > 0 || delays->first_due == INT64_MAX)
		return;
	if (delays->is_put_off)
		wait = PUT_OFF_MS;
	else if (delays->first_due <= now)
		wait = 0;
	else if (delays->first_due - now < wait)
		wait = delays->first_due - now;
	timer_start(delays->timer, wait);
}

static void promoted(void *owner, enum err err)
{
	struct promotion *promotion = owner;
	struct delays *delays = promotion->delays;
	struct queue *queue = catalog_by_id(delays->core->catalog, promotion->queue);
	if (err) { /* it waits still, and is the first of those that wait */
		delays->is_put_off = true;
		if (promotion->due_wall_ms < delays->first_due)
			delays->first_due = promotion->due_wall_ms;
	} else if (queue) {
		queue_note(queue, promotion->order, &promotion->standing, NULL);
	}
	free(promotion);
	if (--delays->promoting == 0) {
		queue_wake(catalog_find(delays->core->catalog, QUEUE_WAITING));
		schedule(delays);
	}
}

static bool collect(void *owner, struct bytes key, struct bytes value)
{
	struct batch *batch = owner;
	int64_t due;
	uint64_t number;
	if (!layout_read_waiting_key(key, &due, &number)) {
		log_event(EV_store_failed, F_TEXT("what", "waiting key"));
		return true;
	}
	if (due > batch->now || batch->count == BATCH_MAX) {
		batch->next_due = due;
		return false;
	}
	batch->items[batch->count].due = due;
	if (layout_read_waiting(value, &batch->items[batch->count].queue,
				&batch->items[batch->count].standing))
		batch->count++;
	return true;
}

static void promote(struct delays *delays, const struct batch *batch, size_t i)
{
	struct core *core = delays->core;
	struct queue *queue = catalog_by_id(core->catalog, batch->items[i].queue);
	struct promotion *promotion = memory_new(sizeof *promotion);
	struct change *change = change_new(CHANGE_PROMOTE);
	if (!queue)
		queue = catalog_find(core->catalog, QUEUE_LOST);
	promotion->delays = delays;
	promotion->queue = queue->id;
	promotion->due_wall_ms = batch->items[i].due;
	promotion->order = core_number(core);
	promotion->standing = batch->items[i].standing;
	promotion->standing.run = core->run; /* it was leased in no run since it was put here */
	change->is_dispensable = true;	     /* found again by the timer */
	change->due_wall_ms = promotion->due_wall_ms;
	change->queue = queue->id;
	change->order = promotion->order;
	change->standing = promotion->standing;
	change->done = promoted;
	change->owner = promotion;
	delays->promoting++;
	core_add(core, change);
}

/* Who takes from the view must not see a message that is also in its queue. */
static bool is_viewed(const struct core *core)
{
	const struct queue *waiting = catalog_find(core->catalog, QUEUE_WAITING);
	return waiting->seats || waiting->leased > 0;
}

static void look(void *owner)
{
	struct delays *delays = owner;
	struct core *core = delays->core;
	struct batch batch;
	batch.now = loop_wall_ms(core->loop);
	batch.next_due = INT64_MAX;
	batch.count = 0;
	delays->is_put_off = false;
	if (delays->promoting > 0)
		return;
	if (delays->first_due > batch.now || is_viewed(core)) {
		delays->is_put_off = is_viewed(core);
		schedule(delays);
		return;
	}
	struct store_txn *txn = store_read_begin(core->store);
	if (store_each(txn, core->databases.waiting, BYTES_NONE, collect, &batch) != OK) {
		log_event(EV_store_failed, F_TEXT("what", "waiting"));
		batch.next_due = delays->first_due;
		delays->is_put_off = true;
	}
	store_read_end(&txn);
	delays->first_due = batch.next_due;
	for (size_t i = 0; i < batch.count; i++)
		promote(delays, &batch, i);
	schedule(delays);
}

struct delays *delays_new(struct core *core)
{
	struct delays *delays = memory_new(sizeof *delays);
	delays->core = core;
	delays->timer = timer_new(core->loop, look, delays);
	delays->first_due = delays_count(delays) ? 0 : INT64_MAX;
	schedule(delays);
	return delays;
}

void delays_free(struct delays **delays)
{
	struct delays *old = *delays;
	*delays = NULL;
	if (!old)
		return;
	timer_free(&old->timer);
	free(old);
}

void delays_note(struct delays *delays, int64_t due_wall_ms)
{
	if (due_wall_ms >= delays->first_due)
		return;
	delays->first_due = due_wall_ms;
	schedule(delays);
}

int64_t delays_count(const struct delays *delays)
{
	struct store_txn *txn = store_read_begin(delays->core->store);
	uint64_t count = store_count(txn, delays->core->databases.waiting);
	store_read_end(&txn);
	return (int64_t)count;
}

/* ---- the view ---- */

static bool view(void *owner, struct bytes key, struct bytes value)
{
	struct queue *waiting = owner;
	struct entry *entry = memory_new(sizeof *entry);
	uint32_t queue;
	uint64_t number;
	if (!layout_read_waiting_key(key, &entry->due_wall_ms, &number) ||
	    !layout_read_waiting(value, &queue, &entry->standing)) {
		free(entry);
		return true;
	}
	entry->queue = waiting;
	entries_add(&waiting->window, entry);
	return waiting->window.count < VIEW_MAX;
}

/* Only when nothing of it is on loan or on its way, so that nothing is shown twice. Whoever ends one of the three wakes the view. */
void delays_fill(struct queue *waiting, struct store_txn *txn)
{
	struct core *core = waiting->core;
	if (waiting->leased > 0 || waiting->discarding > 0 || core->delays->promoting > 0)
		return;
	if (store_each(txn, core->databases.waiting, BYTES_NONE, view, waiting) != OK)
		log_event(EV_store_failed, F_TEXT("what", "waiting"));
}
