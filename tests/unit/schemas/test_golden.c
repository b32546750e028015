/* Bytes of released versions are read as what they mean, and written again to the byte. */
#include "fixture_schemas.h"

#include <string.h>

#include "schemas/schemas.h"

static void assert_written_as(struct fixture *f, const char *version, const char *name)
{
	assert_true(bytes_equal(buf_bytes(&f->out), golden_of(f, version, name)));
}

static void assert_written(struct fixture *f, const char *name)
{
	assert_true(bytes_equal(buf_bytes(&f->out), golden(f, name)));
}

static void assert_labels(const struct labels *labels)
{
	assert_bytes_are(labels->tenant, "shop");
	assert_bytes_are(labels->campaign, "autumn");
	assert_bytes_are(labels->tags[0], "newsletter");
	assert_bytes_are(labels->metadata[0].name, "order");
	assert_bytes_are(labels->metadata[0].value, "42");
}

static void assert_is_the_golden_submission(const struct submission *s)
{
	assert_bytes_are(s->id, "app-2026-000042");
	assert_bytes_are(s->sender, "bounces@news.example");
	assert_int_equal(s->recipient_count, 2);
	assert_bytes_are(s->recipients[0], "ada@example.com");
	assert_bytes_are(s->recipients[1], "j\xc3\xb6rg@b\xc3\xbc"
					   "cher.example");
	assert_bytes_are(s->pool, "news");
	assert_labels(&s->labels);
	assert_int_equal(s->labels.tag_count, 2);
	assert_bytes_are(s->labels.tags[1], "caf\xc3\xa9");
	assert_int_equal(s->labels.metadata_count, 2);
	assert_bytes_are(s->labels.metadata[1].value, "two\nlines");
	assert_int_equal(s->not_before_wall_ms, 1795252800000);
	assert_int_equal(s->expires_wall_ms, 1795512000000);
	assert_bytes_are(s->content, "Subject: hello\r\nFrom: <a@news.example>\r\n\r\n"
				     "Not UTF-8: \xe9\r\n.\r\n");
}

static void test_submission(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	assert_int_equal(submission_decode(f->arena, golden(f, "submission.bin"), &s, &f->why), OK);
	assert_is_the_golden_submission(&s);
	assert_int_equal(submission_encode(&s, &f->out), OK);
	assert_written(f, "submission.bin");
}

static void test_submission_as_json(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	assert_int_equal(submission_from_json(f->arena, golden(f, "submission.json"), &s, &f->why),
			 OK);
	assert_is_the_golden_submission(&s);
	assert_int_equal(submission_encode(&s, &f->out), OK);
	assert_written(f, "submission.bin");
}

static void test_delivery_request(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	struct bytes in = golden(f, "delivery_request.bin");
	assert_int_equal(delivery_request_decode(f->arena, in, &r, &f->why), OK);
	assert_bytes_are(r.id, "01KAJ7WZ0G3K5N8Q2R4T6V8X0Z");
	assert_bytes_are(r.sender, "bounces@news.example");
	assert_int_equal(r.recipient_count, 2);
	assert_bytes_are(r.recipients[0].address, "ada@gmail.example");
	assert_int_equal(r.recipients[0].attempt, 0);
	assert_bytes_are(r.recipients[1].address, "bob@gmail.example");
	assert_int_equal(r.recipients[1].attempt, 3);
	assert_bytes_are(r.pool, "news");
	assert_bytes_are(r.site, "gmail");
	assert_int_equal(r.accepted_wall_ms, 1795252800123);
	assert_int_equal(r.expires_wall_ms, 1795512000000);
	assert_int_equal(r.not_before_wall_ms, 1795253100000);
	assert_labels(&r.labels);
	assert_true(r.smtputf8 && r.eightbit);
	assert_bytes_are(r.content, "Subject: hello\r\n\r\nHello.\r\n");

	assert_int_equal(delivery_request_encode_head(&r, r.content.len, &f->out), OK);
	assert_int_equal(buf_append(&f->out, r.content), OK);
	assert_written(f, "delivery_request.bin");
}

static void test_result_batch(void **state)
{
	struct fixture *f = *state;
	struct result_batch batch;
	struct bytes in = golden(f, "result_batch.bin");
	assert_int_equal(result_batch_decode(f->arena, in, &batch, &f->why), OK);
	assert_int_equal(batch.count, 2);
	const struct result *r = &batch.results[0];
	assert_bytes_are(r->recipient, "ada@gmail.example");
	assert_int_equal(r->event, RESULT_DELIVERED);
	assert_int_equal(r->attempt, 1);
	assert_int_equal(r->code, 250);
	assert_bytes_are(r->enhanced, "2.0.0");
	assert_bytes_are(r->text, "OK 1795252801 queued");
	assert_bytes_are(r->step, "body");
	assert_bytes_are(r->remote_host, "mx1.gmail.example");
	assert_bytes_are(r->remote_address, "192.0.2.1:25");
	assert_bytes_are(r->source, "egress-1");
	assert_bytes_are(r->tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	assert_int_equal(r->at_wall_ms, 1795252801500);
	assert_labels(&r->labels);
	assert_int_equal(r->content_bytes, 10240);
	assert_bytes_are(r->worker, "worker-1.example:4242");
	assert_int_equal(batch.results[1].event, RESULT_DEFERRED);
	assert_int_equal(batch.results[1].next_attempt_wall_ms, 1795253401501);

	assert_int_equal(result_batch_encode(&batch, &f->out), OK);
	assert_written(f, "result_batch.bin");
	buf_clear(&f->out);
	for (size_t i = 0; i < batch.count; i++) {
		assert_int_equal(result_to_json(&batch.results[i], &f->out), OK);
		assert_int_equal(buf_append_text(&f->out, "\n"), OK);
	}
	assert_written(f, "result_batch.json");
}

static void test_inbound_mail(void **state)
{
	struct fixture *f = *state;
	struct inbound_mail m;
	struct bytes in = golden(f, "inbound_mail.bin");
	assert_int_equal(inbound_mail_decode(f->arena, in, &m, &f->why), OK);
	assert_bytes_are(m.sender, "");
	assert_int_equal(m.recipient_count, 1);
	assert_bytes_are(m.recipients[0], "bounces@news.example");
	assert_bytes_are(m.client_address, "192.0.2.1");
	assert_int_equal(m.received_wall_ms, 1795252900000);
	assert_bytes_are(m.content, "Subject: Returned mail\r\n\r\nNo such user.\r\n");
	assert_int_equal(inbound_mail_encode(&m, &f->out), OK);
	assert_written(f, "inbound_mail.bin");
}

static void test_suppression(void **state)
{
	struct fixture *f = *state;
	struct suppression s;
	struct bytes in = golden(f, "suppression.bin");
	assert_int_equal(suppression_decode(f->arena, in, &s, &f->why), OK);
	assert_bytes_are(s.address, "ada@example.com");
	assert_bytes_are(s.evidence, "550 5.1.1 No such user");
	assert_int_equal(s.version, 7);
	assert_true(s.is_removed);
	assert_int_equal(suppression_encode(&s, &f->out), OK);
	assert_written(f, "suppression.bin");
	buf_clear(&f->out);
	assert_int_equal(suppression_to_json(&s, &f->out), OK);
	assert_int_equal(buf_append_text(&f->out, "\n"), OK);
	assert_written(f, "suppression.json");
}

static void test_directive(void **state)
{
	struct fixture *f = *state;
	struct directive d;
	struct bytes in = golden(f, "directive.bin");
	assert_int_equal(directive_decode(f->arena, in, &d, &f->why), OK);
	assert_int_equal(d.kind, DIRECTIVE_SUPPRESS);
	assert_bytes_are(d.site, "gmail");
	assert_bytes_are(d.by, "ops@news.example");
	assert_int_equal(d.until_wall_ms, 1795256400000);
	assert_true(d.has_suppression);
	assert_bytes_are(d.suppression.address, "ada@example.com");
	assert_int_equal(d.suppression.version, 8);
	assert_int_equal(directive_encode(&d, &f->out), OK);
	assert_written(f, "directive.bin");
}

/* ---- what was added since ---- */

static void test_recipients_and_wishes_of_a_delivery_request(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	struct bytes in = golden_of(f, "v2", "delivery_request.bin");
	assert_int_equal(delivery_request_decode(f->arena, in, &r, &f->why), OK);
	const struct recipient *ada = &r.recipients[0];
	assert_bytes_are(ada->id, "01KAJ7WZ0G3K5N8Q2R4T6V8X0Z.1");
	assert_bytes_are(ada->labels.tags[0], "vip");
	assert_bytes_are(ada->labels.metadata[0].value, "42");
	assert_int_equal(ada->notify, NOTIFY_FAILURE | NOTIFY_SUCCESS);
	assert_bytes_are(ada->original, "rfc822;ada@old.example");
	assert_bytes_are(ada->variables, "{\"name\":\"Ada\"}");
	assert_bytes_are(ada->name, "Ada L\xc3\xb6we");
	assert_bytes_are(ada->shown_address, "list@news.example");
	assert_int_equal(r.recipients[1].notify, NOTIFY_NEVER);
	assert_bytes_are(r.wishes.envelope_id, "QQ314159");
	assert_int_equal(r.wishes.dsn_return, DSN_RETURN_HEADERS);
	assert_int_equal(r.wishes.priority, 13);
	assert_true(r.wishes.require_tls);
	assert_int_equal(r.wishes.late_wall_ms, 1795256400000);
	assert_bytes_are(r.content, "a skeleton");
}

static void test_a_skeleton(void **state)
{
	struct fixture *f = *state;
	struct skeleton s;
	struct bytes in = golden_of(f, "v2", "skeleton.bin");
	assert_int_equal(skeleton_decode(f->arena, in, &s, &f->why), OK);
	assert_int_equal(s.segment_count, 7);
	assert_int_equal(s.segments[2].kind, SEGMENT_MAILBOX);
	assert_bytes_are(s.segments[2].address, "shop@news.example");
	assert_bytes_are(s.variables, "{\"shop\":\"The Shop\"}");
	assert_int_equal(skeleton_encode(&s, &f->out), OK);
	assert_written_as(f, "v2", "skeleton.bin");
}

static void test_a_cancelled_result(void **state)
{
	struct fixture *f = *state;
	struct result_batch batch;
	struct bytes in = golden_of(f, "v2", "result_batch.bin");
	assert_int_equal(result_batch_decode(f->arena, in, &batch, &f->why), OK);
	assert_int_equal(batch.results[0].event, RESULT_CANCELLED);
	assert_int_equal(result_batch_encode(&batch, &f->out), OK);
	assert_written_as(f, "v2", "result_batch.bin");
}

static void test_a_result_with_a_class(void **state)
{
	struct fixture *f = *state;
	struct result_batch batch;
	struct bytes in = golden_of(f, "v2", "classified_result.bin");
	assert_int_equal(result_batch_decode(f->arena, in, &batch, &f->why), OK);
	assert_bytes_are(batch.results[0].class, "quota-issues");
	assert_int_equal(result_batch_encode(&batch, &f->out), OK);
	assert_written_as(f, "v2", "classified_result.bin");
}

static void test_a_result_with_what_is_told_of_its_message(void **state)
{
	struct fixture *f = *state;
	struct result_batch batch;
	struct bytes in = golden_of(f, "v2", "told_result.bin");
	assert_int_equal(result_batch_decode(f->arena, in, &batch, &f->why), OK);
	const struct result *r = &batch.results[0];
	assert_bytes_are(r->original, "rfc822;ada@gmail.example");
	assert_bytes_are(r->esmtp, "PIPELINING,SIZE,8BITMIME");
	assert_int_equal(r->header_count, 1);
	assert_bytes_are(r->headers[0].value, "spring sale");
	assert_int_equal(r->took_ms, 412);
	assert_bytes_are(r->origin.user, "shop");
	assert_int_equal(result_batch_encode(&batch, &f->out), OK);
	assert_written_as(f, "v2", "told_result.bin");
}

/* Older workers pass over both: they send it by DATA. */
static void test_a_binary_delivery_request(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	struct bytes in = golden_of(f, "v2", "binary_request.bin");
	assert_int_equal(delivery_request_decode(f->arena, in, &r, &f->why), OK);
	assert_true(r.binary && r.bare_line_ends && r.eightbit);
	assert_int_equal(r.content.len, 12);
	assert_memory_equal(r.content.data, "A: b\r\n\r\n\0\n\r\xff", 12);
}

static void test_a_recall(void **state)
{
	struct fixture *f = *state;
	struct directive d;
	struct bytes in = golden_of(f, "v2", "directive.bin");
	assert_int_equal(directive_decode(f->arena, in, &d, &f->why), OK);
	assert_int_equal(d.kind, DIRECTIVE_RECALL);
	assert_bytes_are(d.campaign, "autumn");
	assert_int_equal(directive_encode(&d, &f->out), OK);
	assert_written_as(f, "v2", "directive.bin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_submission),
		test_with_fixture(test_submission_as_json),
		test_with_fixture(test_delivery_request),
		test_with_fixture(test_result_batch),
		test_with_fixture(test_inbound_mail),
		test_with_fixture(test_suppression),
		test_with_fixture(test_directive),
		test_with_fixture(test_recipients_and_wishes_of_a_delivery_request),
		test_with_fixture(test_a_skeleton),
		test_with_fixture(test_a_cancelled_result),
		test_with_fixture(test_a_result_with_a_class),
		test_with_fixture(test_a_result_with_what_is_told_of_its_message),
		test_with_fixture(test_a_binary_delivery_request),
		test_with_fixture(test_a_recall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
