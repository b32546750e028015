/* See control.h.
 *
 *   channel opened, topology declared -> queues of our own, exclusive and short, and their consumers -> questions that waited go out
 *   a question: to the exchange, with the queue for answers in reply-to and its number in correlation-id
 *   an answer: to that queue, with that number */
#include "broker/rabbitmq/control.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/rabbitmq/topology.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define KEY_ALL	   "all"
#define WORDS_MAX  1000 /* that wait for us; older ones go */
#define BYTES_MAX  (8 << 20)
#define UNSENT_MAX ((size_t)4 << 20) /* the broker takes nothing: an alarm */
#define AGAIN_MS   1000

struct amqp_asking {
	struct asking asking;	 /* first: what callers hold */
	struct control *control; /* NULL: closed */
	LIST_ENTRY(amqp_asking) next;
	char id[24];	   /* its number */
	uint8_t *question; /* NULL: sent */
	size_t question_len;
	answered_upcall answered;
	void *owner;
};

/* ---- sending ---- */

static void append_body(struct control *control, struct bytes body)
{
	struct buf *out = connection_out(control->connection);
	size_t most = connection_frame_max(control->connection) - WIRE_FRAME_OVERHEAD;
	while (body.len > 0) {
		size_t len = body.len < most ? body.len : most;
		memcpy(wire_body_begin(out, channel_number(control->channel), len), body.data, len);
		wire_body_end(out, len);
		body = bytes_skip(body, len);
	}
}

static bool can_send(const struct control *control)
{
	return control->channel && channel_is_open(control->channel) && control->hears_answers &&
	       connection_unsent(control->connection) < UNSENT_MAX;
}

static void send_word(struct control *control, const char *exchange, const char *key,
		      const char *reply_to, const char *id, struct bytes body)
{
	uint16_t number = channel_number(control->channel);
	struct buf *out = connection_out(control->connection);
	amqp_basic_publish_t publish = {.exchange = wire_text(exchange),
					.routing_key = wire_text(key)};
	amqp_basic_properties_t properties = {
		._flags =
			AMQP_BASIC_CORRELATION_ID_FLAG | (reply_to ? AMQP_BASIC_REPLY_TO_FLAG : 0),
		.correlation_id = wire_text(id),
		.reply_to = wire_text(reply_to ? reply_to : ""),
	};
	wire_method(out, number, AMQP_BASIC_PUBLISH_METHOD, &publish);
	wire_content(out, number, body.len, &properties);
	append_body(control, body);
	connection_flush(control->connection);
}

static void send_question(struct amqp_asking *asking)
{
	struct control *control = asking->control;
	if (!asking->question || !can_send(control))
		return;
	send_word(control, control->exchange, KEY_ALL, control->answers, asking->id,
		  bytes_from(asking->question, asking->question_len));
	free(asking->question);
	asking->question = NULL;
}

/* ---- our queues ---- */

static void make_queue(struct control *control, const char *queue)
{
	amqp_table_entry_t arguments[] = {
		wire_entry_int("x-max-length", WORDS_MAX),
		wire_entry_int("x-max-length-bytes", BYTES_MAX),
	};
	amqp_queue_declare_t declare = {
		.queue = wire_text(queue),
		.exclusive = true,
		.arguments = {sizeof arguments / sizeof arguments[0], arguments},
	};
	amqp_basic_consume_t consume = {
		.queue = wire_text(queue), .consumer_tag = wire_text(queue), .no_ack = true};
	channel_send(control->channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
	channel_send(control->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

static void make_questions(struct control *control)
{
	make_queue(control, control->questions);
	amqp_queue_bind_t bind = {.queue = wire_text(control->questions),
				  .exchange = wire_text(control->exchange),
				  .routing_key = wire_text(KEY_ALL)};
	channel_send(control->channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

/* Nothing here is waited for: the broker does one after the other. */
static void start_if_possible(struct control *control)
{
	struct amqp_asking *asking;
	if (!control->is_allowed || control->hears_answers || !control->channel ||
	    !channel_is_open(control->channel))
		return;
	make_queue(control, control->answers);
	control->hears_answers = true;
	if (control->heard)
		make_questions(control);
	LIST_FOREACH(asking, &control->askings, next)
	send_question(asking);
}

/* ---- hearing ---- */

static void hear_question(struct control *control, const struct content *content)
{
	struct bytes question = bytes_from(content->body, content->body_len);
	if (!control->heard || question.len > CONTROL_SIZE_MAX || !content->reply_to[0] ||
	    strlen(content->correlation_id) >= sizeof((struct reply_address *)NULL)->id ||
	    !question_budget_take(&control->budget, loop_now_ms(control->loop)))
		return;
	struct reply_address *address = memory_new(sizeof *address);
	(void)snprintf(address->queue, sizeof address->queue, "%s", content->reply_to);
	(void)snprintf(address->id, sizeof address->id, "%s", content->correlation_id);
	control->heard(control->heard_owner, question, address);
}

static void hear_answer(const struct control *control, const struct content *content)
{
	const struct amqp_asking *asking;
	LIST_FOREACH(asking, &control->askings, next)
	{
		if (strcmp(asking->id, content->correlation_id) != 0)
			continue;
		asking->answered(asking->owner, bytes_from(content->body, content->body_len));
		return; /* it may have been freed */
	}
}

/* ---- the channel ---- */

static void on_opened(void *owner)
{
	start_if_possible(owner);
}

static void on_method(void *owner, const amqp_method_t *method)
{
	(void)owner, (void)method;
}

static void on_content(void *owner, struct content *content)
{
	struct control *control = owner;
	if (strcmp(content->key, control->answers) == 0)
		hear_answer(control, content);
	else
		hear_question(control, content);
	free(content);
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct control *control = owner;
	(void)text;
	control->hears_answers = false;
	if (code != CHANNEL_LOST)
		timer_start(control->again, AGAIN_MS); /* the exchange is missing */
}

static void on_again(void *owner)
{
	struct control *control = owner;
	channel_open(control->channel);
}

static void open_channel(struct control *control)
{
	static const struct channel_handler handler = {.opened = on_opened,
						       .method = on_method,
						       .content = on_content,
						       .closed = on_closed};
	if (!control->channel)
		control->channel = channel_new(control->connection, &handler, control);
}

/* ---- for callers ---- */

void amqp_control_listen(struct control *control, heard_upcall heard, void *owner)
{
	control->heard = heard;
	control->heard_owner = owner;
	open_channel(control);
	if (control->hears_answers)
		make_questions(control);
}

bool amqp_control_answer(struct control *control, const struct reply_address *address,
			 struct bytes answer)
{
	if (!can_send(control))
		return false;
	send_word(control, "", address->queue, NULL, address->id, answer);
	return true;
}

struct asking *amqp_control_ask(struct control *control, struct bytes question,
				answered_upcall answered, void *owner)
{
	struct amqp_asking *asking = memory_new(sizeof *asking);
	asking->asking.engine = control->engine;
	asking->control = control;
	asking->question = memory_array(question.len, 1);
	if (question.len > 0)
		memcpy(asking->question, question.data, question.len);
	asking->question_len = question.len;
	asking->answered = answered;
	asking->owner = owner;
	(void)snprintf(asking->id, sizeof asking->id, "%" PRIu64, ++control->last_number);
	LIST_INSERT_HEAD(&control->askings, asking, next);
	open_channel(control);
	send_question(asking);
	return &asking->asking;
}

static void forget(struct amqp_asking *asking)
{
	LIST_REMOVE(asking, next);
	asking->control = NULL;
}

void amqp_control_asking_free(struct asking *opaque)
{
	struct amqp_asking *asking = (struct amqp_asking *)opaque;
	if (asking->control)
		forget(asking);
	free(asking->question);
	free(asking);
}

/* ---- birth and end ---- */

void amqp_control_init(struct control *control)
{
	char name[64], id[ID_SIZE];
	id_new(loop_wall_ms(control->loop), id);
	topology_name(control->settings->prefix, EXCHANGE_NAME_CONTROL, control->exchange);
	(void)snprintf(name, sizeof name, "control.%s", id);
	topology_name(control->settings->prefix, name, control->questions);
	(void)snprintf(name, sizeof name, "control.%s.answers", id);
	topology_name(control->settings->prefix, name, control->answers);
	control->again = timer_new(control->loop, on_again, control);
	LIST_INIT(&control->askings);
}

void amqp_control_allow(struct control *control)
{
	control->is_allowed = true;
	start_if_possible(control);
}

void amqp_control_done(struct control *control)
{
	while (!LIST_EMPTY(&control->askings))
		forget(LIST_FIRST(&control->askings)); /* its holder frees it, now or later */
	channel_free(&control->channel);
	timer_free(&control->again);
}
