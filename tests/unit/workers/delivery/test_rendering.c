/* A skeleton is rendered for each recipient by its variables, and none of them begins a header field. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/delivery/rendering.h"

struct fixture {
	struct arena *arena;
	struct segment segments[8];
	struct recipient recipients[2];
	struct delivery_request mail;
	struct buf encoded, out;
	struct why why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->arena = arena_new();
	buf_init(&f->encoded, 1 << 20);
	buf_init(&f->out, 1 << 20);
	f->recipients[0] = (struct recipient){.address = BYTES("ada@x.example"),
					      .id = BYTES("M.1"),
					      .name = BYTES("Ada"),
					      .variables = BYTES("{\"name\": \"A\\r\\nX: <b>\"}")};
	f->recipients[1] = (struct recipient){.address = BYTES("bob@x.example"),
					      .shown_address = BYTES("list@x.example"),
					      .variables = BYTES("{}")};
	f->mail = (struct delivery_request){
		.id = BYTES("M"), .recipients = f->recipients, .recipient_count = 2};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	buf_done(&f->encoded);
	buf_done(&f->out);
	free(f);
	return 0;
}

static enum err render(struct fixture *f, size_t count, size_t recipient)
{
	struct rendering *rendering = NULL;
	struct skeleton skeleton = {f->segments, count, BYTES("{\"name\": \"you\"}")};
	buf_clear(&f->encoded);
	buf_clear(&f->out);
	assert_int_equal(skeleton_encode(&skeleton, &f->encoded), OK);
	f->mail.content = buf_bytes(&f->encoded);
	enum err err = rendering_read(f->arena, &f->mail, &rendering, &f->why);
	return err == OK ? rendering_write(rendering, &f->recipients[recipient], &f->out, &f->why)
			 : err;
}

static void assert_mail(struct fixture *f, size_t count, size_t recipient, const char *wanted)
{
	assert_int_equal(render(f, count, recipient), OK);
	assert_int_equal(buf_append(&f->out, bytes_from("", 1)), OK);
	assert_string_equal((const char *)buf_bytes(&f->out).data, wanted);
}

static void test_each_recipient_has_its_own_mail(void **state)
{
	struct fixture *f = *state;
	f->segments[0] = (struct segment){.kind = SEGMENT_LITERAL, .text = BYTES("Date: x\r\n")};
	f->segments[1] = (struct segment){SEGMENT_MAILBOX, BYTES("From"), BYTES("s@x.example"),
					  BYTES("Shop of {{name}}")};
	f->segments[2] = (struct segment){.kind = SEGMENT_TO};
	f->segments[3] = (struct segment){
		.kind = SEGMENT_HEADER, .name = BYTES("Subject"), .text = BYTES("Hi {{name}}")};
	f->segments[4] = (struct segment){.kind = SEGMENT_MESSAGE_ID, .text = BYTES("x.example")};
	f->segments[5] = (struct segment){.kind = SEGMENT_LITERAL, .text = BYTES("\r\n")};
	f->segments[6] = (struct segment){.kind = SEGMENT_TEXT_BODY, .text = BYTES("{{name}}")};
	f->segments[7] = (struct segment){.kind = SEGMENT_HTML_BODY, .text = BYTES("{{name}}")};
	assert_mail(f, 8, 0,
		    "Date: x\r\nFrom: \"Shop of A X: <b>\"\r\n <s@x.example>\r\n"
		    "To: \"Ada\"\r\n <ada@x.example>\r\nSubject: Hi A X: <b>\r\n"
		    "Message-ID: <M.1@x.example>\r\n\r\nA\r\nX: <b>\r\nA\r\nX: &lt;b&gt;\r\n");
	assert_mail(f, 8, 1,
		    "Date: x\r\nFrom: \"Shop of you\"\r\n <s@x.example>\r\n"
		    "To: <list@x.example>\r\nSubject: Hi you\r\n"
		    "Message-ID: <M@x.example>\r\n\r\nyou\r\nyou\r\n");
}

static void test_content_that_is_no_skeleton_is_refused(void **state)
{
	struct fixture *f = *state;
	struct rendering *rendering = NULL;
	assert_true(rendering_is_needed(&f->mail));
	f->mail.content = BYTES("Subject: x\r\n\r\n");
	assert_int_equal(rendering_read(f->arena, &f->mail, &rendering, &f->why), E_MALFORMED);
	f->segments[0] = (struct segment){.kind = SEGMENT_TEXT_BODY, .text = BYTES("{{name")};
	assert_int_equal(render(f, 1, 0), E_MALFORMED);
}

static void test_too_much_is_told(void **state)
{
	struct fixture *f = *state;
	f->recipients[0].variables = BYTES("{\"a\": [1,2,3,4,5,6,7,8,9,0]}");
	f->segments[0] = (struct segment){
		.kind = SEGMENT_TEXT_BODY,
		.text = BYTES("{{#each a}}{{#each a}}{{#each a}}{{#each a}}{{#each a}}{{#each a}}x"
			      "{{/each}}{{/each}}{{/each}}{{/each}}{{/each}}{{/each}}")};
	assert_int_equal(render(f, 1, 0), E_TOO_BIG);
	assert_non_null(strstr(f->why.text, "the template makes more of these variables"));
}

/* A few steps, and many bytes: of 100 times 64 KiB only so much is ever written. */
static void test_a_small_template_does_not_make_a_large_mail(void **state)
{
	static char variables[70000], text[] = "{{#each a}}{{x}}{{/each}}";
	struct fixture *f = *state;
	(void)strcpy(variables, "{\"a\": [1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0], \"x\": \"");
	size_t len = strlen(variables);
	memset(variables + len, 'x', 60000);
	(void)strcpy(variables + len + 60000, "\"}");
	f->recipients[0].variables = bytes_of(variables);
	buf_done(&f->out);
	buf_init(&f->out, RENDERED_MAX);
	f->segments[0] = (struct segment){.kind = SEGMENT_TEXT_BODY, .text = bytes_of(text)};
	assert_int_equal(render(f, 1, 0), E_FULL);
	assert_true(f->out.len < 2 * RENDERED_GROWTH_MAX);
	assert_non_null(strstr(f->why.text, "the template makes more of these variables"));
	for (size_t i = 0; i < 8; i++) /* nor do many parts of it */
		f->segments[i] = (struct segment){.kind = SEGMENT_TEXT_BODY,
						  .text = BYTES("{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}")};
	assert_int_equal(render(f, 8, 0), E_FULL);
	assert_true(f->out.len < 2 * RENDERED_GROWTH_MAX);
	assert_int_equal(render(f, 2, 0), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_recipient_has_its_own_mail, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_content_that_is_no_skeleton_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_too_much_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_small_template_does_not_make_a_large_mail,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
