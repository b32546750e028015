/* What a returned mail comes to: proved for whom it was written, and for nobody else. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bouncer/inbound/finding.h"
#include "bouncer/inbound/seen.h"
#include "lib/base/random.h"

#define DAY INT64_C(86400000)
#define NOW (20000 * DAY + 5)

struct fixture {
	char keys[64], id[ID_SIZE], path[RETURN_ADDRESS_SIZE], claim[CLAIM_SIZE];
	struct returns_settings settings;
	struct returns *returns;
	struct arena *arena;
	struct report report;
	struct findings found;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why;
	assert_non_null(f);
	snprintf(f->keys, sizeof f->keys, "/tmp/leveret-test-keys-XXXXXX");
	int fd = mkstemp(f->keys);
	static const char text[] = "# newest first\n9 a-secret-of-this-test\n";
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	f->settings = (struct returns_settings){.keys = f->keys,
						.path = "b-{token}@bounces.test",
						.feedback_loop = "",
						.unsubscribe_url = "",
						.unsubscribe_mail = "",
						.days = 30,
						.unsubscribe_days = 400};
	assert_int_equal(returns_open(&f->settings, &f->returns, &why), OK);
	f->arena = arena_new();
	id_new(NOW, f->id);
	assert_true(returns_address(f->returns, bytes_of(f->id), BYTES("ann@there.test"), NOW,
				    f->path));
	const struct claim claim = {.message_id = bytes_of(f->id),
				    .recipient = BYTES("ann@there.test"),
				    .tenant = BYTES("acme"),
				    .pool = BYTES("news"),
				    .campaign = BYTES("spring")};
	assert_int_equal(
		claim_make(returns_keys(f->returns), CLAIM_FEEDBACK, &claim, NOW, f->claim), OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	returns_close(&f->returns);
	arena_free(&f->arena);
	unlink(f->keys);
	free(f);
	return 0;
}

static struct bytes bounce_of(struct fixture *f, const char *action, const char *recipients,
			      const char *original)
{
	return bytes_of(arena_printf(
		f->arena,
		"From: MAILER-DAEMON@mx.test\r\nContent-Type: multipart/report; "
		"report-type=delivery-status; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
		"%s\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--b--\r\n",
		arena_printf(f->arena, recipients, action, action), original));
}

#define ONE(address) "Final-Recipient: rfc822; " address "\r\nAction: %s\r\nStatus: 5.1.1\r\n"

static void read_mail(struct fixture *f, struct bytes mail, const char *to, int64_t wall_ms)
{
	struct bytes *recipient = arena_zalloc(f->arena, 1, sizeof *recipient);
	*recipient = bytes_of(to);
	const struct inbound_mail inbound = {
		.recipients = recipient, .recipient_count = 1, .content = mail};
	report_read(f->arena, mail, &f->report);
	findings_of(f->arena, f->returns, &inbound, &f->report, wall_ms, &f->found);
}

static void assert_proved(const struct fixture *f, enum finding_kind kind, const char *address)
{
	assert_int_equal(f->found.fate, MAIL_FOUND);
	assert_int_equal(f->found.count, 1);
	const struct finding *finding = &f->found.items[0];
	assert_true(finding->is_proved);
	assert_int_equal(finding->kind, kind);
	assert_true(bytes_is(finding->address, address));
	assert_true(bytes_is(finding->message_id, f->id));
	assert_int_equal(finding->day_wall_ms, 20000 * DAY);
}

static void assert_nothing_proved(const struct fixture *f)
{
	for (size_t i = 0; i < f->found.count; i++)
		assert_false(f->found.items[i].is_proved);
}

static const char *original(struct fixture *f)
{
	return arena_printf(f->arena, "Subject: x\r\nCFBL-Feedback-ID:\r\n %s\r\n", f->claim);
}

static void test_a_token_proves_its_recipient_in_any_spelling(void **state)
{
	struct fixture *f = *state;
	read_mail(f, bounce_of(f, "failed", ONE("Ann@THERE.test"), ""), f->path, NOW);
	assert_proved(f, FINDING_BOUNCE, "ann@there.test");
	assert_int_equal(f->found.items[0].pool.len, 0);
	for (char *c = f->path; *c; c++) /* hosts may change the case */
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	read_mail(f, bounce_of(f, "failed", ONE("ann@there.test"), ""), f->path, NOW);
	assert_proved(f, FINDING_BOUNCE, "ann@there.test");
}

static void test_a_token_proves_nobody_else(void **state)
{
	struct fixture *f = *state;
	read_mail(f, bounce_of(f, "failed", ONE("victim@there.test"), ""), f->path, NOW);
	assert_int_equal(f->found.fate, MAIL_UNPROVED);
	assert_nothing_proved(f);
	/* among others only its own counts */
	read_mail(f,
		  bounce_of(f, "failed", ONE("victim@there.test") "\r\n" ONE("ann@there.test"), ""),
		  f->path, NOW);
	assert_proved(f, FINDING_BOUNCE, "ann@there.test");
}

static void test_a_claim_tells_tenant_and_pool_and_who_was_forwarded(void **state)
{
	struct fixture *f = *state;
	read_mail(f, bounce_of(f, "failed", ONE("elsewhere@forward.test"), original(f)), f->path,
		  NOW);
	assert_proved(f, FINDING_BOUNCE, "ann@there.test");
	assert_true(bytes_is(f->found.items[0].tenant, "acme"));
	assert_true(bytes_is(f->found.items[0].pool, "news"));
	assert_true(bytes_is(f->found.items[0].campaign, "spring"));
	/* of two that failed it is not known which was forwarded */
	read_mail(f,
		  bounce_of(f, "failed", ONE("one@forward.test") "\r\n" ONE("two@forward.test"),
			    original(f)),
		  f->path, NOW);
	assert_nothing_proved(f);
}

static void test_proofs_grow_old(void **state)
{
	struct fixture *f = *state;
	struct bytes mail = bounce_of(f, "failed", ONE("ann@there.test"), original(f));
	read_mail(f, mail, f->path, NOW + 30 * DAY);
	assert_proved(f, FINDING_BOUNCE, "ann@there.test");
	read_mail(f, mail, f->path, NOW + 31 * DAY);
	assert_nothing_proved(f);
}

static void test_notices_are_no_bounces(void **state)
{
	struct fixture *f = *state;
	read_mail(f, bounce_of(f, "delayed", ONE("ann@there.test"), ""), f->path, NOW);
	assert_proved(f, FINDING_DELAY, "ann@there.test");
	read_mail(f, bounce_of(f, "delivered", ONE("ann@there.test"), ""), f->path, NOW);
	assert_int_equal(f->found.fate, MAIL_NOTICE);
	read_mail(f,
		  BYTES("From: ann@there.test\r\nAuto-Submitted: auto-replied\r\nSubject: away"
			"\r\n\r\nI am on holiday.\r\n"),
		  f->path, NOW);
	assert_int_equal(f->found.fate, MAIL_NOTICE);
}

static void test_without_keys_nothing_is_proved(void **state)
{
	struct fixture *f = *state;
	struct returns *returns = f->returns;
	f->returns = NULL;
	read_mail(f, bounce_of(f, "failed", ONE("ann@there.test"), original(f)), f->path, NOW);
	f->returns = returns;
	assert_int_equal(f->found.fate, MAIL_FOUND);
	assert_int_equal(f->found.count, 1);
	assert_nothing_proved(f);
}

static void test_feedback_types(void **state)
{
	enum finding_kind kind;
	(void)state;
	assert_true(finding_kind_of_feedback(BYTES("abuse"), &kind));
	assert_int_equal(kind, FINDING_COMPLAINT);
	assert_true(finding_kind_of_feedback(BYTES(""), &kind));
	assert_int_equal(kind, FINDING_COMPLAINT);
	assert_true(finding_kind_of_feedback(BYTES("Opt-Out-List"), &kind));
	assert_int_equal(kind, FINDING_UNSUBSCRIBE);
	assert_false(finding_kind_of_feedback(BYTES("not-spam"), &kind));
	assert_false(finding_kind_of_feedback(BYTES("auth-failure"), &kind));
}

/* With a token or a claim, it is the same report; another kind of it is not. */
static void test_a_report_is_known_again(void **state)
{
	struct fixture *f = *state;
	uint8_t by_token[SEEN_KEY_SIZE], by_claim[SEEN_KEY_SIZE], delayed[SEEN_KEY_SIZE];
	read_mail(f, bounce_of(f, "failed", ONE("ann@there.test"), ""), f->path, NOW);
	seen_key(&f->found.items[0], by_token);
	read_mail(f, bounce_of(f, "failed", ONE("ann@there.test"), original(f)), f->path, NOW);
	seen_key(&f->found.items[0], by_claim);
	read_mail(f, bounce_of(f, "delayed", ONE("ann@there.test"), ""), f->path, NOW);
	seen_key(&f->found.items[0], delayed);
	assert_memory_equal(by_token, by_claim, SEEN_KEY_SIZE);
	assert_memory_not_equal(by_token, delayed, SEEN_KEY_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_token_proves_its_recipient_in_any_spelling),
		TEST(test_a_token_proves_nobody_else),
		TEST(test_a_claim_tells_tenant_and_pool_and_who_was_forwarded),
		TEST(test_proofs_grow_old),
		TEST(test_notices_are_no_bounces),
		TEST(test_without_keys_nothing_is_proved),
		TEST(test_feedback_types),
		TEST(test_a_report_is_known_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
