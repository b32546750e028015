/* The AMQP door. A job is one lease on its way through acceptance; it ends when the lease is
 * settled. The broker takes a lease of a process that dies back by itself, so a job needs no memory
 * beyond this.
 *
 *   lease -> read -> acceptance -> ack
 *     not to be accepted, ever -> results for its recipients -> kept in `refused` -> ack
 *     not now -> again after a while */
#include "ingest/submit.h"

#include "broker/suppressions.h"
#include "ingest/submission.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define PREFETCH_BYTES ((size_t)32 << 20)
#define BULK_SHARE                                                                                 \
	4 /* bulk mail has a quarter of the prefetch of transactional mail, which so goes first */
#define RETRY_MS 5000

/* One of the queues that submissions are taken from. */
struct inlet {
	struct submit *submit;
	struct consumer *consumer;
	const struct mailerq_settings *mailerq; /* of MailerQ's outbox; else NULL */
};

struct job {
	struct submit *submit;
	const struct inlet *inlet;
	struct lease *lease;
	struct acceptance *acceptance;
	char *refusal; /* why; NULL: it is being accepted */
	struct job *next, **link;
};

struct submit {
	struct submit_options options;
	struct inlet tx, bulk, outbox;
	struct job *jobs;
};

static void job_free(struct job *job)
{
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	free(job->refusal);
	free(job);
}

static struct job *job_new(const struct inlet *inlet, struct lease *lease)
{
	struct submit *submit = inlet->submit;
	struct job *job = memory_new(sizeof *job);
	job->submit = submit;
	job->inlet = inlet;
	job->lease = lease;
	job->next = submit->jobs;
	job->link = &submit->jobs;
	if (job->next)
		job->next->link = &job->next;
	submit->jobs = job;
	return job;
}

/* ---- reading ---- */

static enum err is_suppressed(void *owner, struct mail *mail, struct bytes address)
{
	const struct submit *submit = owner;
	const struct mail_owner whose = {.tenant = mail->labels.tenant};
	struct suppression suppression;
	enum err err = suppressions_find(submit->options.suppressions, &whose, address,
					 mail->accepted_wall_ms, mail->arena, &suppression);
	if (err == OK)
		log_event(EV_recipient_suppressed, F_TEXT("by", "ingest"),
			  F_TEXT("message", mail->id), F_BYTES("recipient", address),
			  F_BYTES("reason", suppression.reason));
	return err == E_MALFORMED ? E_NOT_FOUND : err;
}

static struct submission_source source_of(const struct job *job)
{
	return (struct submission_source){
		.body = lease_body(job->lease),
		.content_type = lease_content_type(job->lease),
		.content_encoding = lease_content_encoding(job->lease),
		.message_id = lease_message_id(job->lease),
		.mailerq = job->inlet->mailerq,
	};
}

static struct submission_rules rules_of(struct submit *submit)
{
	const struct submit_options *options = &submit->options;
	return (struct submission_rules){
		.routing = options->node.routing,
		.line_max = (size_t)options->settings->max_line_length,
		.memory_per_message = (size_t)options->settings->memory_per_message,
		.spool = options->spool,
		.wall_ms = loop_wall_ms(options->node.loop),
		.is_suppressed = is_suppressed,
		.owner = submit,
	};
}

/* ---- refusing ---- */

static void end_refusal(struct job *job)
{
	lease_refuse(&job->lease, job->refusal);
	job_free(job);
}

/* Results may come again when it is retried; they are told apart by (id, recipient, attempt). */
static void on_refusal_told(void *owner, enum err err, const struct mail *mail)
{
	(void)mail;
	struct job *job = owner;
	if (err_then(err) != ERR_THEN_RETRY) {
		end_refusal(job);
		return;
	}
	lease_retry(&job->lease, RETRY_MS);
	job_free(job);
}

static void refuse(struct job *job, enum err err, const char *reason)
{
	struct submit *submit = job->submit;
	struct submission_source source = source_of(job);
	struct submission_rules rules = rules_of(submit);
	job->refusal = memory_text(reason);
	log_event(EV_submission_refused, F_TEXT("reason", err_text(err)),
		  F_TEXT("message", lease_message_id(job->lease)), F_TEXT("why", reason));
	struct mail *mail = submission_refusal(&source, &rules, reason);
	if (!mail) {
		end_refusal(job);
		return;
	}
	err = acceptance_start(submit->options.acceptor, &mail, on_refusal_told, job,
			       &job->acceptance);
	if (err == OK)
		return;
	mail_free(&mail);
	on_refusal_told(job, err, NULL);
}

static void fail_job(struct job *job, enum err err, const char *reason)
{
	if (err_then(err) == ERR_THEN_BURY) {
		refuse(job, err, reason);
		return;
	}
	lease_retry(&job->lease, RETRY_MS);
	job_free(job);
}

/* ---- accepting ---- */

static const char *reason_of(enum err err)
{
	if (err == E_TOO_BIG)
		return "content: too big for the broker";
	return err == E_REFUSED ? "too many Received fields: this message loops" : err_text(err);
}

static void on_accepted(void *owner, enum err err, const struct mail *mail)
{
	(void)mail;
	struct job *job = owner;
	job->acceptance = NULL;
	if (err != OK) {
		fail_job(job, err, reason_of(err));
		return;
	}
	lease_ack(&job->lease);
	job_free(job);
}

static void on_taken(void *owner, struct lease *lease)
{
	const struct inlet *inlet = owner;
	struct submit *submit = inlet->submit;
	struct job *job = job_new(inlet, lease);
	struct submission_source source = source_of(job);
	struct submission_rules rules = rules_of(submit);
	struct mail *mail = NULL;
	struct why why = {""};
	enum err err = submission_to_mail(&source, &rules, &mail, &why);
	if (err != OK) {
		log_event(EV_message_refused, F_TEXT("door", inlet->mailerq ? "mailerq" : "amqp"),
			  F_TEXT("reason", err_text(err)),
			  F_TEXT("message", lease_message_id(lease)), F_TEXT("why", why.text));
		fail_job(job, err, why.text);
		return;
	}
	err = acceptance_start(submit->options.acceptor, &mail, on_accepted, job, &job->acceptance);
	if (err == OK)
		return;
	mail_free(&mail);
	fail_job(job, err, reason_of(err));
}

static void consume(struct submit *submit, struct inlet *inlet, const char *queue, int64_t prefetch)
{
	struct consumer_options options = {.queue = queue,
					   .prefetch = prefetch > 0 ? (unsigned)prefetch : 1,
					   .prefetch_bytes = PREFETCH_BYTES,
					   .is_foreign = inlet->mailerq != NULL};
	inlet->submit = submit;
	inlet->consumer = consumer_new(submit->options.broker, &options, on_taken, inlet);
}

struct submit *submit_new(const struct submit_options *options)
{
	struct submit *submit = memory_new(sizeof *submit);
	int64_t prefetch = options->settings->submit_prefetch;
	submit->options = *options;
	if (prefetch > 0) {
		consume(submit, &submit->tx, QUEUE_SUBMIT_TX, prefetch);
		consume(submit, &submit->bulk, QUEUE_SUBMIT_BULK, prefetch / BULK_SHARE);
	}
	if (options->mailerq) {
		submit->outbox.mailerq = options->mailerq;
		consume(submit, &submit->outbox, options->mailerq->outbox,
			options->mailerq->prefetch);
	}
	return submit;
}

void submit_stop(struct submit *submit)
{
	consumer_free(&submit->tx.consumer);
	consumer_free(&submit->bulk.consumer);
	consumer_free(&submit->outbox.consumer);
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
