/* Leases: a message in a holder's hands, by the number that its holder knows. */
#include <assert.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/obs/log.h"

#define NO_SLOT UINT32_MAX

/* ---- numbers ---- */

static void add_slots(struct core *core)
{
	uint32_t old = core->slot_count, count = old ? old * 2 : 256;
	core->slots = memory_grow(core->slots, count, sizeof *core->slots);
	core->slot_count = count;
	for (uint32_t i = count; i-- > old;) {
		core->slots[i] = (struct lease_slot){.next_free = core->slot_free};
		core->slot_free = i;
	}
}

static uint64_t take_slot(struct core *core, struct entry *entry)
{
	if (core->slot_free == NO_SLOT)
		add_slots(core);
	uint32_t at = core->slot_free;
	struct lease_slot *slot = &core->slots[at];
	core->slot_free = slot->next_free;
	slot->entry = entry;
	slot->use++;
	return (uint64_t)slot->use << 32 | at;
}

static struct entry *find(const struct core *core, uint64_t number)
{
	uint32_t at = (uint32_t)number;
	if (at >= core->slot_count || core->slots[at].use != number >> 32)
		return NULL;
	return core->slots[at].entry;
}

static void free_slot(struct core *core, uint64_t number)
{
	uint32_t at = (uint32_t)number;
	core->slots[at].entry = NULL;
	core->slots[at].next_free = core->slot_free;
	core->slot_free = at;
}

/* ---- giving ---- */

/* It was written in a run that crashed, so a consumer may have had it then. */
static bool is_suspect(const struct core *core, const struct standing *standing)
{
	return standing->run <= core->crashed_run;
}

static void send_lease(struct entry *entry, uint64_t tag)
{
	struct packet *packet = packet_new(PACKET_LEASE, tag);
	packet->value[0] = (int64_t)entry->lease;
	packet->value[1] = entry->standing.count > 0 || entry->was_released;
	packet->value[2] = entry->due_wall_ms;
	packet->record = shared_ref(entry->record);
	session_send(entry->session, packet);
	CRASH_POINT("lease-sent");
}

/* ---- taking back ---- */

static void wake_all(struct session *session)
{
	session->wants_bytes = false;
	for (struct seat *seat = session->seats; seat; seat = seat->session_next)
		if (seat->queue)
			queue_wake(seat->queue);
}

/* Out of its holder's hands; back in nobody's. */
static void end_lease(struct entry *entry)
{
	struct session *session = entry->session;
	assert(session);
	free_slot(session->core, entry->lease);
	entries_remove(&session->leases, entry);
	session->held_bytes -= entry->body_size;
	if (entry->seat) {
		entry->seat->held--;
		entry->seat->held_bytes -= entry->body_size;
	}
	entry->queue->leased--;
	queue_wake(entry->queue);
	if (session->wants_bytes)
		wake_all(session);
	entry->session = NULL;
	entry->seat = NULL;
	entry->lease = 0;
}

struct marking {
	struct entry *entry;
	uint64_t tag;
};

/* Its standing is on disk: now it may be given out, unless its holder left meanwhile. */
static void marked(void *owner, enum err err)
{
	struct marking *marking = owner;
	struct entry *entry = marking->entry;
	entry->is_marking = false;
	entry->queue->marking--;
	if (!entry->session)
		queue_return(entry);
	else if (err == OK)
		send_lease(entry, marking->tag);
	free(marking);
}

static struct change *change_of(const struct entry *entry, enum change_kind kind)
{
	struct change *change = change_new(kind);
	change->queue = entry->queue->id;
	change->order = entry->order;
	change->due_wall_ms = entry->due_wall_ms;
	change->standing = entry->standing;
	return change;
}

static void mark(struct entry *entry, void (*done)(void *owner, enum err err), void *owner)
{
	struct change *change = change_of(entry, CHANGE_MARK);
	change->done = done;
	change->owner = owner;
	core_add(entry->queue->core, change);
}

/* Nobody else tells of it: no holder asked for this. */
static void log_limit(const struct entry *entry)
{
	struct record record;
	if (record_parse(shared_bytes(entry->record), &record) == OK)
		log_event(EV_lease_buried, F_TEXT("key", record.key),
			  F_TEXT("message", record.message_id), F_TEXT("reason", "delivery_limit"));
}

/* What may have been leased in a run that crashed counts as leased once more, and that count must be on disk before it can kill
 * this process too. */
void lease_give(struct seat *seat, struct entry *entry, size_t size)
{
	struct queue *queue = entry->queue;
	struct core *core = queue->core;
	bool is_in_doubt = queue->rule != QUEUE_RULE_WAITING && is_suspect(core, &entry->standing);
	if (is_in_doubt) {
		entry->standing.count++;
		entry->standing.run = core->run;
	}
	if (queue->rule <= QUEUE_RULE_SINGLE &&
	    entry->standing.count >= core->settings->delivery_limit) {
		log_limit(entry);
		entry_set_aside(entry, EXCHANGE_BURIED, "delivery_limit");
		return;
	}
	entry->session = seat->session;
	entry->seat = seat;
	entry->lease = take_slot(core, entry);
	entries_add(&seat->session->leases, entry);
	seat->held++;
	seat->held_bytes += size;
	seat->session->held_bytes += size;
	queue->leased++;
	if (!is_in_doubt) {
		send_lease(entry, seat->tag);
		return;
	}
	struct marking *marking = memory_new(sizeof *marking);
	*marking = (struct marking){entry, seat->tag};
	entry->is_marking = true;
	queue->marking++;
	mark(entry, marked, marking);
}

static void give_back(struct entry *entry, bool is_counted)
{
	end_lease(entry);
	if (entry->is_marking)
		return; /* marked() returns it: it was never given */
	entry->was_released = true;
	if (is_counted && entry->queue->rule != QUEUE_RULE_WAITING) {
		entry->standing.count++;
		entry->standing.run = entry->queue->core->run;
		mark(entry, NULL, NULL);
	}
	queue_return(entry);
}

void leases_drop(struct session *session)
{
	while (session->leases.first)
		give_back(session->leases.first, true);
}

/* ---- settling ---- */

struct removal {
	struct core *core;
	uint32_t queue; /* which may be deleted meanwhile, but for the view */
	uint64_t file;
	bool is_of_view;
};

static void removed(void *owner, enum err err)
{
	struct removal *removal = owner;
	struct queue *queue = catalog_by_id(removal->core->catalog, removal->queue);
	if (!err)
		core_unlink_body(removal->core, removal->file);
	if (queue) {
		queue->discarding -= removal->is_of_view;
		queue_wake(queue);
	}
	free(removal);
}

static void finish(struct entry *entry)
{
	struct core *core = entry->queue->core;
	bool is_of_view = entry->due_wall_ms > 0;
	struct change *change = change_of(entry, is_of_view ? CHANGE_DISCARD : CHANGE_REMOVE);
	change->file = entry->file;
	if (entry->file || is_of_view) {
		struct removal *removal = memory_new(sizeof *removal);
		*removal = (struct removal){core, entry->queue->id, entry->file, is_of_view};
		entry->queue->discarding += is_of_view;
		change->done = removed;
		change->owner = removal;
	}
	core_add(core, change);
	entry_free(entry);
}

struct deferral {
	struct core *core;
	int64_t due_wall_ms;
};

static void deferred(void *owner, enum err err)
{
	struct deferral *deferral = owner;
	if (!err)
		delays_note(deferral->core->delays, deferral->due_wall_ms);
	free(deferral);
}

static void defer(struct entry *entry, int64_t delay_ms)
{
	struct core *core = entry->queue->core;
	int64_t now = loop_wall_ms(core->loop);
	struct deferral *deferral = memory_new(sizeof *deferral);
	struct change *change = change_of(entry, CHANGE_DEFER);
	if (delay_ms < 0)
		delay_ms = 0;
	change->due_wall_ms = delay_ms > INT64_MAX - now ? INT64_MAX : now + delay_ms;
	change->standing = (struct standing){.number = entry->standing.number, .run = core->run};
	*deferral = (struct deferral){core, change->due_wall_ms};
	change->done = deferred;
	change->owner = deferral;
	core_add(core, change);
	entry_free(entry);
}

struct burial {
	struct queue *queue;
	uint64_t order;
	struct standing standing;
};

static void buried(void *owner, enum err err)
{
	struct burial *burial = owner;
	if (!err)
		queue_note(burial->queue, burial->order, &burial->standing, NULL);
	free(burial);
}

/* The same record with its reason, in the queue "buried" or "refused", and gone from its own: one act. */
void entry_set_aside(struct entry *entry, enum exchange where, const char *reason)
{
	struct core *core = entry->queue->core;
	struct burial *burial = memory_new(sizeof *burial);
	struct change *removal = change_of(entry, CHANGE_REMOVE);
	struct change *change = change_new(CHANGE_ADD);
	struct record record;
	bool is_read = record_parse(shared_bytes(entry->record), &record) == OK;
	assert(is_read && !entry->due_wall_ms);
	record.exchange = where;
	record.reason = reason ? reason : "";
	burial->queue = catalog_find(core->catalog,
				     where == EXCHANGE_BURIED ? QUEUE_BURIED : QUEUE_REFUSED);
	burial->order = core_number(core);
	burial->standing = (struct standing){.number = burial->order, .run = core->run};
	change->queue = burial->queue->id;
	change->order = burial->order;
	change->standing = burial->standing;
	change->file = record.file;
	if (record_encode(&record, BYTES_NONE, &change->record) != OK) {
		record.reason = "its reason is too long";
		enum err err = record_encode(&record, BYTES_NONE, &change->record);
		assert(!err);
		(void)err;
	}
	change->done = buried;
	change->owner = burial;
	removal->file = record.file; /* its row; the body's file stays */
	removal->is_with_next = true;
	core_add(core, removal);
	core_add(core, change);
	entry_free(entry);
}

enum err lease_take_back(struct session *session, uint64_t number, enum settlement how,
			 int64_t delay_ms, const char *reason)
{
	struct entry *entry = find(session->core, number);
	if (!entry || entry->session != session || entry->is_marking)
		return E_MALFORMED;
	if (how == SETTLE_RELEASE || (how != SETTLE_ACK && entry->due_wall_ms)) {
		give_back(entry, false); /* what waits can only be finished or left */
		return OK;
	}
	end_lease(entry);
	if (how == SETTLE_ACK)
		finish(entry);
	else if (how == SETTLE_RETRY)
		defer(entry, delay_ms);
	else if (how == SETTLE_BURY)
		entry_set_aside(entry, EXCHANGE_BURIED, reason);
	else if (how == SETTLE_REFUSE)
		entry_set_aside(entry, EXCHANGE_REFUSED, reason);
	else
		return E_MALFORMED;
	CRASH_POINT("settled");
	return OK;
}
