/* Whatever MailerQ's publishers send: what is read of it travels in a recipient and a result, and a result of it can be told. */
#include "ingest/mailerq/report.h"
#include "ingest/mailerq/translate.h"
#include "tests/fuzz/fuzz_schema.h"

static const struct mailerq_settings settings = {.outbox = "outbox",
						 .results = "results",
						 .success = "success",
						 .failure = "failure",
						 .retry = "retry"};

static struct routing_settings *routing_settings_once(void)
{
	static struct source_settings source = {.name = "default", .address = "192.0.2.1"};
	static struct pool_settings pool = {.name = "default"};
	static struct site_settings site = {.name = "default"};
	static struct routing_settings all = {
		.sources = {&source, 1}, .pools = {&pool, 1}, .sites = {&site, 1}};
	return &all;
}

static void tell(struct arena *arena, const struct routing *routing,
		 const struct submission *submission)
{
	struct buf out;
	struct result_batch again;
	struct mailerq_report report;
	struct result result = {
		.id = submission->id.len > 0 ? submission->id : BYTES("1"),
		.recipient = submission->recipients[0],
		.sender = submission->sender,
		.event = RESULT_BOUNCED,
		.step = BYTES("submission"),
		.pool = submission->pool,
		.labels = submission->labels,
	};
	result.labels.echo = echo_with(arena, result.labels.echo, &result);
	buf_init(&out, FUZZ_OUT_MAX);
	check(result_batch_encode(&(struct result_batch){&result, 1}, &out) == OK);
	check(result_batch_decode(arena, buf_bytes(&out), &again, NULL) == OK);
	if (submission->labels.echo.len > 0) {
		check(mailerq_report(arena, &again.results[0], &settings, routing, &report));
		check(bytes_is_utf8(report.json));
		for (size_t i = 0; i < report.place_count; i++)
			check(mailerq_may_publish_to(&settings, bytes_of(report.places[i].queue)));
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct routing *routing;
	struct arena *arena = arena_new();
	struct submission submission;
	struct mailerq_report report;
	struct why why;
	if (!routing)
		routing = routing_new(routing_settings_once());
	enum err err = mailerq_read(arena, bytes_from(data, size), &settings,
				    routing_settings_once(), &submission, &why);
	if (err == OK)
		check(submission.recipient_count == 1 && submission.content.len > 0 &&
		      submission.labels.echo.len > 0);
	if (submission.recipient_count > 0)
		tell(arena, routing, &submission);
	/* An echo of anybody's, too. */
	struct result result = {.event = RESULT_DEFERRED, .labels.echo = bytes_from(data, size)};
	(void)mailerq_report(arena, &result, &settings, routing, &report);
	arena_free(&arena);
	return 0;
}
