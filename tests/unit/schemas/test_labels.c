/* Labels of a message and of a recipient: the recipient's win, and results stay within what results may hold. */
#include "tests/check.h"

#include "schemas/schemas.h"

static void test_a_recipients_own_labels_come_first_and_win(void **state)
{
	struct arena *arena = arena_new();
	struct bytes tags[] = {BYTES("all")}, own_tags[] = {BYTES("mine")};
	struct pair metadata[] = {{BYTES("kind"), BYTES("news")}, {BYTES("lang"), BYTES("en")}};
	struct pair own_metadata[] = {{BYTES("lang"), BYTES("de")}};
	struct labels message = {.campaign = BYTES("spring"),
				 .tags = tags,
				 .tag_count = 1,
				 .metadata = metadata,
				 .metadata_count = 2};
	struct labels own = {.tags = own_tags,
			     .tag_count = 1,
			     .metadata = own_metadata,
			     .metadata_count = 1,
			     .echo = BYTES("again")};
	(void)state;
	struct labels both = labels_with(arena, &message, &own);
	assert_true(bytes_is(both.campaign, "spring"));
	assert_int_equal(both.tag_count, 2);
	assert_true(bytes_is(both.tags[0], "mine"));
	assert_true(bytes_is(both.echo, "again"));
	assert_int_equal(both.metadata_count, 2);
	assert_true(bytes_is(both.metadata[0].value, "de"));
	assert_true(bytes_is(both.metadata[1].name, "kind"));
	arena_free(&arena);
}

static void test_there_are_never_too_many(void **state)
{
	struct arena *arena = arena_new();
	struct bytes tags[SCHEMA_TAGS_MAX];
	(void)state;
	for (size_t i = 0; i < SCHEMA_TAGS_MAX; i++)
		tags[i] = BYTES("t");
	struct labels labels = {.tags = tags, .tag_count = SCHEMA_TAGS_MAX};
	assert_int_equal(labels_with(arena, &labels, &labels).tag_count, SCHEMA_TAGS_MAX);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recipients_own_labels_come_first_and_win),
		cmocka_unit_test(test_there_are_never_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
