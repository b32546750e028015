/* What every test includes first: cmocka with the headers it needs before it. */
#ifndef LEVERET_TESTS_CHECK_H
#define LEVERET_TESTS_CHECK_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#undef fail /* ours is lib/base/err.h's */

#endif
