/* Acceptance.
 *
 *   start --> line <--window by window, as room allows--> parked (its window is full)
 *             line --all published--> under way --all confirmed--> done
 *
 * Those in line take turns, so that a large batch does not keep small mail waiting. An acceptance fails with the first failure of a
 * publication: groups behind it are not published any more, and done waits for those before it. */
#include "ingest/acceptance.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "ingest/parts.h"
#include "ingest/rules.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define TURN_PARTS   16	 /* published of one acceptance before the next has its turn */
#define WINDOW_PARTS 256 /* of one acceptance that are not confirmed */

enum place { NOT_WAITING, IN_LINE, PARKED };

struct acceptance {
	struct acceptor *acceptor;
	struct mail *mail;
	struct parts parts;
	size_t published_count, unconfirmed_count;
	bool tries_first; /* the first part goes alone, and is not confirmed yet */
	enum place place; /* NOT_WAITING: all is published, or it has failed */
	enum err err;
	int64_t started_at_ms;
	acceptance_done done; /* NULL: nobody waits */
	void *owner;
	TAILQ_ENTRY(acceptance) next;
};
TAILQ_HEAD(acceptance_list, acceptance);

struct acceptor {
	struct acceptor_options options;
	struct acceptance_list line, parked;
	uint64_t waiting_bytes, waiting_memory_bytes; /* of content, of those in line or parked */
	size_t count, unconfirmed_count;
	int64_t confirmed_at_ms; /* the last part */
	/* At the end of the turn: so `done` never comes inside a call, and publications come in
	 * bursts. */
	struct task publish;
};

/* ---- the end of one ---- */

static void log_end(const struct acceptance *a)
{
	const struct mail *mail = a->mail;
	const char *labels[] = {mail->door};
	int64_t took_ms = loop_now_ms(a->acceptor->options.loop) - a->started_at_ms;
	metric_observe_ms(M_accept_seconds, labels, took_ms);
	if (a->err == OK && mail->refusal)
		return; /* whoever refused it told so */
	if (a->err == OK)
		log_event(EV_message_accepted, F_TEXT("door", mail->door),
			  F_TEXT("message", mail->id), F_BYTES("sender", mail->sender),
			  F_INT("recipients", mail->destination_count),
			  F_INT("requests", a->parts.count),
			  F_INT("bytes", blob_size(mail->content)),
			  F_TEXT("client", mail->client_ip), F_TEXT("user", mail->user),
			  F_INT("ms", took_ms));
	else
		log_event(EV_message_refused, F_TEXT("door", mail->door),
			  F_TEXT("reason", err_text(a->err)), F_TEXT("message", mail->id),
			  F_BYTES("sender", mail->sender),
			  F_INT("recipients", mail->destination_count),
			  F_TEXT("client", mail->client_ip), F_INT("ms", took_ms));
}

static void acceptance_free(struct acceptance *a)
{
	parts_done(&a->parts);
	mail_free(&a->mail);
	free(a);
}

static void end_if_done(struct acceptance *a)
{
	struct acceptor *acceptor = a->acceptor;
	if (a->place != NOT_WAITING || a->unconfirmed_count > 0)
		return;
	log_end(a);
	acceptor->count--;
	if (a->done)
		a->done(a->owner, a->err, a->mail);
	acceptance_free(a);
	if (acceptor->count == 0)
		acceptor->options.idle(acceptor->options.owner);
}

/* ---- waiting ---- */

static struct acceptance_list *list_of(struct acceptor *acceptor, enum place place)
{
	return place == IN_LINE ? &acceptor->line : &acceptor->parked;
}

/* To the end of the line, or of those parked, or out. */
static void move_to(struct acceptance *a, enum place place)
{
	struct acceptor *acceptor = a->acceptor;
	uint64_t bytes = blob_size(a->mail->content), memory = blob_memory(a->mail->content).len;
	if (a->place != NOT_WAITING) {
		TAILQ_REMOVE(list_of(acceptor, a->place), a, next);
		acceptor->waiting_bytes -= bytes;
		acceptor->waiting_memory_bytes -= memory;
	}
	if (place != NOT_WAITING) {
		TAILQ_INSERT_TAIL(list_of(acceptor, place), a, next);
		acceptor->waiting_bytes += bytes;
		acceptor->waiting_memory_bytes += memory;
	}
	a->place = place;
}

/* What stops one stops all that wait. Those that join while these are told wait anew. */
static void fail_waiting(struct acceptor *acceptor, enum err err)
{
	struct acceptance_list failed = TAILQ_HEAD_INITIALIZER(failed);
	struct acceptance *a;
	while ((a = TAILQ_FIRST(&acceptor->line)) || (a = TAILQ_FIRST(&acceptor->parked))) {
		move_to(a, NOT_WAITING);
		TAILQ_INSERT_TAIL(&failed, a, next);
	}
	while ((a = TAILQ_FIRST(&failed))) {
		TAILQ_REMOVE(&failed, a, next);
		if (a->err == OK)
			a->err = err;
		end_if_done(a);
	}
}

/* ---- confirms ---- */

/* A broker that confirms others meanwhile is only late with one: that is no reason to fail the rest. */
static bool concerns_all(const struct acceptor *acceptor, const struct part *part, enum err err)
{
	if (err == E_TIMEOUT)
		return acceptor->confirmed_at_ms <= part->published_at_ms;
	return err == E_AWAY || err == E_BLOCKED || err == E_CLOSED;
}

static void note_kept(const struct acceptance *a, const struct group *group)
{
	size_t first = (size_t)(group->destinations - a->mail->destinations);
	for (size_t i = 0; i < group->count; i++)
		a->mail->destinations[first + i].is_kept = true;
}

static bool is_window_full(const struct acceptance *a)
{
	return a->unconfirmed_count >= (a->tries_first ? 1 : WINDOW_PARTS);
}

static void on_published(void *owner, enum err err)
{
	const struct part *part = owner;
	struct acceptance *a = part->owner;
	struct acceptor *acceptor = a->acceptor;
	bool is_for_all = concerns_all(acceptor, part, err);
	assert(a->unconfirmed_count > 0);
	a->unconfirmed_count--;
	acceptor->unconfirmed_count--;
	a->tries_first = false;
	if (err == OK) {
		acceptor->confirmed_at_ms = loop_now_ms(acceptor->options.loop);
		note_kept(a, part->group);
	}
	/* What can never be published is told, however its neighbours failed: trying again is in vain. */
	if (a->err == OK || (err_then(a->err) == ERR_THEN_RETRY && err_then(err) == ERR_THEN_BURY))
		a->err = err;
	if (a->err != OK && a->place != NOT_WAITING)
		move_to(a, NOT_WAITING);
	else if (a->place == PARKED && !is_window_full(a))
		move_to(a, IN_LINE);
	end_if_done(a);
	if (is_for_all)
		fail_waiting(acceptor, err);
	loop_defer(acceptor->options.loop, &acceptor->publish);
}

/* ---- publishing ---- */

static void publish_part(struct acceptance *a)
{
	struct acceptor *acceptor = a->acceptor;
	struct part *part = &a->parts.items[a->published_count];
	struct buf head;
	buf_init(&head, ENCODING_HEAD_MAX);
	a->err = parts_encode(&a->parts, part, &head);
	if (a->err == OK) {
		char key[ENCODING_KEY_SIZE];
		struct publication publication = part_publication(&a->parts, part, key);
		publication.head = buf_bytes(&head);
		a->published_count++;
		a->unconfirmed_count++;
		acceptor->unconfirmed_count++;
		part->published_at_ms = loop_now_ms(acceptor->options.loop);
		broker_publish(acceptor->options.broker, &publication, on_published, part);
	}
	buf_done(&head);
}

/* The broker may be full of what others publish, whose confirms do not come here: so one of ours is always under way. */
static bool has_room(const struct acceptor *acceptor)
{
	return acceptor->unconfirmed_count == 0 ||
	       broker_unconfirmed_bytes(acceptor->options.broker) <
		       (uint64_t)acceptor->options.settings->max_unconfirmed;
}

static bool has_more(const struct acceptance *a)
{
	return a->err == OK && a->published_count < a->parts.count;
}

static void publish_some(void *owner)
{
	struct acceptor *acceptor = owner;
	struct acceptance *a;
	while ((a = TAILQ_FIRST(&acceptor->line)) && has_room(acceptor)) {
		for (int i = 0;
		     i < TURN_PARTS && has_more(a) && !is_window_full(a) && has_room(acceptor); i++)
			publish_part(a);
		if (has_more(a))
			move_to(a, is_window_full(a) ? PARKED : IN_LINE);
		else
			move_to(a, NOT_WAITING);
		end_if_done(a);
	}
}

/* ---- what doors call ---- */

static enum err check_broker(const struct acceptor *acceptor)
{
	switch (broker_state(acceptor->options.broker)) {
	case BROKER_READY:
		return OK;
	case BROKER_BLOCKED:
		return E_BLOCKED;
	case BROKER_AWAY:
		break;
	}
	return E_AWAY;
}

enum err acceptor_check(const struct acceptor *acceptor)
{
	const struct ingest_settings *settings = acceptor->options.settings;
	enum err err = check_broker(acceptor);
	if (err == OK && (acceptor->waiting_bytes > (uint64_t)settings->max_waiting ||
			  acceptor->waiting_memory_bytes > (uint64_t)settings->max_unconfirmed))
		err = E_FULL;
	return err;
}

static enum err refuse(const struct mail *mail, enum err err)
{
	log_event(EV_message_refused, F_TEXT("door", mail->door), F_TEXT("reason", err_text(err)),
		  F_TEXT("message", mail->id), F_BYTES("sender", mail->sender),
		  F_INT("recipients", mail->destination_count), F_INT("hops", mail->hops),
		  F_TEXT("client", mail->client_ip));
	return err;
}

enum err acceptance_start(struct acceptor *acceptor, struct mail **mail, acceptance_done done,
			  void *owner, struct acceptance **ret)
{
	assert((*mail)->destination_count > 0 && (*mail)->content);
	if ((*mail)->hops > acceptor->options.settings->max_hops)
		return refuse(*mail, E_REFUSED);
	enum err err = check_broker(acceptor);
	if (err != OK)
		return refuse(*mail, err);
	struct acceptance *a = memory_new(sizeof *a);
	a->acceptor = acceptor;
	a->mail = *mail;
	a->done = done;
	a->owner = owner;
	a->started_at_ms = loop_now_ms(acceptor->options.loop);
	*mail = NULL;
	if (acceptor->options.rules)
		rules_apply(acceptor->options.rules, acceptor->options.routing, a->mail);
	if (acceptor->options.sites)
		mail_use_learned(a->mail, acceptor->options.routing, acceptor->options.sites,
				 loop_wall_ms(acceptor->options.loop));
	if (acceptor->options.begun && !a->mail->refusal)
		acceptor->options.begun(acceptor->options.owner, a->mail);
	a->err = parts_cut(a->mail, acceptor->options.hostname, acceptor->options.routing, a,
			   &a->parts);
	a->tries_first = a->parts.has_large;
	acceptor->count++;
	move_to(a, IN_LINE);
	loop_defer(acceptor->options.loop, &acceptor->publish);
	*ret = a;
	return OK;
}

void acceptance_forget(struct acceptance **acceptance)
{
	if (*acceptance)
		(*acceptance)->done = NULL;
	*acceptance = NULL;
}

void acceptor_broker_changed(struct acceptor *acceptor, enum broker_state state)
{
	if (state == BROKER_READY)
		loop_defer(acceptor->options.loop, &acceptor->publish);
	else
		fail_waiting(acceptor, state == BROKER_BLOCKED ? E_BLOCKED : E_AWAY);
}

size_t acceptor_count(const struct acceptor *acceptor)
{
	return acceptor->count;
}

struct acceptor *acceptor_new(const struct acceptor_options *options)
{
	struct acceptor *acceptor = memory_new(sizeof *acceptor);
	acceptor->options = *options;
	TAILQ_INIT(&acceptor->line);
	TAILQ_INIT(&acceptor->parked);
	acceptor->publish = (struct task){.run = publish_some, .owner = acceptor};
	return acceptor;
}

void acceptor_free(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;
	if (!a)
		return;
	struct acceptance *waiting;
	while ((waiting = TAILQ_FIRST(&a->line)) || (waiting = TAILQ_FIRST(&a->parked))) {
		move_to(waiting, NOT_WAITING);
		acceptance_free(waiting);
	}
	task_cancel(&a->publish, a->options.loop);
	free(a);
	*acceptor = NULL;
}
