/* The broker's side of permits. Each place is a queue with a single active consumer, kept so by one process of the broker; the line of
 * those who wait is the queue's own list of consumers. A consumer is not told that it became the active one, but only the active one
 * gets messages: so a token, a message without content, is what grants the place. How many tokens there are matters little: with
 * more than one the active consumer gets them all, and with none somebody who waits adds one.
 *
 *   DECLARING -- declare-ok, subscribe --> JOINED -- a token --> HELD -- a newer token: the older is acked
 *   HELD -- given back: cancel, then the token returned --> LEAVING -- cancel-ok --> gone
 *   JOINED -- of no use any more: cancel --> LEAVING
 *   any -- channel or connection lost, queue deleted --> gone */
#include <assert.h>
#include <stdio.h>

#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/permit_parts.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define BASE_LEN_MAX (WIRE_SHORT_MAX - 6)
#define PREFETCH     8 /* a token, the one that replaces it, and some */
#define TOKENS_MAX   8 /* in a queue */
#define UNUSED_MS    600000
#define AGAIN_MS     1000
#define REFUSED_MS   30000

static int64_t now_ms(const struct seat *seat)
{
	return loop_now_ms(seat->places->permits->loop);
}

static void enter(struct seat *seat, enum seat_state state)
{
	seat->state = state;
	seat->since_ms = now_ms(seat);
}

/* ---- tokens ---- */

void seat_add_token(const struct seat *seat)
{
	struct permits *permits = seat->places->permits;
	if (!channel_is_open(permits->tokens))
		return; /* the sweep comes by again */
	uint16_t number = channel_number(permits->tokens);
	amqp_basic_properties_t properties = {0};
	amqp_basic_publish_t publish = {.routing_key = wire_text(seat->queue)};
	struct buf *out = connection_out(permits->publish);
	wire_method(out, number, AMQP_BASIC_PUBLISH_METHOD, &publish);
	wire_content(out, number, 0, &properties);
	connection_flush(permits->publish);
}

static void return_token(struct permits *permits, uint64_t token)
{
	amqp_basic_nack_t nack = {.delivery_tag = token, .requeue = true};
	channel_send(permits->line, AMQP_BASIC_NACK_METHOD, &nack);
}

static void ack_token(struct permits *permits, uint64_t token)
{
	amqp_basic_ack_t ack = {.delivery_tag = token};
	channel_send(permits->line, AMQP_BASIC_ACK_METHOD, &ack);
}

/* ---- joining ---- */

static void send_declare(struct permits *permits, struct seat *seat)
{
	amqp_table_entry_t arguments[] = {
		wire_entry_text("x-queue-type", "classic"),
		wire_entry_flag("x-single-active-consumer", true),
		wire_entry_int("x-max-length", TOKENS_MAX),
		wire_entry_int("x-expires", UNUSED_MS),
	};
	amqp_queue_declare_t declare = {
		.queue = wire_text(seat->queue),
		.durable = true,
		.arguments = {sizeof arguments / sizeof arguments[0], arguments},
	};
	*permits->answers_end = seat;
	permits->answers_end = &seat->next_answer;
	channel_send(permits->line, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

static void join(struct places *places, unsigned place)
{
	struct permits *permits = places->permits;
	struct seat *seat = memory_new(sizeof *seat);
	seat->places = places;
	seat->place = place;
	(void)snprintf(seat->queue, sizeof seat->queue, "%.*s.%u", BASE_LEN_MAX, places->base,
		       place % PERMIT_PLACES_MAX);
	seat->is_promising = true;
	enter(seat, SEAT_DECLARING);
	if (place >= places->seat_max) {
		places->seats =
			memory_grow(places->seats, (size_t)place + 1, sizeof(struct seat *));
		memset(places->seats + places->seat_max, 0,
		       (place + 1 - places->seat_max) * sizeof(struct seat *));
		places->seat_max = place + 1;
	}
	places->seats[place] = seat;
	places->seat_count++;
	HASH_ADD_KEYPTR(by_queue, permits->by_queue, seat->queue, strlen(seat->queue), seat);
	send_declare(permits, seat);
}

void seat_free(struct seat *seat)
{
	struct places *places = seat->places;
	assert(places->permits->by_queue);
	HASH_DELETE(by_queue, places->permits->by_queue, seat);
	places->seats[seat->place] = NULL;
	places->seat_count--;
	free(seat);
}

static size_t promising_count(const struct places *places)
{
	size_t count = 0;
	for (unsigned place = 0; place < places->seat_max; place++)
		count += places->seats[place] && places->seats[place]->is_promising;
	return count;
}

static unsigned place_count(const struct places *places)
{
	unsigned count = 0;
	const struct amqp_permit *permit;
	TAILQ_FOREACH(permit, &places->line, next)
	{
		if (permit->limit > count)
			count = permit->limit;
	}
	return count < PERMIT_PLACES_MAX ? count : PERMIT_PLACES_MAX;
}

/* As many places as there are permits that wait, beginning anywhere, so that not all processes meet at the same one. */
void seats_extend(struct places *places)
{
	unsigned count = place_count(places);
	if (count == 0 || !channel_is_open(places->permits->line))
		return;
	size_t promising = promising_count(places);
	unsigned start = (unsigned)(random_u64() % count);
	for (unsigned i = 0; i < count && promising < places->line_count; i++) {
		unsigned place = (start + i) % count;
		if (place < places->seat_max && places->seats[place])
			continue;
		join(places, place);
		promising++;
	}
}

static void on_declared(struct permits *permits, const amqp_queue_declare_ok_t *ok)
{
	struct seat *seat = permits->answers;
	assert(seat);
	permits->answers = seat->next_answer;
	if (!permits->answers)
		permits->answers_end = &permits->answers;
	seat->next_answer = NULL;
	seat->is_promising = ok->consumer_count == 0;
	amqp_basic_consume_t consume = {.queue = wire_text(seat->queue),
					.consumer_tag = wire_text(seat->queue)};
	channel_send(permits->line, AMQP_BASIC_CONSUME_METHOD, &consume);
	enter(seat, SEAT_JOINED);
	if (ok->consumer_count == 0 && ok->message_count == 0)
		seat_add_token(seat);
	if (!seat->is_promising)
		seats_extend(seat->places);
	places_free_if_unused(seat->places);
}

/* ---- leaving ---- */

static void send_cancel(struct seat *seat)
{
	amqp_basic_cancel_t cancel = {.consumer_tag = wire_text(seat->queue)};
	channel_send(seat->places->permits->line, AMQP_BASIC_CANCEL_METHOD, &cancel);
	seat->is_promising = false;
	enter(seat, SEAT_LEAVING);
}

/* In this order: returned before the subscription has ended, the token would come to us again. */
void seat_give_back(struct seat *seat)
{
	assert(seat->state == SEAT_HELD);
	seat->permit = NULL;
	send_cancel(seat);
	return_token(seat->places->permits, seat->token);
}

void seats_leave(struct places *places, unsigned limit)
{
	for (unsigned place = limit; place < places->seat_max; place++) {
		if (places->seats[place] && places->seats[place]->state == SEAT_JOINED)
			send_cancel(places->seats[place]);
	}
}

static void on_left(struct permits *permits, amqp_bytes_t consumer_tag)
{
	struct seat *seat;
	HASH_FIND(by_queue, permits->by_queue, consumer_tag.bytes, consumer_tag.len, seat);
	if (!seat || seat->state != SEAT_LEAVING)
		return;
	struct places *places = seat->places;
	seat_free(seat);
	seats_extend(places);
	places_free_if_unused(places);
}

/* The queue was deleted, or its node is down: who held the place does no more. */
static void on_cancelled(struct permits *permits, amqp_bytes_t consumer_tag)
{
	struct seat *seat;
	HASH_FIND(by_queue, permits->by_queue, consumer_tag.bytes, consumer_tag.len, seat);
	if (!seat || seat->state == SEAT_DECLARING)
		return;
	struct places *places = seat->places;
	log_event(EV_consumer_cancelled, F_TEXT("queue", seat->queue),
		  F_TEXT("reason", "cancelled by the broker"));
	if (seat->permit) {
		seat->permit->seat = NULL;
		permit_note_losing(seat->permit);
	}
	seat_free(seat);
	places_free_if_unused(places); /* the sweep joins again */
}

/* ---- holding ---- */

static void on_token(struct seat *seat, uint64_t token)
{
	struct permits *permits = seat->places->permits;
	if (seat->state == SEAT_HELD) {
		ack_token(permits, seat->token);
		seat->token = token;
		seat->since_ms = now_ms(seat);
		return;
	}
	if (seat->state != SEAT_JOINED) { /* on its way when we left */
		return_token(permits, token);
		return;
	}
	enter(seat, SEAT_HELD);
	seat->is_promising = false;
	seat->token = token;
	seat->permit = places_first_for(seat->places, seat->place);
	if (!seat->permit) {
		seat_give_back(seat);
		return;
	}
	places_leave_line(seat->places, seat->permit);
	seat->permit->seat = seat;
	seat->permit->handler->granted(seat->permit->owner, seat->place);
}

/* ---- the channel of the lines ---- */

static void on_opened(void *owner)
{
	struct permits *permits = owner;
	amqp_basic_qos_t qos = {.prefetch_count = PREFETCH};
	channel_send(permits->line, AMQP_BASIC_QOS_METHOD, &qos);
	for (struct places *places = permits->by_base; places; places = places->by_base.next)
		seats_extend(places);
}

static void on_method(void *owner, const amqp_method_t *method)
{
	struct permits *permits = owner;
	if (method->id == AMQP_QUEUE_DECLARE_OK_METHOD)
		on_declared(permits, method->decoded);
	else if (method->id == AMQP_BASIC_CANCEL_OK_METHOD)
		on_left(permits, ((const amqp_basic_cancel_ok_t *)method->decoded)->consumer_tag);
	else if (method->id == AMQP_BASIC_CANCEL_METHOD)
		on_cancelled(permits, ((const amqp_basic_cancel_t *)method->decoded)->consumer_tag);
}

/* Tokens are published under the name of their queue. */
static void on_content(void *owner, struct content *content)
{
	struct permits *permits = owner;
	struct seat *seat;
	HASH_FIND(by_queue, permits->by_queue, content->key, strlen(content->key), seat);
	uint64_t token = content->delivery_tag;
	free(content);
	if (seat)
		on_token(seat, token);
	else
		return_token(permits, token);
}

static void lose_all(struct permits *permits)
{
	struct seat *seat;
	while ((seat = permits->by_queue)) {
		if (seat->permit) {
			seat->permit->seat = NULL;
			permit_note_losing(seat->permit);
		}
		seat_free(seat);
	}
	permits->answers = NULL;
	permits->answers_end = &permits->answers;
	permits_free_unused(permits);
	permits_tell_lost(permits); /* at once: others may have the places already */
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct permits *permits = owner;
	lose_all(permits);
	if (code == CHANNEL_LOST)
		return;
	log_event(EV_broker_topology_refused, F_TEXT("why", text), F_INT("again_ms", REFUSED_MS));
	timer_start(permits->again, code == 403 ? REFUSED_MS : AGAIN_MS);
}

static void on_tokens_opened(void *owner)
{
	(void)owner; /* the sweep comes by */
}

static void on_tokens_method(void *owner, const amqp_method_t *method)
{
	(void)owner, (void)method;
}

static void on_tokens_content(void *owner, struct content *content)
{
	(void)owner;
	free(content);
}

static void on_tokens_closed(void *owner, uint16_t code, const char *text)
{
	struct permits *permits = owner;
	(void)text;
	if (code != CHANNEL_LOST)
		timer_start(permits->again, AGAIN_MS);
}

void seats_open(struct permits *permits)
{
	static const struct channel_handler line_handler = {.opened = on_opened,
							    .method = on_method,
							    .content = on_content,
							    .closed = on_closed};
	static const struct channel_handler tokens_handler = {.opened = on_tokens_opened,
							      .method = on_tokens_method,
							      .content = on_tokens_content,
							      .closed = on_tokens_closed};
	permits->answers_end = &permits->answers;
	permits->line = channel_new(link_connection(permits->link), &line_handler, permits);
	permits->tokens = channel_new(permits->publish, &tokens_handler, permits);
}

void seats_reopen(struct permits *permits)
{
	channel_open(permits->line);
	channel_open(permits->tokens);
}

void seats_close(struct permits *permits)
{
	channel_free(&permits->line);
	channel_free(&permits->tokens);
}
