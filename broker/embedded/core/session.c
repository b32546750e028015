/* A client of the core: what its packets ask for, and what it is told. */
#include <stdio.h>

#include "broker/broker.h"
#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

/* Of one client. */
#define SEATS_MAX	  100000
#define PENDING_BYTES_MAX ((size_t)32 << 20)
#define OVERLOAD_BYTES	  (4 * PENDING_BYTES_MAX)
/* About what a request takes in memory beside its record. */
#define PENDING_COST 1000

void session_send(struct session *session, struct packet *packet)
{
	if (session->is_detached)
		packet_free(&packet);
	else
		session->send(session->owner, packet);
}

void session_answer(struct session *session, uint64_t tag, enum err err)
{
	if (!tag)
		return;
	struct packet *packet = packet_new(PACKET_DONE, tag);
	packet->value[0] = err;
	session_send(session, packet);
}

void session_begin(struct session *session, size_t bytes)
{
	session->pending++;
	session->pending_bytes += bytes + PENDING_COST;
}

bool session_is_busy(const struct session *session)
{
	return session->pending_bytes > PENDING_BYTES_MAX;
}

bool session_is_overloaded(const struct session *session)
{
	return session->pending_bytes > OVERLOAD_BYTES;
}

void session_finish(struct session *session, uint64_t tag, enum err err, size_t bytes)
{
	session->pending--;
	session->pending_bytes -= bytes + PENDING_COST;
	session_answer(session, tag, err);
	if (session->is_detached && session->pending == 0)
		free(session);
}

/* ---- state ---- */

/* Roles that empty the queues go on when space is low; only a disk that is full stops them. */
static bool fills_queues(const struct session *session)
{
	return strcmp(session->role, "worker") != 0 && strcmp(session->role, "bouncer") != 0;
}

static void tell_state(struct session *session)
{
	const struct core *core = session->core;
	bool is_blocked = core->is_full || (core->is_low && fills_queues(session));
	enum broker_state state = is_blocked ? BROKER_BLOCKED : BROKER_READY;
	if (state == session->told_state)
		return;
	session->told_state = state;
	struct packet *packet = packet_new(PACKET_STATE, 0);
	packet->value[0] = state;
	session_send(session, packet);
}

void sessions_tell_state(struct core *core)
{
	for (struct session *session = core->sessions; session; session = session->next)
		if (session->role[0])
			tell_state(session);
}

/* ---- consumers ---- */

static struct seat **find_seat(struct session *session, uint64_t tag)
{
	struct seat **link = &session->seats;
	while (*link && (*link)->tag != tag)
		link = &(*link)->session_next;
	return link;
}

static enum err consume(struct session *session, const struct packet *packet)
{
	struct core *core = session->core;
	if (!packet->text || packet->value[0] < 1 || packet->value[1] < 0 ||
	    session->seat_count >= SEATS_MAX || *find_seat(session, packet->tag))
		return E_MALFORMED;
	struct seat *seat = memory_new(sizeof *seat);
	seat->session = session;
	seat->tag = packet->tag;
	seat->queue_name = memory_text(packet->text);
	seat->prefetch = (size_t)packet->value[0];
	seat->session_next = session->seats;
	session->seats = seat;
	session->seat_count++;
	if ((size_t)packet->value[1] > session->prefetch_bytes)
		session->prefetch_bytes = (size_t)packet->value[1];
	struct queue *queue = catalog_find(core->catalog, packet->text);
	if (queue)
		queue_add_seat(queue, seat);
	return OK;
}

static void free_seat(struct session *session, struct seat **link)
{
	struct seat *seat = *link;
	*link = seat->session_next;
	session->seat_count--;
	if (seat->queue)
		queue_remove_seat(seat);
	for (struct entry *entry = session->leases.first; entry; entry = entry->next)
		if (entry->seat == seat)
			entry->seat = NULL;
	free(seat->queue_name);
	free(seat);
}

static enum err cancel(struct session *session, uint64_t tag)
{
	struct seat **link = find_seat(session, tag);
	if (!*link)
		return E_MALFORMED;
	free_seat(session, link);
	return OK;
}

static enum err pause(struct session *session, const struct packet *packet)
{
	struct seat *seat = *find_seat(session, packet->tag);
	if (!seat)
		return E_MALFORMED;
	queue_pause_seat(seat, packet->value[0] != 0);
	return OK;
}

void sessions_seat(struct core *core, struct queue *queue)
{
	for (struct session *session = core->sessions; session; session = session->next)
		for (struct seat *seat = session->seats; seat; seat = seat->session_next)
			if (!seat->queue && strcmp(seat->queue_name, queue->name) == 0)
				queue_add_seat(queue, seat);
}

/* ---- subscribing ---- */

struct subscribing {
	struct session *session;
	uint64_t tag;
};

static void subscribed(void *owner, enum err err)
{
	struct subscribing *subscribing = owner;
	session_finish(subscribing->session, subscribing->tag, err, 0);
	free(subscribing);
}

static struct change *change_of_queue(enum change_kind kind, const struct queue *queue,
				      const char *text)
{
	struct change *change = change_new(kind);
	change->queue = queue->id;
	change->text = text ? memory_text(text) : NULL;
	return change;
}

static void add_waited(struct session *session, struct change *change, uint64_t tag)
{
	struct subscribing *subscribing = memory_new(sizeof *subscribing);
	*subscribing = (struct subscribing){session, tag};
	session_begin(session, 0);
	change->done = subscribed;
	change->owner = subscribing;
	core_add(session->core, change);
}

static enum err subscribe(struct session *session, const struct packet *packet)
{
	struct core *core = session->core;
	struct queue *queue;
	bool is_new;
	if (!packet->text || !packet->more)
		return E_MALFORMED;
	enum err err =
		catalog_subscribe(core->catalog, packet->text, packet->more, &queue, &is_new);
	if (err) {
		session_answer(session, packet->tag, err);
		return OK;
	}
	if (is_new) {
		struct change *change = change_of_queue(CHANGE_QUEUE, queue, queue->name);
		change->is_with_next = true;
		core_add(core, change);
		sessions_seat(core, queue);
	}
	add_waited(session, change_of_queue(CHANGE_BIND, queue, packet->more), packet->tag);
	return OK;
}

/* What a queue that was deleted had in memory goes with it; who waits for a queue of that name goes on waiting. */
static enum err unsubscribe(struct session *session, const struct packet *packet)
{
	struct core *core = session->core;
	if (!packet->text)
		return E_MALFORMED;
	struct queue *queue = catalog_find(core->catalog, packet->text);
	enum err err = OK;
	if (!queue || !catalog_is_subscriber(queue))
		err = E_NOT_FOUND;
	else if (queue->seats || queue->leased > 0 || queue->marking > 0)
		err = E_BLOCKED;
	else if (queue_ready(queue) > 0 && packet->value[0] == 0)
		err = E_FULL;
	if (err) {
		session_answer(session, packet->tag, err);
		return OK;
	}
	add_waited(session, change_of_queue(CHANGE_UNQUEUE, queue, NULL), packet->tag);
	catalog_remove(core->catalog, queue);
	return OK;
}

/* ---- for operators ---- */

static int64_t oldest_age_ms(const struct core *core, struct queue *queue, struct store_txn *txn)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	const struct entry *entry = queue_first(queue, txn);
	struct record record;
	struct bytes stored;
	if (!entry)
		return -1;
	if (entry->record)
		stored = shared_bytes(entry->record);
	else if (store_get(txn, core->databases.messages,
			   layout_number_key(entry->standing.number, key), &stored) != OK)
		return -1;
	if (record_parse(stored, &record) != OK)
		return -1;
	int64_t age = loop_wall_ms(core->loop) - record.since_wall_ms;
	return age > 0 ? age : 0;
}

static void inspect(struct session *session, uint64_t tag)
{
	const struct core *core = session->core;
	struct store_txn *txn = store_read_begin(core->store);
	for (struct queue *queue = catalog_first(core->catalog); queue; queue = queue->next) {
		struct packet *packet = packet_new(PACKET_QUEUE, tag);
		int64_t consumers = 0;
		for (const struct seat *seat = queue->seats; seat; seat = seat->next)
			consumers++;
		packet->text = memory_text(queue->name);
		packet->value[0] = (int64_t)queue_ready(queue);
		packet->value[1] = (int64_t)queue->leased;
		packet->value[2] = consumers;
		packet->value[3] = oldest_age_ms(core, queue, txn);
		session_send(session, packet);
	}
	store_read_end(&txn);
	session_answer(session, tag, OK);
}

/* ---- packets ---- */

static enum err hello(struct session *session, const struct packet *packet)
{
	if (packet->value[0] != PACKET_VERSION || session->role[0] || !packet->text ||
	    !packet->text[0])
		return E_MALFORMED;
	(void)snprintf(session->role, sizeof session->role, "%s", packet->text);
	tell_state(session);
	return OK;
}

static struct shared *take_record(struct packet *packet)
{
	struct shared *record = packet->record;
	packet->record = NULL;
	return record;
}

static enum err append(struct session *session, struct packet *packet)
{
	if (!packet->text || !packet->record || packet->value[1] < 0 ||
	    (uint64_t)packet->value[1] > shared_bytes(packet->record).len)
		return E_MALFORMED;
	logs_append(session, packet, take_record(packet));
	return OK;
}

static enum err settle(struct session *session, const struct packet *packet)
{
	if (packet->value[0] < SETTLE_ACK || packet->value[0] > SETTLE_REFUSE)
		return E_MALFORMED;
	return lease_take_back(session, packet->tag, (enum settlement)packet->value[0],
			       packet->value[1], packet->text);
}

/* Answered by a DONE with the same tag. */
static bool needs_tag(enum packet_kind kind)
{
	return kind == PACKET_PUBLISH || kind == PACKET_SUBSCRIBE || kind == PACKET_UNSUBSCRIBE ||
	       kind == PACKET_APPEND || kind == PACKET_INSPECT;
}

static enum err receive(struct session *session, struct packet *packet)
{
	if (packet->tag == 0 && needs_tag(packet->kind))
		return E_MALFORMED;
	switch (packet->kind) {
	case PACKET_HELLO:
		return hello(session, packet);
	case PACKET_PUBLISH:
		if (!packet->record)
			return E_MALFORMED;
		core_publish(session, packet->tag, take_record(packet), packet->value[0]);
		return OK;
	case PACKET_CONSUME:
		return consume(session, packet);
	case PACKET_PAUSE:
		return pause(session, packet);
	case PACKET_CANCEL:
		return cancel(session, packet->tag);
	case PACKET_SETTLE:
		return settle(session, packet);
	case PACKET_SUBSCRIBE:
		return subscribe(session, packet);
	case PACKET_UNSUBSCRIBE:
		return unsubscribe(session, packet);
	case PACKET_FOLLOW:
		return packet->text ? logs_follow(session, packet) : E_MALFORMED;
	case PACKET_UNFOLLOW:
		logs_unfollow(session, packet->tag);
		return OK;
	case PACKET_APPEND:
		return append(session, packet);
	case PACKET_LISTEN:
		session->is_listening = true;
		return OK;
	case PACKET_ASK:
		return control_ask(session, packet->tag, packet->record);
	case PACKET_UNASK:
		control_unask(session, packet->tag);
		return packet->tag ? OK : E_MALFORMED;
	case PACKET_ANSWER:
		return control_answer(session, (uint64_t)packet->value[0], packet->record);
	case PACKET_TAKEN:
		return control_taken(session, packet->value[0]);
	case PACKET_PERMIT:
		return permits_ask(session, packet);
	case PACKET_UNPERMIT:
		return permits_forget(session, packet->tag);
	case PACKET_INSPECT:
		inspect(session, packet->tag);
		return OK;
	default:
		return E_MALFORMED;
	}
}

enum err session_receive(struct session *session, struct packet *packet)
{
	enum err err = receive(session, packet);
	packet_free(&packet);
	return err;
}

/* ---- birth and end ---- */

struct session *core_attach(struct core *core, void (*send)(void *owner, struct packet *packet),
			    void *owner)
{
	struct session *session = memory_new(sizeof *session);
	session->core = core;
	session->send = send;
	session->owner = owner;
	session->told_state = BROKER_AWAY;
	LIST_INIT(&session->askers);
	LIST_INIT(&session->questions);
	session->next = core->sessions;
	if (session->next)
		session->next->previous = session;
	core->sessions = session;
	return session;
}

static void unlink_session(struct session *session)
{
	if (session->previous)
		session->previous->next = session->next;
	else
		session->core->sessions = session->next;
	if (session->next)
		session->next->previous = session->previous;
}

void core_detach(struct session **session)
{
	struct session *old = *session;
	*session = NULL;
	if (!old)
		return;
	old->is_detached = true;
	while (old->seats)
		free_seat(old, &old->seats);
	leases_drop(old);
	logs_unfollow(old, 0);
	permits_drop(old);
	control_unask(old, 0);
	unlink_session(old);
	if (old->pending == 0)
		free(old);
}
