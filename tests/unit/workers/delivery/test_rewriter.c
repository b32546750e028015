/* Mail written again: small mail at once, large mail later, from a thread; and a rewriter that goes while it works. */
#include "tests/check.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/loop/loop.h"
#include "workers/delivery/rewriter.h"

#define HEADER	 "From: a@x.example\r\nSubject: x\r\n\r\n"
#define LARGE	 ((size_t)3 << 20)
#define TURNS_MS 20

static struct loop *loop;
static struct rewriter *rewriter;
static struct rewriting rewriting;
static uint8_t *large;
static int done_count;

static void on_done(struct rewriting *r)
{
	assert_ptr_equal(r, &rewriting);
	done_count++;
	loop_stop(loop);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	rewriter = rewriter_new(loop);
	large = memory_new(LARGE);
	memset(large, 'x', LARGE);
	memcpy(large, HEADER, strlen(HEADER));
	done_count = 0;
	rewriting = (struct rewriting){.kinds = REPAIR_BINARY | REPAIR_LONG_LINES, .done = on_done};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rewriter_free(&rewriter);
	loop_free(&loop);
	free(large);
	return 0;
}

static void test_small_mail_is_written_at_once(void **state)
{
	(void)state;
	rewriting.message = bytes_from(HEADER "a\0b\n\r", strlen(HEADER) + 5);
	assert_true(rewriter_write(rewriter, &rewriting));
	assert_int_equal(rewriting.err, OK);
	assert_false(rewriting.is_8bit);
	assert_true(bytes_is(buf_bytes(&rewriting.text),
			     "From: a@x.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
			     "Content-Transfer-Encoding: base64\r\n\r\nYQBiCg0=\r\n"));
	assert_int_equal(done_count, 0);
	buf_done(&rewriting.text);
}

static void test_what_cannot_be_written_has_a_reason(void **state)
{
	(void)state;
	rewriting.message = bytes_from("A: \0\r\n\r\nx\r\n", 11);
	assert_true(rewriter_write(rewriter, &rewriting));
	assert_int_equal(rewriting.err, E_MALFORMED);
	assert_true(rewriting.why.text[0]);
}

static void test_large_mail_is_written_later(void **state)
{
	(void)state;
	rewriting.message = bytes_from(large, LARGE);
	assert_false(rewriter_write(rewriter, &rewriting));
	assert_int_equal(done_count, 0);
	loop_run(loop);
	assert_int_equal(done_count, 1);
	assert_int_equal(rewriting.err, OK);
	assert_true(rewriting.text.len > LARGE);
	assert_false(repair_is_needed(buf_bytes(&rewriting.text), REPAIR_BINARY | REPAIR_LONG_LINES,
				      REWRITER_LINE_MAX));
	buf_done(&rewriting.text);
}

/* Nothing is told, and nothing is left behind: the sanitizers would see it. */
static void test_it_may_go_while_it_writes(void **state)
{
	(void)state;
	rewriting.message = bytes_from(large, LARGE);
	assert_false(rewriter_write(rewriter, &rewriting));
	rewriter_free(&rewriter);
	assert_int_equal(done_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_small_mail_is_written_at_once),
		TEST(test_what_cannot_be_written_has_a_reason),
		TEST(test_large_mail_is_written_later),
		TEST(test_it_may_go_while_it_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
