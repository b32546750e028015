/* What lanes tell those who trace: hosts, sessions, messages, waits; of what belongs to their tap, and nothing else. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#include "lib/base/memory.h"

#define SETTINGS                                                                                   \
	"workers: {max_sessions: 40}\n"                                                            \
	"sites:\n  default: {connections: 2, tls: opportunistic, connection_idle: 2s}\n"           \
	"  named: {domains: [named.example]}\n"

static struct taps *taps;
static struct buf told;

static bool on_answer(void *owner, const struct reply_address *to, struct bytes answer)
{
	struct tap_head head;
	struct bytes lines;
	(void)owner, (void)to;
	assert_true(tap_head_read(answer, &head, &lines));
	assert_int_equal(buf_append(&told, lines), OK);
	return true;
}

static int setup(void **state)
{
	(void)state;
	world_open(SETTINGS);
	buf_init(&told, 1 << 20);
	taps = taps_new(&(const struct taps_options){
		.loop = world.loop, .worker = "w", .host = "w", .send = on_answer});
	errands_open((struct lanes_options){.taps = taps});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	errands_close();
	taps_free(&taps);
	buf_done(&told);
	world_close();
	return 0;
}

static void wish(const char *text)
{
	struct tap_wish wish;
	struct reply_address *address = memory_new(1); /* nobody here looks into it */
	assert_true(tap_wish_read(bytes_of(text), &wish));
	taps_heed(taps, &wish, &address);
}

static void submit(size_t index, const char *recipient)
{
	(void)errand_submit(index, recipient, NULL, &first_source);
}

static bool is_told(const char *text)
{
	return told.len > 0 && memmem(buf_bytes(&told).data, told.len, text, strlen(text)) != NULL;
}

static void assert_told(const char *text)
{
	if (!is_told(text))
		print_error("not told: %s\n%.*s", text, BYTES_ARGS(buf_bytes(&told)));
	assert_true(is_told(text));
}

static void test_hosts_sessions_and_messages_are_told(void **state)
{
	(void)state;
	wish("id=1\ndomain=x.example\n");
	submit(0, "ok@x.example");
	submit(1, "ok@y.example");
	world_turn(200);
	assert_int_equal(errands_done(), 2);
	assert_told("host 1 of x.example: mx.x.example 203.0.114.1:25, tls opportunistic (none)");
	assert_told("session to mx.x.example 203.0.114.1:25 for x.example");
	assert_told("for 1 recipients");
	assert_told("kept, to be used again");
	assert_false(is_told("y.example"));
	buf_clear(&told);
	submit(2, "ok@x.example");
	world_turn(200);
	assert_told("session reused to mx.x.example");
}

static void test_a_domain_that_does_not_exist_is_told(void **state)
{
	(void)state;
	wish("id=1\nrecipient=a@gone.example\n");
	submit(0, "a@gone.example");
	world_turn(200);
	assert_told("no host: 5");
}

static void test_what_is_waited_for_is_told_once(void **state)
{
	(void)state;
	wish("id=1\nsite=z.example\n");
	world.is_mute = true;
	for (size_t i = 0; i < 9; i++)
		submit(i, "ok@z.example");
	world_turn(1500);
	assert_told("z.example waits: as many sessions are open as may be");
	struct bytes rest = buf_bytes(&told);
	size_t count = 0;
	for (size_t i = 0; i + 6 < rest.len; i++)
		count += memcmp(rest.data + i, "waits:", 6) == 0;
	assert_int_equal(count, 1);
	world_answer();
	world_turn(600);
	assert_int_equal(errands_done(), 9);
}

static void test_a_tap_hears_of_what_is_under_way(void **state)
{
	(void)state;
	world.is_mute = true;
	submit(0, "ok@x.example");
	world_turn(50);
	wish("id=1\nsite=x.example\n");
	wish("id=2\nsite=other.example\nas_json=1\n");
	world_turn(200);
	assert_told("session to mx.x.example");
	assert_told("it is at rcpt");
	assert_false(is_told("{"));
	world_answer();
	world_turn(50);
}

static void test_nothing_is_told_when_it_has_ended(void **state)
{
	(void)state;
	wish("id=1\nsite=x.example\n");
	wish("id=1\nends=1\n");
	submit(0, "ok@x.example");
	world_turn(200);
	assert_int_equal(errands_done(), 1);
	assert_int_equal(told.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hosts_sessions_and_messages_are_told),
		TEST(test_a_domain_that_does_not_exist_is_told),
		TEST(test_what_is_waited_for_is_told_once),
		TEST(test_a_tap_hears_of_what_is_under_way),
		TEST(test_nothing_is_told_when_it_has_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
