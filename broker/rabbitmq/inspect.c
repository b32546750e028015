/* See inspect.h.
 *
 *   start -> ask [-> missing: ask the rest] -> all asked [-> management] -> tell
 *   any step -- connection lost, or too long --> done with the failure */
#include "broker/rabbitmq/inspect.h"

#include "broker/rabbitmq/background.h"
#include "broker/rabbitmq/job.h"
#include "broker/rabbitmq/management.h"
#include "lib/base/memory.h"

#define LIMIT_MS 10000

struct inspection {
	struct inspector *inspector;
	LIST_ENTRY(inspection) next;
	void (*each)(void *owner, const struct queue_status *status);
	published done;
	void *owner;
	struct queue_status *statuses;
	size_t count, first_asked; /* of the running job */
	struct job *job;
	struct background *background;
	struct timer *limit;
	bool looks_at_heads;
};

/* ---- the end ---- */

static void finish(struct inspection *inspection, enum err err)
{
	published done = inspection->done;
	void *owner = inspection->owner;
	job_cancel(&inspection->job);
	background_abandon(&inspection->background);
	timer_free(&inspection->limit);
	LIST_REMOVE(inspection, next);
	for (size_t i = 0; i < inspection->count && !err; i++)
		inspection->each(owner, &inspection->statuses[i]);
	free(inspection->statuses);
	free(inspection);
	done(owner, err);
}

static void on_limit(void *owner)
{
	struct inspection *inspection = owner;
	finish(inspection,
	       connection_is_open(inspection->inspector->connection) ? E_TIMEOUT : E_AWAY);
}

/* ---- management ---- */

struct question { /* all that the thread may touch */
	char *url, *user, *password, *vhost;
	bool looks_at_heads;
	enum err err;
	struct managed_queue *queues;
	size_t count;
};

static void ask_management(void *work)
{
	struct question *question = work;
	question->err = management_queues(question->url, question->user, question->password,
					  question->vhost, question->looks_at_heads,
					  &question->queues, &question->count);
}

static void free_question(void *work)
{
	struct question *question = work;
	managed_free(question->queues, question->count);
	free(question->url);
	free(question->user);
	free(question->password);
	free(question->vhost);
	free(question);
}

static void merge(struct inspection *inspection, const struct managed_queue *queue)
{
	const char *prefix = inspection->inspector->settings->prefix;
	int64_t now_wall_ms = loop_wall_ms(inspection->inspector->loop);
	if (strncmp(queue->name, prefix, strlen(prefix)) != 0)
		return;
	const char *name = queue->name + strlen(prefix);
	for (size_t i = 0; i < inspection->count; i++) {
		struct queue_status *status = &inspection->statuses[i];
		if (strcmp(status->name, name) != 0)
			continue;
		status->unacked = queue->unacked;
		if (queue->head_wall_ms >= 0 && status->ready > 0)
			status->oldest_age_ms = now_wall_ms > queue->head_wall_ms
							? now_wall_ms - queue->head_wall_ms
							: 0;
	}
}

/* Without an answer the numbers of the first part stand all the same. */
static void on_management(void *owner, void *work)
{
	struct inspection *inspection = owner;
	struct question *question = work;
	inspection->background = NULL;
	for (size_t i = 0; i < question->count; i++)
		merge(inspection, &question->queues[i]);
	finish(inspection, OK);
}

static void start_management(struct inspection *inspection)
{
	static const struct background_work type = {
		.run = ask_management, .finished = on_management, .free_work = free_question};
	const struct inspector *inspector = inspection->inspector;
	struct question *question = memory_new(sizeof *question);
	question->url = memory_text(inspector->settings->management_url);
	question->user = memory_text(inspector->url->user);
	question->password = memory_text(inspector->url->password);
	question->vhost = memory_text(inspector->url->vhost);
	question->looks_at_heads = inspection->looks_at_heads;
	inspection->background = background_start(inspector->loop, &type, question, inspection);
}

/* ---- asking the broker ---- */

static void send_question(void *owner, struct channel *channel, size_t index)
{
	struct inspection *inspection = owner;
	char name[WIRE_SHORT_MAX + 1];
	topology_name(inspection->inspector->settings->prefix,
		      inspection->statuses[inspection->first_asked + index].name, name);
	amqp_queue_declare_t declare = {.queue = wire_text(name), .passive = true};
	channel_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

static void on_answer(void *owner, size_t index, const amqp_method_t *reply)
{
	struct inspection *inspection = owner;
	if (reply->id != AMQP_QUEUE_DECLARE_OK_METHOD)
		return;
	const amqp_queue_declare_ok_t *ok = reply->decoded;
	struct queue_status *status = &inspection->statuses[inspection->first_asked + index];
	status->ready = ok->message_count;
	status->consumers = ok->consumer_count;
}

static void ask_from(struct inspection *inspection, size_t first);

static void on_asked(void *owner, size_t count, uint16_t code, const char *text)
{
	struct inspection *inspection = owner;
	(void)text;
	inspection->job = NULL;
	size_t asked = inspection->first_asked + count;
	if (asked < inspection->count && code == CHANNEL_LOST)
		finish(inspection, E_CLOSED);
	else if (asked < inspection->count)
		ask_from(inspection, asked + 1); /* this one is missing, or not ours to see */
	else if (*inspection->inspector->settings->management_url)
		start_management(inspection);
	else
		finish(inspection, OK);
}

static void ask_from(struct inspection *inspection, size_t first)
{
	static const struct job_handler handler = {
		.send = send_question, .replied = on_answer, .finished = on_asked};
	inspection->first_asked = first;
	inspection->job = job_new(inspection->inspector->connection, inspection->count - first,
				  &handler, inspection);
}

void inspector_start(struct inspector *inspector, bool looks_at_heads,
		     void (*each)(void *owner, const struct queue_status *status), published done,
		     void *owner)
{
	struct inspection *inspection = memory_new(sizeof *inspection);
	inspection->inspector = inspector;
	inspection->looks_at_heads = looks_at_heads;
	inspection->each = each;
	inspection->done = done;
	inspection->owner = owner;
	inspection->count = inspector->topology->queue_count;
	inspection->statuses = memory_array(inspection->count, sizeof *inspection->statuses);
	for (size_t i = 0; i < inspection->count; i++) {
		inspection->statuses[i] =
			(struct queue_status){.name = inspector->topology->queues[i],
					      .ready = -1,
					      .unacked = -1,
					      .consumers = -1,
					      .oldest_age_ms = -1};
	}
	LIST_INSERT_HEAD(&inspector->running, inspection, next);
	inspection->limit = timer_new(inspector->loop, on_limit, inspection);
	if (connection_is_open(inspector->connection)) {
		timer_start(inspection->limit, LIMIT_MS);
		ask_from(inspection, 0);
	} else {
		timer_start(inspection->limit, 0);
	}
}

void inspector_done(struct inspector *inspector)
{
	while (!LIST_EMPTY(&inspector->running))
		finish(LIST_FIRST(&inspector->running), E_CANCELLED);
}
