/* See job.h. */
#include "broker/rabbitmq/job.h"

#include "lib/base/memory.h"

struct job {
	const struct job_handler *handler;
	void *owner;
	struct channel *channel;
	size_t count, replied;
};

static void finish(struct job *job, uint16_t code, const char *text)
{
	const struct job_handler *handler = job->handler;
	void *owner = job->owner;
	size_t replied = job->replied;
	job_cancel(&job);
	handler->finished(owner, replied, code, text);
}

static void on_opened(void *owner)
{
	struct job *job = owner;
	for (size_t i = 0; i < job->count; i++)
		job->handler->send(job->owner, job->channel, i);
	if (job->count == 0)
		finish(job, 0, "");
}

static void on_method(void *owner, const amqp_method_t *method)
{
	struct job *job = owner;
	if (job->handler->replied)
		job->handler->replied(job->owner, job->replied, method);
	job->replied++;
	if (job->replied == job->count)
		finish(job, 0, "");
}

static void on_content(void *owner, struct content *content)
{
	(void)owner;
	free(content); /* nothing is consumed here */
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	finish(owner, code, text);
}

struct job *job_new(struct connection *connection, size_t count, const struct job_handler *handler,
		    void *owner)
{
	static const struct channel_handler channel_handler = {.opened = on_opened,
							       .method = on_method,
							       .content = on_content,
							       .closed = on_closed};
	struct job *job = memory_new(sizeof *job);
	job->handler = handler;
	job->owner = owner;
	job->count = count;
	job->channel = channel_new(connection, &channel_handler, job);
	return job;
}

void job_cancel(struct job **job)
{
	if (!*job)
		return;
	channel_free(&(*job)->channel);
	free(*job);
	*job = NULL;
}
