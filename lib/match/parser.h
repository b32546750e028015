/* A pattern that is being read: what parse.c and the reader of classes share. */
#ifndef LEVERET_LIB_MATCH_PARSER_H
#define LEVERET_LIB_MATCH_PARSER_H

#include "lib/match/inner.h"

struct parser {
	struct arena *arena;
	struct bytes text;
	size_t at;
	unsigned depth; /* groups that are open */
	bool minds_case;
	enum err err; /* the first fault */
	struct why *why;
};

/* Gives NULL, so that refusing is one line. */
struct match_tree *parser_refuse(struct parser *parser, size_t at, const char *expected);
int parser_peek(const struct parser *parser); /* -1: at the end */
bool parser_take(struct parser *parser, const char *text);

/* ---- class.c ---- */
bool class_is_digit(unsigned c);
void class_invert(struct byte_set *set);
void class_add_byte(const struct parser *parser, struct byte_set *set, unsigned c);
/* \d \w \s and their opposites; false: `name` is none of them. */
bool class_add_named(struct byte_set *set, int name);
/* Behind a backslash, of what stands for one byte; -1: none. */
int class_parse_escaped(struct parser *parser);
/* "[...]"; false after a fault. */
bool class_parse(struct parser *parser, struct byte_set *ret);

#endif
