/* A core that keeps nothing, for tests of the socket alone. Included by one .c of a test, where it takes the core's place: it
 * answers the packets of a client so that the client can see that they came, whole and in order.
 *
 *   HELLO    STATE
 *   APPEND   ENTRY with the same tag, text, values and record
 *   CONSUME  value[0] LEASEs of LEASE_SIZE bytes
 *   CANCEL   refused, as if it did not keep to packet.h
 *   the rest counts in `received` only */
#ifndef LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FAKE_CORE_H
#define LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FAKE_CORE_H

#include <stdatomic.h>

#include "broker/embedded/core/core.h"
#include "lib/base/memory.h"

#define LEASE_SIZE ((size_t)256 << 10)

struct core {
	atomic_int sessions, attached, received; /* there are, ever were; packets */
	struct session *newest;
	bool is_busy;
	struct shared *lease; /* one body for all LEASEs */
};

struct session {
	struct core *core;
	void (*send)(void *owner, struct packet *packet);
	void *owner;
};

struct session *core_attach(struct core *core, void (*send)(void *owner, struct packet *packet),
			    void *owner)
{
	struct session *session = memory_new(sizeof *session);
	*session = (struct session){core, send, owner};
	core->sessions++;
	core->attached++;
	core->newest = session;
	return session;
}

void core_detach(struct session **session)
{
	(*session)->core->sessions--;
	free(*session);
	*session = NULL;
}

static void send_leases(struct session *session, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		struct packet *lease = packet_new(PACKET_LEASE, 1);
		lease->value[0] = i;
		lease->record = shared_ref(session->core->lease);
		session->send(session->owner, lease);
	}
}

enum err session_receive(struct session *session, struct packet *packet)
{
	enum err err = OK;
	session->core->received++;
	if (packet->kind == PACKET_HELLO) {
		session->send(session->owner, packet_new(PACKET_STATE, 0));
	} else if (packet->kind == PACKET_CONSUME) {
		send_leases(session, packet->value[0]);
	} else if (packet->kind == PACKET_CANCEL) {
		err = E_MALFORMED;
	} else if (packet->kind == PACKET_APPEND) {
		packet->kind = PACKET_ENTRY;
		session->send(session->owner, packet);
		return OK;
	}
	packet_free(&packet);
	return err;
}

bool session_is_busy(const struct session *session)
{
	return session->core->is_busy;
}

static void fake_core_init(struct core *core)
{
	uint8_t *body;
	*core = (struct core){.lease = shared_new(LEASE_SIZE, &body)};
	memset(body, 'x', LEASE_SIZE);
}

static void fake_core_done(struct core *core)
{
	shared_unref(&core->lease);
}

#endif
