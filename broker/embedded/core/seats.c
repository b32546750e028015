/* Who takes from queues. A session's consumer is a seat: it sits at its queue as soon as there is one of that name, and those that sit
 * there are served in turn, each as far as its prefetch and its session's bytes go. */
#include <stdlib.h>
#include <string.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

/* Of one client. */
#define SEATS_MAX 100000

/* ---- places at a queue ---- */

static void sit_down(struct queue *queue, struct seat *seat)
{
	struct seat **end = &queue->seats;
	while (*end)
		end = &(*end)->next;
	seat->queue = queue;
	seat->next = NULL;
	*end = seat;
	queue_wake(queue);
}

static void leave(struct seat *seat)
{
	struct seat **link = &seat->queue->seats;
	while (*link != seat)
		link = &(*link)->next;
	*link = seat->next;
	if (seat->queue->rule == QUEUE_RULE_WAITING && !seat->queue->seats)
		queue_forget_entries(seat->queue); /* a view is made anew for each look */
	queue_wake(seat->queue);
	seat->queue = NULL;
}

/* To the end of the line, so that in a single queue the next takes over; and who goes on has left its place too, or two would
 * take from it. */
static void pause_seat(struct seat *seat, bool is_paused)
{
	struct queue *queue = seat->queue;
	if (seat->is_paused == is_paused)
		return;
	seat->is_paused = is_paused;
	if (!queue)
		return;
	if (queue->rule == QUEUE_RULE_SINGLE) {
		leave(seat);
		sit_down(queue, seat);
	}
	queue_wake(queue);
}

/* ---- whose turn it is ---- */

/* A queue may take as many bytes as it leaves free, so that one whose messages are large and whose holder is slow leaves room for each
 * of the others. */
static bool has_bytes(const struct seat *seat, uint64_t size)
{
	const struct session *session = seat->session;
	if (session->held_bytes == 0 || session->prefetch_bytes == 0)
		return true;
	if (session->held_bytes + size > session->prefetch_bytes)
		return false;
	return session->seat_count == 1 || seat->held_bytes == 0 ||
	       seat->held_bytes + size <= session->prefetch_bytes - session->held_bytes;
}

static bool has_room(const struct seat *seat, uint64_t size)
{
	struct session *session = seat->session;
	if (seat->is_paused || seat->held >= seat->prefetch)
		return false;
	if (has_bytes(seat, size))
		return true;
	session->wants_bytes = true;
	return false;
}

/* A single queue asks only the first that is not paused. */
static struct seat *next_single_seat(const struct queue *queue, uint64_t size)
{
	struct seat *seat = queue->seats;
	while (seat && seat->is_paused)
		seat = seat->next;
	return seat && has_room(seat, size) ? seat : NULL;
}

struct seat *queue_next_seat(struct queue *queue, uint64_t size)
{
	struct seat **link = &queue->seats;
	if (queue->rule == QUEUE_RULE_SINGLE)
		return next_single_seat(queue, size);
	while (*link && !has_room(*link, size))
		link = &(*link)->next;
	struct seat *seat = *link;
	if (seat && seat->next) {
		*link = seat->next;
		while (*link)
			link = &(*link)->next;
		seat->next = NULL;
		*link = seat;
	}
	return seat;
}

bool queue_has_willing_seat(const struct queue *queue)
{
	if (queue->rule == QUEUE_RULE_SINGLE)
		return next_single_seat(queue, 0);
	for (const struct seat *seat = queue->seats; seat; seat = seat->next)
		if (has_room(seat, 0))
			return true;
	return false;
}

/* ---- a session and its seats ---- */

static struct seat **find_seat(struct session *session, uint64_t tag)
{
	struct seat **link = &session->seats;
	while (*link && (*link)->tag != tag)
		link = &(*link)->session_next;
	return link;
}

enum err seats_consume(struct session *session, const struct packet *packet)
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
		sit_down(queue, seat);
	return OK;
}

static void free_seat(struct session *session, struct seat **link)
{
	struct seat *seat = *link;
	*link = seat->session_next;
	session->seat_count--;
	if (seat->queue)
		leave(seat);
	for (struct entry *entry = session->leases.first; entry; entry = entry->next)
		if (entry->seat == seat)
			entry->seat = NULL;
	free(seat->queue_name);
	free(seat);
}

enum err seats_cancel(struct session *session, uint64_t tag)
{
	struct seat **link = find_seat(session, tag);
	if (!*link)
		return E_MALFORMED;
	free_seat(session, link);
	return OK;
}

enum err seats_pause(struct session *session, const struct packet *packet)
{
	struct seat *seat = *find_seat(session, packet->tag);
	if (!seat)
		return E_MALFORMED;
	pause_seat(seat, packet->value[0] != 0);
	return OK;
}

void seats_free(struct session *session)
{
	while (session->seats)
		free_seat(session, &session->seats);
}

void sessions_seat(struct core *core, struct queue *queue)
{
	for (struct session *session = core->sessions; session; session = session->next)
		for (struct seat *seat = session->seats; seat; seat = seat->session_next)
			if (!seat->queue && strcmp(seat->queue_name, queue->name) == 0)
				sit_down(queue, seat);
}
