/* Queues of others: a subscriber's queue, with its patterns, is made and deleted on disk before its client hears of it. */
#include <stdlib.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

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

enum err subscribing_begin(struct session *session, const struct packet *packet)
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
enum err subscribing_end(struct session *session, const struct packet *packet)
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
