/* What holds for every webhook: secrets, signatures, answers and waits. */
#include "tests/check.h"

#include <string.h>

#include "bouncer/telling/webhook_rules.h"
#include "bouncer/telling/webhook_settings.h"
#include "bouncer/telling/webhook_state.h"

static void test_secrets_and_signatures_are_those_of_standard_webhooks(void **state)
{
	struct webhook_key key;
	char signature[WEBHOOK_SIGNATURE_SIZE];
	struct why why;
	(void)state;
	assert_int_equal(webhook_key_parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &key, &why),
			 OK);
	assert_int_equal(key.len, 24);
	/* the example of the specification's reference libraries */
	webhook_sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
		     BYTES("{\"test\": 2432232314}"), signature);
	assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_int_equal(webhook_key_parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &key, &why),
			 E_MALFORMED);
	assert_int_equal(webhook_key_parse("whsec_c2hvcnQ=", &key, &why), E_MALFORMED);
	assert_int_equal(webhook_key_parse("whsec_###", &key, &why), E_MALFORMED);
}

static void test_answers_decide_what_follows(void **state)
{
	(void)state;
	assert_int_equal(webhook_judge(OK, 204), WEBHOOK_TAKEN);
	assert_int_equal(webhook_judge(E_TOO_BIG, 200), WEBHOOK_TAKEN);
	assert_int_equal(webhook_judge(OK, 410), WEBHOOK_GONE);
	assert_int_equal(webhook_judge(OK, 422), WEBHOOK_REFUSED);
	assert_int_equal(webhook_judge(OK, 500), WEBHOOK_AWAY);
	assert_int_equal(webhook_judge(OK, 302), WEBHOOK_AWAY);
	assert_int_equal(webhook_judge(OK, 429), WEBHOOK_AWAY);
	assert_int_equal(webhook_judge(E_TIMEOUT, 0), WEBHOOK_AWAY);
	assert_int_equal(webhook_judge(E_IO, 200), WEBHOOK_AWAY); /* cut off */
}

static void test_waits_grow_to_a_limit(void **state)
{
	(void)state;
	assert_int_equal(webhook_backoff_ms(1, 0, 0), 1000);
	assert_int_equal(webhook_backoff_ms(4, 0, 0), 8000);
	assert_int_equal(webhook_backoff_ms(4000, 0, 0), 300000);
	assert_int_equal(webhook_backoff_ms(1, 0, 1), 1200);
	assert_int_equal(webhook_backoff_ms(1, 30, 0), 30000);
	assert_int_equal(webhook_backoff_ms(1, INT64_MAX, 0), 3600000);
	assert_int_equal(webhook_retry_ms(-5, 0), 5000);
	assert_int_equal(webhook_retry_ms(60000, 0), 60000);
	assert_int_equal(webhook_retry_ms(INT64_MAX, 0), 3600000);
}

static void test_a_webhook_gets_the_kinds_and_the_tenant_it_wants(void **state)
{
	const char *kinds[] = {"bounced", "suppression_added"};
	struct webhook_settings settings = {.tenant = "", .events = {kinds, 2}};
	struct bouncer_event event = {
		.kind = EVENT_BOUNCED, .has_result = true, .result.labels.tenant = BYTES("acme")};
	(void)state;
	assert_true(webhook_wants(&settings, &event));
	event.kind = EVENT_DELIVERED;
	assert_false(webhook_wants(&settings, &event));
	settings.tenant = "acme";
	event.kind = EVENT_BOUNCED;
	assert_true(webhook_wants(&settings, &event));
	settings.tenant = "other";
	assert_false(webhook_wants(&settings, &event));
	event = (struct bouncer_event){.kind = EVENT_SUPPRESSION_ADDED,
				       .has_suppression = true,
				       .suppression.tenant = BYTES("other")};
	assert_true(webhook_wants(&settings, &event));
	kinds[0] = "alert";
	event = (struct bouncer_event){
		.kind = EVENT_ALERT, .has_alert_state = true, .alert_state.tenant = BYTES("other")};
	assert_true(webhook_wants(&settings, &event));
	event.alert_state.tenant = BYTES_NONE;
	assert_false(webhook_wants(&settings, &event));
}

static void test_a_state_is_read_as_it_was_written(void **state)
{
	const struct webhook_state before = {.mode = WEBHOOK_DISABLED,
					     .mode_since_wall_ms = 1,
					     .events = 2,
					     .requests = 3,
					     .failures = 4,
					     .failures_in_row = 5,
					     .buried = 6,
					     .ok_at_wall_ms = 7,
					     .fail_at_wall_ms = 8,
					     .why = "HTTP status 410"};
	uint8_t value[WEBHOOK_STATE_MAX];
	struct webhook_state after;
	(void)state;
	size_t len = webhook_state_write(&before, value);
	assert_int_equal(webhook_state_read(bytes_from(value, len), &after), OK);
	assert_int_equal(after.mode, WEBHOOK_DISABLED);
	assert_int_equal(after.buried, 6);
	assert_string_equal(after.why, before.why);
	for (size_t cut = 0; cut < 72; cut++)
		assert_int_equal(webhook_state_read(bytes_from(value, cut), &after), E_MALFORMED);
	value[0] = 9;
	assert_int_equal(webhook_state_read(bytes_from(value, len), &after), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_and_signatures_are_those_of_standard_webhooks),
		cmocka_unit_test(test_answers_decide_what_follows),
		cmocka_unit_test(test_waits_grow_to_a_limit),
		cmocka_unit_test(test_a_webhook_gets_the_kinds_and_the_tenant_it_wants),
		cmocka_unit_test(test_a_state_is_read_as_it_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
