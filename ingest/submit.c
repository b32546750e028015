/* The AMQP door. A job is one lease on its way through acceptance; it ends when the lease is
 * settled. The broker takes a lease of a process that dies back by itself, so a job needs no memory
 * beyond this. */
#include "ingest/submit.h"

#include "broker/suppressions.h"
#include "ingest/submission.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define PREFETCH_BYTES ((size_t)32 << 20)
#define BULK_SHARE                                                                                 \
	4 /* bulk mail has a quarter of the prefetch of transactional mail, which so goes first */
#define RETRY_MS 5000

struct job {
	struct submit *submit;
	struct lease *lease;
	struct acceptance *acceptance;
	struct job *next, **link;
};

struct submit {
	struct submit_options options;
	struct consumer *tx, *bulk;
	struct job *jobs;
};

static void job_free(struct job *job)
{
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	free(job);
}

/* ---- settling ---- */

static void settle_failed(struct lease **lease, enum err err, const char *reason)
{
	if (err_then(err) == ERR_THEN_BURY)
		lease_bury(lease, reason);
	else
		lease_retry(lease, RETRY_MS);
}

static const char *reason_of(enum err err)
{
	return err == E_REFUSED ? "too many Received fields: this message loops" : err_text(err);
}

static void on_accepted(void *owner, enum err err, const struct mail *mail)
{
	(void)mail;
	struct job *job = owner;
	if (err == OK)
		lease_ack(&job->lease);
	else
		settle_failed(&job->lease, err, reason_of(err));
	job_free(job);
}

/* ---- taking ---- */

static enum err is_suppressed(void *owner, struct mail *mail, struct bytes address)
{
	const struct submit *submit = owner;
	struct suppression suppression;
	enum err err = suppressions_find(submit->options.suppressions, address,
					 mail->accepted_wall_ms, mail->arena, &suppression);
	if (err == OK)
		log_event(EV_recipient_suppressed, F_TEXT("by", "ingest"),
			  F_TEXT("message", mail->id), F_BYTES("recipient", address),
			  F_BYTES("reason", suppression.reason));
	return err == E_MALFORMED ? E_NOT_FOUND : err;
}

static enum err read_mail(struct submit *submit, const struct lease *lease, struct mail **ret,
			  struct why *why)
{
	const struct submit_options *options = &submit->options;
	struct submission_source source = {
		.body = lease_body(lease),
		.content_type = lease_content_type(lease),
		.content_encoding = lease_content_encoding(lease),
		.message_id = lease_message_id(lease),
	};
	struct submission_rules rules = {
		.routing = options->node.routing,
		.line_max = (size_t)options->settings->max_line_length,
		.memory_per_message = (size_t)options->settings->memory_per_message,
		.spool = options->spool,
		.wall_ms = loop_wall_ms(options->node.loop),
		.is_suppressed = is_suppressed,
		.owner = submit,
	};
	return submission_to_mail(&source, &rules, ret, why);
}

static struct job *job_new(struct submit *submit, struct lease *lease)
{
	struct job *job = memory_new(sizeof *job);
	job->submit = submit;
	job->lease = lease;
	job->next = submit->jobs;
	job->link = &submit->jobs;
	if (job->next)
		job->next->link = &job->next;
	submit->jobs = job;
	return job;
}

static void on_taken(void *owner, struct lease *lease)
{
	struct submit *submit = owner;
	struct mail *mail = NULL;
	struct why why = {""};
	enum err err = read_mail(submit, lease, &mail, &why);
	if (err != OK) {
		log_event(EV_message_refused, F_TEXT("door", "amqp"),
			  F_TEXT("reason", err_text(err)),
			  F_TEXT("message", lease_message_id(lease)), F_TEXT("why", why.text));
		settle_failed(&lease, err, why.text);
		return;
	}
	struct job *job = job_new(submit, lease);
	err = acceptance_start(submit->options.acceptor, &mail, on_accepted, job, &job->acceptance);
	if (err == OK)
		return;
	settle_failed(&job->lease, err, reason_of(err));
	mail_free(&mail);
	job_free(job);
}

static struct consumer *consume(struct submit *submit, const char *queue, unsigned prefetch)
{
	struct consumer_options options = {.queue = queue,
					   .prefetch = prefetch > 0 ? prefetch : 1,
					   .prefetch_bytes = PREFETCH_BYTES};
	return consumer_new(submit->options.broker, &options, on_taken, submit);
}

struct submit *submit_new(const struct submit_options *options)
{
	struct submit *submit = memory_new(sizeof *submit);
	unsigned prefetch = (unsigned)options->settings->submit_prefetch;
	submit->options = *options;
	submit->tx = consume(submit, QUEUE_SUBMIT_TX, prefetch);
	submit->bulk = consume(submit, QUEUE_SUBMIT_BULK, prefetch / BULK_SHARE);
	return submit;
}

void submit_stop(struct submit *submit)
{
	consumer_free(&submit->tx);
	consumer_free(&submit->bulk);
}

void submit_free(struct submit **submit)
{
	struct submit *s = *submit;
	if (!s)
		return;
	submit_stop(s);
	for (struct job *job = s->jobs, *next; job; job = next) {
		next = job->next;
		acceptance_forget(&job->acceptance);
		lease_release(&job->lease);
		job_free(job);
	}
	free(s);
	*submit = NULL;
}
