/* See mailerq_copies.h. */
#include "ingest/mailerq_copies.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"
#include "lib/obs/log.h"

#define FIRST_WAIT_MS	 1000
#define WAIT_DOUBLED_MAX 6	/* times; then it is about a minute */
#define GIVE_UP_MS	 240000 /* a lease is to be settled within ten minutes */
#define GIVEN_UP_FOR_MS	 600000
#define MADE_MAX	 10000 /* the most that the setting allows */
#define GIVEN_UP_MAX	 1000
#define REASON_MAX	 512

TAILQ_HEAD(copy_list, mailerq_copy);

struct given_up {
	int64_t until_at_ms;
};

struct mailerq_copies {
	struct mailerq_copies_options options;
	struct copy_list waiting, under_way;
	struct timer *again;
	struct recents *made;	  /* queues that were missing; entries tell nothing else */
	struct recents *given_up; /* struct given_up */
};

static bool is_named_by_message(const struct mailerq_copy *copy)
{
	return copy->instead != NULL;
}

static void finish(struct mailerq_copy *copy, enum err err)
{
	if (copy->copies)
		TAILQ_REMOVE(&copy->copies->under_way, copy, next);
	copy->done(copy->owner, err);
}

/* ---- giving up ---- */

static void on_buried(void *owner, enum err err)
{
	finish(owner, err);
}

static void bury(struct mailerq_copy *copy, const char *kind, const char *why)
{
	char reason[REASON_MAX];
	(void)snprintf(reason, sizeof reason, "mailerq: queue %s: %s", copy->queue, why);
	log_event(EV_result_given_up, F_TEXT("reason", kind), F_TEXT("message", copy->id),
		  F_TEXT("queue", copy->queue), F_TEXT("why", why));
	broker_publish(copy->copies->options.broker,
		       &(struct publication){.exchange = EXCHANGE_BURIED,
					     .key = copy->queue,
					     .message_id = copy->id,
					     .content_type = "application/json",
					     .reason = reason,
					     .head = copy->json},
		       on_buried, copy);
}

static void note_given_up(const struct mailerq_copy *copy)
{
	struct given_up *given_up = recents_use(copy->copies->given_up, bytes_of(copy->queue));
	given_up->until_at_ms = loop_now_ms(copy->copies->options.loop) + GIVEN_UP_FOR_MS;
}

/* While the broker takes nothing at all, no queue is at fault. */
static bool has_had_its_time(const struct mailerq_copy *copy, enum err err)
{
	const struct mailerq_copies *copies = copy->copies;
	int64_t now_ms = loop_now_ms(copies->options.loop);
	const struct given_up *given_up = recents_find(copies->given_up, bytes_of(copy->queue));
	return now_ms - copy->begun_at_ms >= copies->options.give_up_ms ||
	       (err != E_BLOCKED && is_named_by_message(copy) && given_up &&
		now_ms < given_up->until_at_ms);
}

/* ---- waiting ---- */

static void start_timer(struct mailerq_copies *copies)
{
	const struct mailerq_copy *copy, *first = TAILQ_FIRST(&copies->waiting);
	if (!first)
		return;
	TAILQ_FOREACH(copy, &copies->waiting, next)
	{
		if (copy->due_at_ms < first->due_at_ms)
			first = copy;
	}
	int64_t wait_ms = first->due_at_ms - loop_now_ms(copies->options.loop);
	timer_start(copies->again, wait_ms > 0 ? wait_ms : 0);
}

static void send_again_later(struct mailerq_copy *copy)
{
	struct mailerq_copies *copies = copy->copies;
	unsigned doubled =
		copy->refused_count < WAIT_DOUBLED_MAX ? copy->refused_count : WAIT_DOUBLED_MAX;
	copy->refused_count++;
	copy->due_at_ms =
		loop_now_ms(copies->options.loop) + (copies->options.first_wait_ms << doubled);
	TAILQ_REMOVE(&copies->under_way, copy, next);
	TAILQ_INSERT_TAIL(&copies->waiting, copy, next);
	start_timer(copies);
}

static void publish(struct mailerq_copy *copy);

static void send_due(void *owner)
{
	struct mailerq_copies *copies = owner;
	int64_t now_ms = loop_now_ms(copies->options.loop);
	struct mailerq_copy *next;
	for (struct mailerq_copy *copy = TAILQ_FIRST(&copies->waiting); copy; copy = next) {
		next = TAILQ_NEXT(copy, next);
		if (copy->due_at_ms > now_ms)
			continue;
		TAILQ_REMOVE(&copies->waiting, copy, next);
		TAILQ_INSERT_TAIL(&copies->under_way, copy, next);
		publish(copy);
	}
	start_timer(copies);
}

/* ---- queues that are missing ---- */

static bool may_make(const struct mailerq_copy *copy)
{
	struct mailerq_copies *copies = copy->copies;
	struct bytes queue = bytes_of(copy->queue);
	if (!is_named_by_message(copy) || recents_find(copies->made, queue))
		return true;
	if (recents_count(copies->made) >= copies->options.made_max)
		return false;
	(void)recents_use(copies->made, queue);
	return true;
}

static void on_made(void *owner, enum err err)
{
	struct mailerq_copy *copy = owner;
	if (!copy->copies) {
		finish(copy, err);
		return;
	}
	if (err != OK)
		recents_drop(copy->copies->made, bytes_of(copy->queue));
	if (err == OK)
		publish(copy);
	else if (err == E_REFUSED)
		bury(copy, "missing", "it is missing and cannot be made");
	else
		finish(copy, err);
}

static void send_elsewhere(struct mailerq_copy *copy)
{
	log_event(EV_result_diverted, F_TEXT("message", copy->id), F_TEXT("queue", copy->queue),
		  F_TEXT("to", copy->instead));
	if (copy->instead[0] == '\0') {
		finish(copy, OK);
		return;
	}
	copy->queue = copy->instead;
	copy->instead = NULL;
	publish(copy);
}

static void on_missing(struct mailerq_copy *copy)
{
	if (copy->was_made) {
		bury(copy, "missing", "it is gone as soon as it is made");
	} else if (may_make(copy)) {
		copy->was_made = true;
		broker_need_queue(copy->copies->options.broker, copy->queue, on_made, copy);
	} else {
		send_elsewhere(copy);
	}
}

/* ---- sending ---- */

/* Then the lease is gone too, and its results come again. */
static bool is_of_the_connection(enum err err)
{
	return err == E_AWAY || err == E_CLOSED || err == E_CANCELLED;
}

static void on_sent(void *owner, enum err err)
{
	struct mailerq_copy *copy = owner;
	if (err != OK)
		log_event(EV_publication_failed, F_TEXT("reason", err_text(err)),
			  F_TEXT("queue", copy->queue));
	if (err == OK && copy->copies)
		recents_drop(copy->copies->given_up, bytes_of(copy->queue));
	if (err == OK || !copy->copies || is_of_the_connection(err)) {
		finish(copy, err);
	} else if (err == E_UNROUTABLE) {
		on_missing(copy);
	} else if (err_then(err) == ERR_THEN_RETRY && !has_had_its_time(copy, err)) {
		send_again_later(copy);
	} else if (err == E_BLOCKED) {
		finish(copy, err);
	} else {
		note_given_up(copy);
		bury(copy, "refused", err_text(err));
	}
}

static void publish(struct mailerq_copy *copy)
{
	broker_publish(copy->copies->options.broker,
		       &(struct publication){.exchange = EXCHANGE_FOREIGN,
					     .key = copy->queue,
					     .message_id = copy->id,
					     .content_type = "application/json",
					     .head = copy->json},
		       on_sent, copy);
}

void mailerq_copies_send(struct mailerq_copies *copies, struct mailerq_copy *copy)
{
	copy->copies = copies;
	copy->begun_at_ms = loop_now_ms(copies->options.loop);
	TAILQ_INSERT_TAIL(&copies->under_way, copy, next);
	publish(copy);
}

/* ---- life ---- */

struct mailerq_copies *mailerq_copies_new(const struct mailerq_copies_options *options)
{
	static const struct recents_type made = {.size = 1, .max = MADE_MAX};
	static const struct recents_type given_up = {.size = sizeof(struct given_up),
						     .max = GIVEN_UP_MAX};
	struct mailerq_copies *copies = memory_new(sizeof *copies);
	copies->options = *options;
	if (options->first_wait_ms == 0)
		copies->options.first_wait_ms = FIRST_WAIT_MS;
	if (options->give_up_ms == 0)
		copies->options.give_up_ms = GIVE_UP_MS;
	TAILQ_INIT(&copies->waiting);
	TAILQ_INIT(&copies->under_way);
	copies->again = timer_new(options->loop, send_due, copies);
	copies->made = recents_new(&made);
	copies->given_up = recents_new(&given_up);
	return copies;
}

void mailerq_copies_free(struct mailerq_copies **copies)
{
	struct mailerq_copies *old = *copies;
	struct mailerq_copy *copy;
	if (!old)
		return;
	*copies = NULL;
	TAILQ_FOREACH(copy, &old->under_way, next)
	copy->copies = NULL;
	while ((copy = TAILQ_FIRST(&old->waiting))) {
		TAILQ_REMOVE(&old->waiting, copy, next);
		copy->copies = NULL;
		finish(copy, E_CANCELLED);
	}
	timer_free(&old->again);
	recents_free(&old->made);
	recents_free(&old->given_up);
	free(old);
}
