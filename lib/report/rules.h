/* Rules of classification, as the files in configs/bounces/ have them: read by the settings' parser, checked, in order. */
#ifndef LEVERET_LIB_REPORT_RULES_H
#define LEVERET_LIB_REPORT_RULES_H

#include "lib/conf/conf.h"
#include "lib/conf/shipped.h"
#include "lib/report/class.h"

struct rule { /* one entry of `rules:` */
#define X(field, type, ...) conf_##type field;
#include "lib/report/rule.def"
#undef X
};
struct rule_file {
	struct conf_items rules;
};
extern const struct conf_section rule_file_section;

/* The files that are built into the program, in the order they are asked. */
extern const struct shipped_file shipped_rules[];
extern const size_t shipped_rules_count;

#endif
