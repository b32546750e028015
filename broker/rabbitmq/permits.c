/* See permits.h. Who asks and who holds; the places themselves are in seats.c.
 *
 *   in line -- a token for one of its places --> holds: granted()
 *   holds -- the limit sank to its place --> losing -- end of the turn: lost() --> in line; the place is given back
 *   holds -- connection lost --> lost(), in line */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/rabbitmq/permit_parts.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define BASE_LEN_MAX  (WIRE_SHORT_MAX - 6) /* "." and five digits follow */
#define SWEEP_WAIT_MS 250		   /* while somebody waits */
#define SWEEP_HOLD_MS 60000
#define PROMISE_MS    200    /* a token that does not come by then went to somebody quicker */
#define REFILL_MS     5000   /* tokens may have been lost with the broker */
#define TOKEN_AGE_MS  600000 /* then it is exchanged: RabbitMQ wants it acked in 30 minutes */

/* ---- names ---- */

void permit_base(const char *prefix, const char *name, char out[WIRE_SHORT_MAX + 1])
{
	int len = snprintf(out, BASE_LEN_MAX + 1, "%spermit.", prefix);
	assert(len > 0 && len < BASE_LEN_MAX / 2); /* broker.prefix has its maximum */
	size_t used = (size_t)len;
	for (const char *at = name; *at; at++) {
		unsigned char c = (unsigned char)*at;
		bool is_plain = isalnum(c) || strchr("-._@", c);
		if (used + (is_plain ? 1 : 3) > BASE_LEN_MAX) {
			uint64_t hash = hash_bytes(HASH_START, bytes_of(name));
			(void)snprintf(out + BASE_LEN_MAX - 17, 18, "~%016" PRIx64, hash);
			return;
		}
		used += (size_t)snprintf(out + used, BASE_LEN_MAX + 1 - used,
					 is_plain ? "%c" : "%%%02X", c);
	}
}

static void on_sweep(void *owner);

static void sweep_again(struct places *places)
{
	if (!TAILQ_EMPTY(&places->line))
		timer_start(places->sweep, SWEEP_WAIT_MS);
	else if (places->seat_count > 0)
		timer_start(places->sweep, SWEEP_HOLD_MS);
}

static struct places *places_of(struct permits *permits, const char *name)
{
	char base[WIRE_SHORT_MAX + 1];
	struct places *places;
	permit_base(permits->options.settings->prefix, name, base);
	HASH_FIND(by_base, permits->by_base, base, strlen(base), places);
	if (places)
		return places;
	places = memory_new(sizeof *places);
	places->permits = permits;
	memcpy(places->base, base, sizeof base);
	TAILQ_INIT(&places->all);
	TAILQ_INIT(&places->line);
	places->sweep = timer_new(permits->loop, on_sweep, places);
	places->refilled_at_ms = loop_now_ms(permits->loop);
	HASH_ADD_KEYPTR(by_base, permits->by_base, places->base, strlen(places->base), places);
	return places;
}

void places_free_if_unused(struct places *places)
{
	struct permits *permits = places->permits;
	if (!TAILQ_EMPTY(&places->all))
		return;
	seats_leave(places, 0);
	if (places->seat_count > 0)
		return; /* when the last one has left */
	assert(permits->by_base);
	HASH_DELETE(by_base, permits->by_base, places);
	timer_free(&places->sweep);
	free(places->seats);
	free(places);
}

void permits_free_unused(struct permits *permits)
{
	struct places *places, *next;
	for (places = permits->by_base; places; places = next) {
		next = places->by_base.next;
		places_free_if_unused(places);
	}
}

/* ---- the line of those here ---- */

void places_line_up(struct places *places, struct amqp_permit *permit, bool is_first)
{
	if (is_first)
		TAILQ_INSERT_HEAD(&places->line, permit, next);
	else
		TAILQ_INSERT_TAIL(&places->line, permit, next);
	places->line_count++;
	sweep_again(places);
}

void places_leave_line(struct places *places, struct amqp_permit *permit)
{
	TAILQ_REMOVE(&places->line, permit, next);
	places->line_count--;
}

struct amqp_permit *places_first_for(const struct places *places, unsigned place)
{
	struct amqp_permit *permit;
	TAILQ_FOREACH(permit, &places->line, next)
	{
		if (permit->limit > place)
			return permit;
	}
	return NULL;
}

static void sweep_seat(struct seat *seat, int64_t now_ms, bool is_refill)
{
	if (seat->is_promising && now_ms - seat->since_ms > PROMISE_MS)
		seat->is_promising = false;
	bool is_old = seat->state == SEAT_HELD && now_ms - seat->since_ms > TOKEN_AGE_MS;
	if (is_old || (is_refill && seat->state == SEAT_JOINED))
		seat_add_token(seat);
}

static void on_sweep(void *owner)
{
	struct places *places = owner;
	int64_t now_ms = loop_now_ms(places->permits->loop);
	bool is_refill = !TAILQ_EMPTY(&places->line) && now_ms - places->refilled_at_ms > REFILL_MS;
	if (is_refill)
		places->refilled_at_ms = now_ms;
	for (unsigned place = 0; place < places->seat_max; place++) {
		if (places->seats[place])
			sweep_seat(places->seats[place], now_ms, is_refill);
	}
	seats_extend(places);
	sweep_again(places);
}

/* ---- losing ---- */

void permit_note_losing(struct amqp_permit *permit)
{
	struct permits *permits = permit->permits;
	if (permit->is_losing)
		return;
	permit->is_losing = true;
	TAILQ_INSERT_TAIL(&permits->losing, permit, next);
	loop_defer(permits->loop, &permits->losing_task);
}

/* The place is given back after its owner has stopped, who may free the permit in lost(). */
static void tell_losing(void *owner)
{
	struct permits *permits = owner;
	struct amqp_permit *permit;
	while ((permit = TAILQ_FIRST(&permits->losing))) {
		struct seat *seat = permit->seat;
		TAILQ_REMOVE(&permits->losing, permit, next);
		permit->is_losing = false;
		permit->seat = NULL;
		if (seat)
			seat->permit = NULL;
		places_line_up(permit->places, permit, false);
		permit->handler->lost(permit->owner);
		if (seat)
			seat_give_back(seat);
	}
}

void permits_tell_lost(struct permits *permits)
{
	tell_losing(permits);
}

/* ---- the link ---- */

static void on_link_opened(void *owner)
{
	struct permits *permits = owner;
	timer_start(permits->watch, 0);
	log_event(EV_broker_connected, F_TEXT("connection", "permits"),
		  F_TEXT("host", link_host(permits->link)));
}

static void on_link_lost(void *owner, const struct why *why)
{
	const struct permits *permits = owner;
	log_event(EV_broker_lost, F_TEXT("connection", "permits"),
		  F_TEXT("host", link_host(permits->link)), F_TEXT("why", why->text));
}

static void on_link_blocked(void *owner, bool is_blocked, const char *reason)
{
	(void)owner, (void)is_blocked, (void)reason; /* it publishes nothing */
}

/* A broker that hears nothing from us gives our places to others: 1.75 heartbeats after the network broke, at the soonest, since we
 * speak every quarter. We stop using them before, after 1.25 of silence. */
static void on_watch(void *owner)
{
	struct permits *permits = owner;
	struct connection *connection = link_connection(permits->link);
	int64_t heartbeat_ms = 2 * connection_tick_ms(connection);
	if (!connection_is_open(connection))
		return; /* on_link_opened() begins anew */
	timer_start(permits->watch, heartbeat_ms / 4);
	connection_beat(connection);
	int64_t silence_ms = loop_now_ms(permits->loop) - connection_heard_at_ms(connection);
	if (silence_ms * 4 > heartbeat_ms * 5) {
		struct why why;
		(void)fail(&why, E_TIMEOUT, "the broker shows no sign of life");
		connection_fail(connection, E_TIMEOUT, &why);
	}
}

static void start_link(struct permits *permits)
{
	static const struct link_handler link_handler = {
		.opened = on_link_opened, .lost = on_link_lost, .blocked = on_link_blocked};
	if (permits->link)
		return;
	permits->link = link_new(permits->loop, &permits->options, &link_handler, permits);
	seats_open(permits);
}

/* ---- for callers ---- */

struct permit *amqp_permit_ask(struct permits *permits, const char *name, unsigned limit,
			       const struct permit_handler *handler, void *owner)
{
	struct amqp_permit *permit = memory_new(sizeof *permit);
	start_link(permits);
	permit->permit.engine = permits->engine;
	permit->permits = permits;
	permit->limit = limit;
	permit->handler = handler;
	permit->owner = owner;
	permit->places = places_of(permits, name);
	TAILQ_INSERT_TAIL(&permit->places->all, permit, next_of_name);
	places_line_up(permit->places, permit, false);
	seats_extend(permit->places);
	return &permit->permit;
}

static unsigned limit_of_all(const struct places *places)
{
	const struct amqp_permit *permit;
	unsigned limit = 0;
	TAILQ_FOREACH(permit, &places->all, next_of_name)
	{
		if (permit->limit > limit)
			limit = permit->limit;
	}
	return limit;
}

void amqp_permit_limit(struct permit *opaque, unsigned limit)
{
	struct amqp_permit *permit = (struct amqp_permit *)opaque;
	permit->limit = limit;
	if (!permit->permits)
		return;
	if (permit->seat && permit->seat->place >= limit)
		permit_note_losing(permit);
	seats_leave(permit->places, limit_of_all(permit->places));
	seats_extend(permit->places);
}

static void forget(struct amqp_permit *permit)
{
	if (permit->is_losing)
		TAILQ_REMOVE(&permit->permits->losing, permit, next);
	else if (!permit->seat)
		places_leave_line(permit->places, permit);
	TAILQ_REMOVE(&permit->places->all, permit, next_of_name);
	permit->permits = NULL;
}

void amqp_permit_free(struct permit *opaque)
{
	struct amqp_permit *permit = (struct amqp_permit *)opaque;
	if (permit->permits) {
		forget(permit);
		if (permit->seat)
			seat_give_back(permit->seat);
		places_free_if_unused(permit->places);
	}
	free(permit);
}

/* ---- birth and end ---- */

static void on_again(void *owner)
{
	seats_reopen(owner);
}

void amqp_permits_init(struct permits *permits)
{
	TAILQ_INIT(&permits->losing);
	permits->losing_task = (struct task){.run = tell_losing, .owner = permits};
	permits->watch = timer_new(permits->loop, on_watch, permits);
	permits->again = timer_new(permits->loop, on_again, permits);
}

/* Permits are freed by who holds them, now or later. */
static void places_close(struct places *places)
{
	struct amqp_permit *permit;
	while ((permit = TAILQ_FIRST(&places->all))) {
		forget(permit);
		permit->seat = NULL;
	}
	for (unsigned place = 0; place < places->seat_max; place++) {
		if (places->seats[place])
			seat_free(places->seats[place]);
	}
	places_free_if_unused(places);
}

void amqp_permits_done(struct permits *permits)
{
	struct places *places, *next;
	seats_close(permits);
	for (places = permits->by_base; places; places = next) {
		next = places->by_base.next;
		places_close(places);
	}
	link_free(&permits->link);
	task_cancel(&permits->losing_task, permits->loop);
	timer_free(&permits->watch);
	timer_free(&permits->again);
}
