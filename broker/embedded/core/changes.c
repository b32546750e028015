/* See changes.h.
 *
 *   changes_add -> gathering -> (one commit at a time) -> committing -> done of each */
#include "broker/embedded/core/changes.h"

#include <assert.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/obs/log.h"

#define FULL_RETRY_MS 200
/* When a commit served many, the next one waits a little to serve more: each costs two flushes, whatever is in it. */
#define BUSY_CHANGES 4
#define PAUSE_MS     1
#define PROBE_BYTES  ((size_t)256 * 1024)
/* The first failure makes room (on_full_changed), another may be older than the end. */
#define FINISH_FAILURES_MAX 3
/* Bounds what one transaction holds in memory, and how long its first waiter waits for its last. */
#define GROUP_CHANGES_MAX 2000
#define GROUP_BYTES_MAX	  ((size_t)16 * 1024 * 1024)

STAILQ_HEAD(change_list, change);

struct changes {
	struct loop *loop;
	struct store *store;
	const struct databases *databases;
	void (*is_full_changed)(void *owner, bool is_full);
	void *owner;
	struct change_list gathering,
		committing; /* `committing` is the store thread's while is_committing */
	size_t committing_count;
	bool is_committing;
	bool is_finishing; /* what is being committed brings nothing new */
	bool is_full;
	struct task start;
	struct timer *again; /* after a full disk */
	struct timer *pause; /* between two commits of a busy time */
};

static struct change *list_take(struct change_list *list)
{
	struct change *change = STAILQ_FIRST(list);
	if (change)
		STAILQ_REMOVE_HEAD(list, next);
	return change;
}

static void change_free(struct change *change)
{
	shared_unref(&change->record);
	free(change->text);
	free(change);
}

struct change *change_new(enum change_kind kind)
{
	struct change *change = memory_new(sizeof *change);
	change->kind = kind;
	return change;
}

static enum err apply_all(void *owner, struct store_txn *txn)
{
	struct changes *changes = owner;
	enum err err = OK;
	const struct change *change;
	STAILQ_FOREACH(change, &changes->committing, next)
	{
		err = change_apply(txn, changes->databases, change);
		if (err)
			break;
	}
	return err;
}

/* ---- on the loop ---- */

static void tell(struct change *change, enum err err)
{
	if (change->done)
		change->done(change->owner, err);
	change_free(change);
}

static void set_full(struct changes *changes, bool is_full)
{
	if (changes->is_full == is_full)
		return;
	changes->is_full = is_full;
	changes->is_full_changed(changes->owner, is_full);
}

static void start(void *owner);

/* With nothing to try again, and nothing new let in while the disk is full, only this shows that there is space: as much as a
 * message may take. */
static void add_probe(struct changes *changes)
{
	uint8_t *data;
	struct change *probe = change_new(CHANGE_PROBE);
	probe->is_dispensable = true;
	probe->record = shared_new(PROBE_BYTES, &data);
	memset(data, 0, PROBE_BYTES);
	STAILQ_INSERT_TAIL(&changes->gathering, probe, next);
}

static void end_of_pause(void *owner)
{
	struct changes *changes = owner;
	if (!changes->is_committing && !STAILQ_EMPTY(&changes->gathering))
		start(changes);
}

static void begin_again(void *owner)
{
	struct changes *changes = owner;
	if (changes->is_committing)
		return;
	if (STAILQ_EMPTY(&changes->gathering))
		add_probe(changes);
	start(changes);
}

/* What must not be dropped goes back to the front. */
static void keep_for_later(struct changes *changes)
{
	struct change_list kept = STAILQ_HEAD_INITIALIZER(kept),
			   dropped = STAILQ_HEAD_INITIALIZER(dropped);
	struct change *change;
	while ((change = list_take(&changes->committing)))
		STAILQ_INSERT_TAIL(change->is_dispensable ? &dropped : &kept, change, next);
	STAILQ_CONCAT(&kept, &changes->gathering);
	STAILQ_CONCAT(&changes->gathering, &kept);
	set_full(changes, true);
	while ((change = list_take(&dropped)))
		tell(change, E_FULL);
	timer_start(changes->again, FULL_RETRY_MS);
}

static void committed(void *owner, enum err err)
{
	struct changes *changes = owner;
	struct change *change;
	changes->is_committing = false;
	if (err == E_FULL) {
		keep_for_later(changes);
		return;
	}
	if (err) {
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
		_exit(EXIT_FAILURE);
	}
	CRASH_POINT("engine-committed");
	if (!changes->is_finishing)
		set_full(changes, false);
	if (changes->committing_count >= BUSY_CHANGES)
		timer_start(changes->pause, PAUSE_MS);
	else if (!STAILQ_EMPTY(&changes->gathering))
		loop_defer(changes->loop, &changes->start);
	if (STAILQ_EMPTY(&changes->gathering) && changes->is_full)
		timer_start(changes->again, FULL_RETRY_MS);
	struct change_list told = STAILQ_HEAD_INITIALIZER(told);
	STAILQ_CONCAT(&told, &changes->committing);
	while ((change = list_take(&told)))
		tell(change, OK);
	CRASH_POINT("engine-told");
}

static size_t weight(const struct change *change)
{
	return shared_bytes(change->record).len;
}

static void commit_too(struct changes *changes, struct change *change)
{
	STAILQ_INSERT_TAIL(&changes->committing, change, next);
	changes->committing_count++;
}

static void take_group(struct changes *changes)
{
	size_t bytes = 0;
	bool is_whole = true; /* no act is begun and not ended */
	while (!STAILQ_EMPTY(&changes->gathering) &&
	       (!is_whole ||
		(changes->committing_count < GROUP_CHANGES_MAX && bytes < GROUP_BYTES_MAX))) {
		struct change *change = list_take(&changes->gathering);
		is_whole = !change->is_with_next;
		bytes += weight(change);
		commit_too(changes, change);
	}
}

/* On a full disk what finishes something goes alone and first: it needs few pages, and gives some back. A queue is deleted in its
 * turn, after what is added to it. */
static void take_finishing(struct changes *changes)
{
	struct change_list rest = STAILQ_HEAD_INITIALIZER(rest);
	struct change *change;
	while ((change = list_take(&changes->gathering)))
		if (change->is_dispensable || change->kind == CHANGE_UNQUEUE)
			STAILQ_INSERT_TAIL(&rest, change, next);
		else
			commit_too(changes, change);
	STAILQ_CONCAT(&changes->gathering, &rest);
	changes->is_finishing = !STAILQ_EMPTY(&changes->committing);
}

static void start(void *owner)
{
	struct changes *changes = owner;
	if (changes->is_committing || timer_is_running(changes->again) ||
	    timer_is_running(changes->pause))
		return;
	assert(STAILQ_EMPTY(&changes->committing));
	changes->committing_count = 0;
	changes->is_finishing = false;
	if (changes->is_full)
		take_finishing(changes);
	if (!changes->is_finishing)
		take_group(changes);
	changes->is_committing = true;
	store_write(changes->store, apply_all, changes->loop, committed, changes);
}

struct changes *changes_new(struct loop *loop, struct store *store,
			    const struct databases *databases,
			    void (*is_full_changed)(void *owner, bool is_full), void *owner)
{
	struct changes *changes = memory_new(sizeof *changes);
	changes->loop = loop;
	changes->store = store;
	changes->databases = databases;
	changes->is_full_changed = is_full_changed;
	changes->owner = owner;
	changes->start = (struct task){.run = start, .owner = changes};
	changes->again = timer_new(loop, begin_again, changes);
	changes->pause = timer_new(loop, end_of_pause, changes);
	STAILQ_INIT(&changes->gathering);
	STAILQ_INIT(&changes->committing);
	return changes;
}

void changes_free(struct changes **changes)
{
	struct changes *old = *changes;
	struct change *change;
	*changes = NULL;
	if (!old)
		return;
	assert(!old->is_committing);
	while ((change = list_take(&old->gathering)))
		tell(change, E_CANCELLED);
	task_cancel(&old->start, old->loop);
	timer_free(&old->again);
	timer_free(&old->pause);
	free(old);
}

void changes_add(struct changes *changes, struct change *change)
{
	STAILQ_INSERT_TAIL(&changes->gathering, change, next);
	if (!changes->is_committing)
		loop_defer(changes->loop, &changes->start);
}

bool changes_finish(struct changes *changes)
{
	unsigned failures = 0;
	for (;;) {
		store_drain(changes->loop);
		if (STAILQ_EMPTY(&changes->gathering))
			return true;
		failures += timer_is_running(changes->again);
		if (failures == FINISH_FAILURES_MAX)
			return false;
		timer_stop(changes->again);
		timer_stop(changes->pause);
		start(changes);
	}
}
