/* The files of configs/bounces/, put into the program by the assembler, so that it classifies wherever it runs. */
#include "lib/report/rules.h"

#define SHIP(name)                                                                                 \
	__asm__(".section .rodata\n.global shipped_" #name "\nshipped_" #name                      \
		":\n.incbin \"" LEVERET_RULES_DIR "/" #name ".yaml\"\n.byte 0\n.previous\n");      \
	extern const char shipped_##name[];

SHIP(providers)
SHIP(texts)
SHIP(codes)

const struct shipped_rules shipped_rules[] = {
	{"providers.yaml", shipped_providers},
	{"texts.yaml", shipped_texts},
	{"codes.yaml", shipped_codes},
};
const size_t shipped_rules_count = sizeof shipped_rules / sizeof shipped_rules[0];
