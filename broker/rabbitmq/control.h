/* Words to every process through the exchange leveret.control, and answers to a queue of the one who asked. On the publishing
 * connection: the other one may be paused by the byte budget. An alarm of the broker stops answers, not questions. */
#ifndef LEVERET_BROKER_RABBITMQ_CONTROL_H
#define LEVERET_BROKER_RABBITMQ_CONTROL_H

#include <sys/queue.h>

#include "broker/engine.h"
#include "broker/rabbitmq/channel.h"
#include "broker/settings.h"
#include "lib/loop/loop.h"

struct amqp_asking;
LIST_HEAD(amqp_asking_list, amqp_asking);

struct control {
	/* filled by the engine */
	const struct engine *engine;
	struct loop *loop;
	struct connection *connection;
	const struct broker_settings *settings;

	/* private */
	bool is_allowed;
	struct channel *channel; /* made with the first word */
	struct timer *again;
	char exchange[WIRE_SHORT_MAX + 1], questions[WIRE_SHORT_MAX + 1],
		answers[WIRE_SHORT_MAX + 1];
	bool hears_answers; /* their queue is made, on this connection */
	heard_upcall heard; /* NULL: does not listen */
	void *heard_owner;
	struct question_budget budget;
	uint64_t last_number;
	struct amqp_asking_list askings;
};

void amqp_control_init(struct control *control);
void amqp_control_allow(struct control *control); /* the exchange is declared */
void amqp_control_done(struct control *control);
void amqp_control_listen(struct control *control, heard_upcall heard, void *owner);
bool amqp_control_answer(struct control *control, const struct reply_address *address,
			 struct bytes answer);
struct asking *amqp_control_ask(struct control *control, struct bytes question,
				answered_upcall answered, void *owner);
void amqp_control_asking_free(struct asking *asking);

#endif
