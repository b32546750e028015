/* The files of configs/bounces/, in the order they are asked, so that replies are classified wherever the program runs. */
#include "lib/report/rules.h"

#define FILES(X)                                                                                   \
	X(providers)                                                                               \
	X(texts)                                                                                   \
	X(codes)
#define TEXT(name) SHIPPED_TEXT(bounces, LEVERET_RULES_DIR, name)
#define ROW(name)  SHIPPED_ROW(bounces, "", name)
FILES(TEXT)
const struct shipped_file shipped_rules[] = {FILES(ROW)};
const size_t shipped_rules_count = sizeof shipped_rules / sizeof shipped_rules[0];
