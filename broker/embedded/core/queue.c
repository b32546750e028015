/* See queue.h. */
#include "broker/embedded/core/queue.h"

#include <assert.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define WINDOW_MAX 1000
/* Leases given in one turn, so that other queues and the commits get theirs. */
#define DISPATCH_MAX 1000

/* ---- lists of entries ---- */

void entries_add(struct entries *entries, struct entry *entry)
{
	entry->next = NULL;
	entry->previous = entries->last;
	if (entries->last)
		entries->last->next = entry;
	else
		entries->first = entry;
	entries->last = entry;
	entries->count++;
}

void entries_remove(struct entries *entries, struct entry *entry)
{
	if (entry->previous)
		entry->previous->next = entry->next;
	else
		entries->first = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	else
		entries->last = entry->previous;
	entry->previous = entry->next = NULL;
	entries->count--;
}

static void count_window_bytes(const struct entry *entry, bool is_added)
{
	size_t len = shared_bytes(entry->record).len;
	size_t *total = &entry->queue->core->window_bytes;
	*total = is_added ? *total + len : *total - len;
}

static void take_from_window(struct queue *queue, struct entry *entry)
{
	count_window_bytes(entry, false);
	entries_remove(&queue->window, entry);
}

void entry_free(struct entry *entry)
{
	shared_unref(&entry->record);
	free(entry);
}

/* ---- queues ---- */

struct queue *queue_new(struct core *core, uint32_t id, const char *name, enum queue_rule rule)
{
	struct queue *queue = memory_new(sizeof *queue);
	queue->core = core;
	queue->id = id;
	queue->name = memory_text(name);
	queue->rule = rule;
	return queue;
}

void queue_forget_entries(struct queue *queue)
{
	struct entry *entry;
	while ((entry = queue->window.first)) {
		take_from_window(queue, entry);
		entry_free(entry);
	}
	while ((entry = queue->returned.first)) {
		entries_remove(&queue->returned, entry);
		entry_free(entry);
	}
}

void queue_free(struct queue *queue)
{
	assert(!queue->seats && queue->leased == 0);
	queue_forget_entries(queue);
	free(queue->name);
	free(queue);
}

size_t queue_ready(const struct queue *queue)
{
	if (queue->rule == QUEUE_RULE_WAITING)
		return (size_t)delays_count(queue->core->delays) - queue->leased;
	return queue->returned.count + queue->window.count + queue->beyond;
}

void queue_count(struct queue *queue, uint64_t order)
{
	queue->beyond++;
	if (order > queue->last_order)
		queue->last_order = order;
}

static struct entry *entry_new(struct queue *queue, uint64_t order, const struct standing *standing)
{
	struct entry *entry = memory_new(sizeof *entry);
	entry->queue = queue;
	entry->order = order;
	entry->standing = *standing;
	return entry;
}

/* Behind all others. Into the window, with its bytes, while nothing lies beyond. */
static void note_last(struct queue *queue, uint64_t order, const struct standing *standing,
		      struct shared *record)
{
	queue->last_order = order;
	if (queue->beyond > 0 || queue->window.count >= WINDOW_MAX) {
		queue->beyond++;
		return;
	}
	struct entry *entry = entry_new(queue, order, standing);
	if (queue->core->window_bytes + shared_bytes(record).len <= CORE_WINDOW_BYTES_MAX)
		entry->record = shared_ref(record);
	entries_add(&queue->window, entry);
	count_window_bytes(entry, true);
	queue->window_end = order;
}

/* Committed after one that is behind it, since a full disk made it wait. */
static void note_late(struct queue *queue, uint64_t order, const struct standing *standing)
{
	if (queue->beyond > 0 && order > queue->window_end)
		queue->beyond++;
	else /* the window has passed its place */
		entries_add(&queue->returned, entry_new(queue, order, standing));
}

void queue_note(struct queue *queue, uint64_t order, const struct standing *standing,
		struct shared *record)
{
	if (order > queue->last_order)
		note_last(queue, order, standing, record);
	else
		note_late(queue, order, standing);
	queue_wake(queue);
}

void queue_return(struct entry *entry)
{
	if (entry->queue->rule == QUEUE_RULE_WAITING && !entry->queue->seats) {
		entry_free(entry);
		return;
	}
	entries_add(&entry->queue->returned, entry);
	queue_wake(entry->queue);
}

/* ---- from disk ---- */

static bool load_place(void *owner, struct bytes key, struct bytes value)
{
	struct queue *queue = owner;
	struct standing standing;
	uint32_t id;
	uint64_t order;
	if (!layout_read_ready_key(key, &id, &order) || id != queue->id ||
	    order > queue->last_order)
		return false;
	if (layout_read_standing(value, &standing))
		entries_add(&queue->window, entry_new(queue, order, &standing));
	else
		log_event(EV_store_failed, F_TEXT("queue", queue->name),
			  F_TEXT("what", "a message's standing"));
	queue->window_end = order;
	queue->beyond--;
	return queue->beyond > 0 && queue->window.count < WINDOW_MAX;
}

static void fill_window(struct queue *queue, struct store_txn *txn)
{
	uint8_t key[LAYOUT_READY_KEY];
	if (store_each(txn, queue->core->databases.ready,
		       layout_ready_key(queue->id, queue->window_end + 1, key), load_place,
		       queue) != OK)
		log_event(EV_store_failed, F_TEXT("queue", queue->name));
}

/* False: its record is not there or cannot be read. */
static bool load_record(struct entry *entry, struct store_txn *txn)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	struct record record;
	struct bytes stored;
	if (!entry->record) {
		if (store_get(txn, entry->queue->core->databases.messages,
			      layout_number_key(entry->standing.number, key), &stored) != OK)
			return false;
		entry->record = shared_copy(stored);
	}
	if (record_parse(shared_bytes(entry->record), &record) != OK)
		return false;
	entry->file = record.file;
	entry->body_size = record.body_size;
	return true;
}

/* Of the entry that is next; the bytes of the window grow with it when it is the window's. */
static bool load_first(struct queue *queue, struct entry *entry, struct store_txn *txn)
{
	bool is_of_window = entry == queue->window.first;
	if (is_of_window)
		count_window_bytes(entry, false);
	bool is_loaded = load_record(entry, txn);
	if (is_of_window)
		count_window_bytes(entry, true);
	return is_loaded;
}

/* ---- who gets what ---- */

struct entry *queue_first(struct queue *queue, struct store_txn *txn)
{
	if (queue->returned.first)
		return queue->returned.first;
	if (queue->rule == QUEUE_RULE_WAITING) {
		if (!queue->window.first && queue->seats)
			delays_fill(queue, txn);
	} else if (queue->beyond > 0 && queue->window.count < WINDOW_MAX / 4) {
		fill_window(queue, txn);
	}
	return queue->window.first;
}

static void unlist(struct queue *queue, struct entry *entry)
{
	if (entry == queue->returned.first)
		entries_remove(&queue->returned, entry);
	else
		take_from_window(queue, entry);
}

/* A place whose record is missing: damage, told and left where it is. */
static void pass_over(struct queue *queue, struct entry *entry)
{
	log_event(EV_store_failed, F_TEXT("queue", queue->name),
		  F_INT("missing", (int64_t)entry->standing.number));
	unlist(queue, entry);
	entry_free(entry);
}

/* False: nothing more can be given now. */
static bool give_one(struct queue *queue, struct store_txn *txn)
{
	if (!queue_has_willing_seat(queue))
		return false;
	struct entry *entry = queue_first(queue, txn);
	if (!entry)
		return false;
	if (!load_first(queue, entry, txn)) {
		pass_over(queue, entry);
		return true;
	}
	struct seat *seat = queue_next_seat(queue, entry->body_size);
	if (!seat)
		return false;
	unlist(queue, entry);
	lease_give(seat, entry, entry->body_size);
	return true;
}

static bool dispatch(struct queue *queue, struct store_txn *txn)
{
	for (int i = 0; i < DISPATCH_MAX; i++)
		if (!give_one(queue, txn))
			return false;
	return true;
}

void queue_wake(struct queue *queue)
{
	struct core *core = queue->core;
	if (queue->is_due_for_dispatch || !queue->seats)
		return;
	queue->is_due_for_dispatch = true;
	queue->next_due = core->due_first;
	core->due_first = queue;
	loop_defer(core->loop, &core->dispatch);
}

void queue_forget_wake(struct queue *queue)
{
	struct queue **link = &queue->core->due_first;
	while (*link && *link != queue)
		link = &(*link)->next_due;
	if (*link)
		*link = queue->next_due;
}

void queues_dispatch(struct core *core)
{
	struct queue *queue = core->due_first, *next;
	core->due_first = NULL;
	struct store_txn *txn = store_read_begin(core->store);
	for (; queue; queue = next) {
		next = queue->next_due;
		queue->is_due_for_dispatch = false;
		if (dispatch(queue, txn))
			queue_wake(queue);
	}
	store_read_end(&txn);
}
