/* The exchanges, queues and bindings that Leveret needs, as a list of steps made from the settings.
 * Pure: topology_send() only encodes. Declared again at every connection, which changes nothing
 * when all is there. */
#ifndef LEVERET_BROKER_RABBITMQ_TOPOLOGY_H
#define LEVERET_BROKER_RABBITMQ_TOPOLOGY_H

#include "broker/engine.h"
#include "broker/rabbitmq/channel.h"
#include "broker/settings.h"
#include "lib/base/arena.h"
#include "lib/routing/routing.h"

/* Names, before the prefix. */
#define EXCHANGE_NAME_SUBMIT  "leveret.submit"
#define EXCHANGE_NAME_DELIVER "leveret.deliver"
#define EXCHANGE_NAME_POOL    "leveret.deliver.pool" /* alternate of deliver, by pool */
#define EXCHANGE_NAME_TAIL    "leveret.tail.%s"	     /* of a pool: by hash to its shards */
#define EXCHANGE_NAME_DUE     "leveret.due" /* waiting ends: to HEADER_QUEUE, else to deliver */
#define EXCHANGE_NAME_DELAY   ENGINE_DELAY_QUEUES "%u" /* and the queue of that name */
#define EXCHANGE_NAME_RESULTS "leveret.results"
#define EXCHANGE_NAME_EVENTS  "leveret.events"
/* copies for others, where broker.json_copies asks for them (json_copies.h) */
#define EXCHANGE_NAME_JSON_RESULTS EXCHANGE_NAME_RESULTS ".json"
#define EXCHANGE_NAME_JSON_EVENTS  EXCHANGE_NAME_EVENTS ".json"
#define EXCHANGE_NAME_INBOUND	   "leveret.inbound"
#define EXCHANGE_NAME_BURIED	   "leveret.buried"
#define EXCHANGE_NAME_REFUSED	   "leveret.refused"
#define EXCHANGE_NAME_LOST	   "leveret.lost"
#define EXCHANGE_NAME_CONTROL	   "leveret.control"
#define TABLE_QUEUE_NAME	   "leveret.table.%s"

/* Delay buckets of 1, 2, 4 ... 8192 s. */
#define DELAY_BUCKET_COUNT 14
/* The largest bucket (seconds) that is over before `left_ms` is; 0: none is so short. */
unsigned delay_bucket_s(int64_t left_ms);

enum queue_kind {
	QUEUE_MAIL,	   /* limit on deliveries, then buried */
	QUEUE_SUBMIT,	   /* mail, refusing what is too much */
	QUEUE_TAIL,	   /* mail, one consumer at a time */
	QUEUE_END,	   /* lost, buried, refused: nothing leaves it by itself */
	QUEUE_DELAY,	   /* a time-out instead of consumers */
	QUEUE_TABLE,	   /* a stream, cut by age */
	QUEUE_TABLE_UNCUT, /* as earlier versions made it */
	QUEUE_TABLE_AS_IS, /* made by somebody else: only whether it is there */
	QUEUE_HOST,	   /* mail; goes when nobody wants it any more */
};

struct step {
	enum { STEP_EXCHANGE, STEP_QUEUE, STEP_BIND_QUEUE, STEP_BIND_EXCHANGE } what;
	const char *
		/* exchange, queue, or what a binding leads to; with the prefix, as all names here
		 * */
		name;
	const char *type, *alternate; /* exchange; alternate NULL: none */
	enum queue_kind kind;	      /* queue */
	unsigned delay_s;	      /* of QUEUE_DELAY */
	const char *source, *key;     /* binding */
	const char *header_queue;     /* binding by HEADER_QUEUE; NULL: by key */
};

/* The kinds of tables are in the order in which they are asked for. */
static inline bool step_is_table(const struct step *step)
{
	return step->what == STEP_QUEUE && step->kind >= QUEUE_TABLE &&
	       step->kind <= QUEUE_TABLE_AS_IS;
}

struct topology {
	struct arena *arena;
	const struct broker_settings *settings;
	struct step *steps;
	size_t step_count;
	const char **
		/* logical names, without the prefix, in the order in which a person looks for them
		 * */
		queues;
	size_t queue_count;
};

/* E_TOO_BIG when a name would be longer than AMQP allows. */
enum err topology_init(struct topology *topology, const struct broker_settings *settings,
		       const struct routing *routing, struct why *why) MUST_USE;
void topology_done(struct topology *topology);
void topology_send(const struct topology *topology, struct channel *channel,
		   const struct step *step);
/* The steps of one subscriber's queue: the queue, its binding, and its way back from a delay. Texts
 * are borrowed. */
#define SUBSCRIBE_STEPS 3
void topology_subscribe(const char *results, const char *due, const char *queue, const char *name,
			const char *pattern, struct step ret[SUBSCRIBE_STEPS]);
/* Of a table's stream that was refused because it is there with other arguments, the next best to ask for; false: it is no such step, or
 * there is none. */
bool topology_take_table(struct step *step);
/* As broker.table_kept has it, from the start. */
void topology_ask_tables(struct topology *topology);
/* table_kept_ms() */
int64_t topology_table_kept_ms(const struct topology *topology, const char *table);
/* What a person should know and do when a step was refused. */
void topology_explain(const struct step *step, uint16_t code, const char *text, struct why *ret);

/* `name` with the prefix; cut at WIRE_SHORT_MAX, which topology_init() has ruled out for all names
 * of the settings. */
void topology_name(const char *prefix, const char *name, char out[WIRE_SHORT_MAX + 1]);

#endif
