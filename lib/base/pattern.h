/* Patterns of people: `*` stands for any run of bytes, all else for itself. */
#ifndef LEVERET_LIB_BASE_PATTERN_H
#define LEVERET_LIB_BASE_PATTERN_H

#include "lib/base/bytes.h"

/* Pure. At worst the product of both lengths. ignores_case: of ASCII letters. */
bool pattern_matches(const char *pattern, struct bytes text, bool ignores_case);

#endif
