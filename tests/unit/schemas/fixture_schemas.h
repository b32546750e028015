/* What the tests of the schemas share: golden files, and messages put together byte by byte as no encoder would. */
#ifndef LEVERET_TESTS_UNIT_SCHEMAS_FIXTURE_SCHEMAS_H
#define LEVERET_TESTS_UNIT_SCHEMAS_FIXTURE_SCHEMAS_H

/* Before cmocka.h, whose macro fail() is not ours. */
#include "lib/base/arena.h"
#include "lib/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* An arena and a buffer for each test, as *state. */
struct fixture {
	struct arena *arena;
	struct buf out;
	struct why why;
};
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define test_with_fixture(test)                                                                    \
	cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

/* A file of tests/golden/v1. */
struct bytes golden(struct fixture *f, const char *name);
struct bytes golden_of(struct fixture *f, const char *version, const char *name);

void assert_bytes_are(struct bytes b, const char *text);
/* Append a field of the given number, as bytes or as a number. */
void put_bytes(struct buf *out, unsigned number, struct bytes b);
void put_text(struct buf *out, unsigned number, const char *text);
void put_number(struct buf *out, unsigned number, uint64_t value);
void put_raw(struct buf *out, struct bytes b);
/* The smallest submission that is one. */
void put_submission(struct buf *out);

#endif
