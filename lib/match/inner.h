/* What the parser, the compiler and the matcher of patterns share. */
#ifndef LEVERET_LIB_MATCH_INNER_H
#define LEVERET_LIB_MATCH_INNER_H

#include "lib/base/arena.h"
#include "lib/match/match.h"

/* Which bytes may stand at a place. */
struct byte_set {
	uint64_t bits[4];
};
static inline bool byte_set_has(const struct byte_set *set, unsigned byte)
{
	return (set->bits[byte / 64] >> byte % 64 & 1) != 0;
}
static inline void byte_set_add(struct byte_set *set, unsigned byte)
{
	set->bits[byte / 64] |= (uint64_t)1 << byte % 64;
}

/* What no byte is taken for. */
enum match_assert { ASSERT_BEGIN, ASSERT_END, ASSERT_BORDER, ASSERT_NO_BORDER };

/* ---- a pattern as a tree ---- */

enum tree_kind { TREE_SET, TREE_ASSERT, TREE_SEQUENCE, TREE_CHOICE, TREE_REPEAT };
#define TREE_NO_END 0xffff

struct match_tree {
	enum tree_kind kind;
	struct byte_set set;	     /* TREE_SET */
	enum match_assert assertion; /* TREE_ASSERT */
	uint16_t least, most;	     /* TREE_REPEAT; TREE_NO_END: no most */
	struct match_tree *child;    /* the last part first, as the compiler wants it */
	struct match_tree *sibling;
};
enum err match_parse(struct arena *arena, struct bytes pattern, struct match_tree **ret,
		     struct why *why) MUST_USE;

/* ---- all patterns as one machine (Thompson's) ---- */

enum node_kind { NODE_SET, NODE_SPLIT, NODE_ASSERT, NODE_MATCH };
struct match_node {
	uint8_t kind;
	uint16_t next;
	uint16_t
		other; /* SET: class of bytes; SPLIT: second next; ASSERT: which; MATCH: the pattern */
};

enum byte_kind { BYTE_NONE, BYTE_OTHER, BYTE_WORD }; /* NONE: before the text and behind it */

struct match_set {
	struct match_node *nodes;
	size_t node_count, node_capacity;
	uint16_t *starts; /* of each pattern */
	size_t pattern_count;
	/* While compiling, of bytes; then of columns. */
	struct byte_set *classes;
	size_t class_count;
	/* Bytes that no pattern tells apart share a column. */
	uint8_t column_of[256];
	uint8_t column_kind[256]; /* enum byte_kind */
	unsigned column_count;
};
/* Adds a pattern; `set` is as before when it does not fit. */
enum err match_compile(struct match_set *set, const struct match_tree *tree,
		       struct why *why) MUST_USE;
/* After the last pattern. */
void match_columns(struct match_set *set);

bool match_is_word_byte(unsigned byte);

#endif
