/* A client of the core: what its packets ask for, and what it is told. */
#include <stdio.h>

#include "broker/broker.h"
#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

/* Of one client. */
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

static enum err publish(struct session *session, struct packet *packet)
{
	if (!packet->record)
		return E_MALFORMED;
	core_publish(session, packet->tag, take_record(packet), packet->value[0]);
	return OK;
}

static enum err settle(struct session *session, const struct packet *packet)
{
	if (packet->value[0] < SETTLE_ACK || packet->value[0] > SETTLE_REFUSE)
		return E_MALFORMED;
	return lease_take_back(session, packet->tag, (enum settlement)packet->value[0],
			       packet->value[1], packet->text);
}

static enum err append(struct session *session, struct packet *packet)
{
	if (!packet->text || !packet->record || packet->value[1] < 0 ||
	    (uint64_t)packet->value[1] > shared_bytes(packet->record).len)
		return E_MALFORMED;
	logs_append(session, packet, take_record(packet));
	return OK;
}

static enum err follow(struct session *session, const struct packet *packet)
{
	return packet->text ? logs_follow(session, packet) : E_MALFORMED;
}

static enum err unfollow(struct session *session, uint64_t tag)
{
	logs_unfollow(session, tag);
	return OK;
}

static enum err begin_to_listen(struct session *session)
{
	session->is_listening = true;
	return OK;
}

static enum err unask(struct session *session, uint64_t tag)
{
	control_unask(session, tag);
	return tag ? OK : E_MALFORMED;
}

static enum err inspect(struct session *session, uint64_t tag)
{
	session_inspect(session, tag);
	return OK;
}

/* Answered by a DONE with the same tag. */
static bool needs_tag(enum packet_kind kind)
{
	return kind == PACKET_PUBLISH || kind == PACKET_SUBSCRIBE || kind == PACKET_UNSUBSCRIBE ||
	       kind == PACKET_APPEND || kind == PACKET_INSPECT;
}

/* What each kind means, and its fields: packet.h. An err is the client's mistake, and ends it. */
static enum err receive(struct session *session, struct packet *packet)
{
	if (packet->tag == 0 && needs_tag(packet->kind))
		return E_MALFORMED;
	switch (packet->kind) {
	case PACKET_HELLO:
		return hello(session, packet);
	case PACKET_PUBLISH:
		return publish(session, packet);
	case PACKET_CONSUME:
		return seats_consume(session, packet);
	case PACKET_PAUSE:
		return seats_pause(session, packet);
	case PACKET_CANCEL:
		return seats_cancel(session, packet->tag);
	case PACKET_SETTLE:
		return settle(session, packet);
	case PACKET_SUBSCRIBE:
		return subscribing_begin(session, packet);
	case PACKET_UNSUBSCRIBE:
		return subscribing_end(session, packet);
	case PACKET_FOLLOW:
		return follow(session, packet);
	case PACKET_UNFOLLOW:
		return unfollow(session, packet->tag);
	case PACKET_APPEND:
		return append(session, packet);
	case PACKET_LISTEN:
		return begin_to_listen(session);
	case PACKET_ASK:
		return control_ask(session, packet->tag, packet->record);
	case PACKET_UNASK:
		return unask(session, packet->tag);
	case PACKET_ANSWER:
		return control_answer(session, (uint64_t)packet->value[0], packet->record);
	case PACKET_TAKEN:
		return control_taken(session, packet->value[0]);
	case PACKET_PERMIT:
		return permits_ask(session, packet);
	case PACKET_UNPERMIT:
		return permits_forget(session, packet->tag);
	case PACKET_INSPECT:
		return inspect(session, packet->tag);
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
	seats_free(old);
	leases_drop(old);
	logs_unfollow(old, 0);
	permits_drop(old);
	control_unask(old, 0);
	unlink_session(old);
	if (old->pending == 0)
		free(old);
}
