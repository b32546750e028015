/* Trees become nodes from their end to their start, so that every node knows its next when it is made. */
#include <string.h>

#include "lib/base/memory.h"
#include "lib/match/inner.h"

#define NODE_NO 0xffff

struct compiler {
	struct match_set *set;
	size_t node_limit;
	unsigned steps; /* repetitions of nothing make no nodes, but take time */
	struct why *why;
};

/* ---- nodes ---- */

static uint16_t new_node(struct compiler *compiler, enum node_kind kind, uint16_t next,
			 uint16_t other)
{
	struct match_set *set = compiler->set;
	if (set->node_count >= compiler->node_limit)
		return NODE_NO;
	if (set->node_count >= set->node_capacity) {
		set->node_capacity = set->node_capacity ? set->node_capacity * 2 : 256;
		set->nodes = memory_grow(set->nodes, set->node_capacity, sizeof(struct match_node));
	}
	set->nodes[set->node_count] = (struct match_node){(uint8_t)kind, next, other};
	return (uint16_t)set->node_count++;
}

/* The class with these bytes, made when it is new. */
static uint16_t class_of(struct compiler *compiler, const struct byte_set *bytes)
{
	struct match_set *set = compiler->set;
	for (size_t i = 0; i < set->class_count; i++)
		if (memcmp(&set->classes[i], bytes, sizeof *bytes) == 0)
			return (uint16_t)i;
	if (set->class_count >= MATCH_SET_CLASSES_MAX)
		return NODE_NO;
	set->classes = memory_grow(set->classes, set->class_count + 1, sizeof(struct byte_set));
	set->classes[set->class_count] = *bytes;
	return (uint16_t)set->class_count++;
}

/* ---- trees ---- */

/* Gives the first node of a tree behind which comes `next`; NODE_NO: it does not fit. */
static uint16_t emit(struct compiler *compiler, const struct match_tree *tree, uint16_t next);

static uint16_t emit_set(struct compiler *compiler, const struct match_tree *tree, uint16_t next)
{
	uint16_t number = class_of(compiler, &tree->set);
	return number == NODE_NO ? NODE_NO : new_node(compiler, NODE_SET, next, number);
}

static uint16_t emit_sequence(struct compiler *compiler, const struct match_tree *tree,
			      uint16_t next)
{
	for (const struct match_tree *part = tree->child; part && next != NODE_NO;
	     part = part->sibling)
		next = emit(compiler, part, next);
	return next;
}

static uint16_t emit_choice(struct compiler *compiler, const struct match_tree *tree, uint16_t next)
{
	uint16_t first = emit(compiler, tree->child, next);
	for (const struct match_tree *branch = tree->child->sibling; branch && first != NODE_NO;
	     branch = branch->sibling) {
		uint16_t start = emit(compiler, branch, next);
		first = start == NODE_NO ? NODE_NO : new_node(compiler, NODE_SPLIT, start, first);
	}
	return first;
}

static uint16_t emit_loop(struct compiler *compiler, const struct match_tree *body, uint16_t next)
{
	uint16_t split = new_node(compiler, NODE_SPLIT, next, next);
	if (split == NODE_NO)
		return NODE_NO;
	uint16_t start = emit(compiler, body, split);
	if (start == NODE_NO)
		return NODE_NO;
	compiler->set->nodes[split].next = start;
	return split;
}

/* x{2,4} is xx(x(x)?)? */
static uint16_t emit_repeat(struct compiler *compiler, const struct match_tree *tree, uint16_t next)
{
	uint16_t behind = next;
	if (tree->most == TREE_NO_END)
		next = emit_loop(compiler, tree->child, next);
	for (unsigned i = tree->least;
	     tree->most != TREE_NO_END && i < tree->most && next != NODE_NO; i++) {
		uint16_t start = emit(compiler, tree->child, next);
		next = start == NODE_NO ? NODE_NO : new_node(compiler, NODE_SPLIT, start, behind);
	}
	for (unsigned i = 0; i < tree->least && next != NODE_NO; i++)
		next = emit(compiler, tree->child, next);
	return next;
}

static uint16_t emit(struct compiler *compiler, const struct match_tree *tree, uint16_t next)
{
	if (compiler->steps++ > 4 * MATCH_NODES_MAX)
		return NODE_NO;
	switch (tree->kind) {
	case TREE_SET:
		return emit_set(compiler, tree, next);
	case TREE_ASSERT:
		return new_node(compiler, NODE_ASSERT, next, (uint16_t)tree->assertion);
	case TREE_SEQUENCE:
		return emit_sequence(compiler, tree, next);
	case TREE_CHOICE:
		return emit_choice(compiler, tree, next);
	case TREE_REPEAT:
		return emit_repeat(compiler, tree, next);
	}
	return NODE_NO;
}

enum err match_compile(struct match_set *set, const struct match_tree *tree, struct why *why)
{
	size_t before = set->node_count, limit = before + MATCH_NODES_MAX;
	bool is_set_full = limit > MATCH_SET_NODES_MAX;
	struct compiler compiler = {
		.set = set, .node_limit = is_set_full ? MATCH_SET_NODES_MAX : limit, .why = why};
	uint16_t end = new_node(&compiler, NODE_MATCH, 0, (uint16_t)set->pattern_count);
	uint16_t start = end == NODE_NO ? NODE_NO : emit(&compiler, tree, end);
	if (start != NODE_NO) {
		set->starts[set->pattern_count++] = start;
		return OK;
	}
	set->node_count = before;
	if (set->class_count >= MATCH_SET_CLASSES_MAX)
		return fail(why, E_TOO_BIG,
			    "the patterns have more than %d different classes together",
			    MATCH_SET_CLASSES_MAX);
	if (is_set_full && compiler.steps <= 4 * MATCH_NODES_MAX)
		return fail(why, E_TOO_BIG,
			    "the patterns are too large together: more than %d places",
			    MATCH_SET_NODES_MAX);
	return fail(why, E_TOO_BIG,
		    "too large with its repetitions written out: more than %d places",
		    MATCH_NODES_MAX);
}

/* ---- columns ---- */

/* Bytes stay in one column as long as every class holds all of them or none. */
static void divide(uint16_t column[256], unsigned *column_count, const struct byte_set *by)
{
	uint16_t renamed[256];
	memset(renamed, 0xff, sizeof renamed);
	bool is_out[256] = {false};
	for (unsigned c = 0; c < 256; c++)
		if (!byte_set_has(by, c))
			is_out[column[c]] = true;
	for (unsigned c = 0; c < 256; c++) {
		unsigned old = column[c];
		if (!byte_set_has(by, c) || !is_out[old])
			continue;
		if (renamed[old] == 0xffff)
			renamed[old] = (uint16_t)(*column_count)++;
		column[c] = renamed[old];
	}
}

void match_columns(struct match_set *set)
{
	uint16_t column[256] = {0};
	struct byte_set words = {{0}};
	unsigned count = 1;
	for (unsigned c = 0; c < 256; c++)
		if (match_is_word_byte(c))
			byte_set_add(&words, c);
	divide(column, &count, &words);
	for (size_t i = 0; i < set->class_count; i++)
		divide(column, &count, &set->classes[i]);
	for (unsigned c = 0; c < 256; c++) {
		set->column_of[c] = (uint8_t)column[c];
		set->column_kind[column[c]] = match_is_word_byte(c) ? BYTE_WORD : BYTE_OTHER;
	}
	set->column_count = count;
	for (size_t i = 0; i < set->class_count; i++) {
		struct byte_set columns = {{0}};
		for (unsigned c = 0; c < 256; c++)
			if (byte_set_has(&set->classes[i], c))
				byte_set_add(&columns, column[c]);
		set->classes[i] = columns;
	}
}

/* ---- sets ---- */

static enum err add_pattern(struct match_set *set, const char *pattern, struct why *why)
{
	struct arena *arena = arena_new();
	struct match_tree *tree = NULL;
	enum err err = match_parse(arena, bytes_of(pattern), &tree, why);
	if (err == OK)
		err = match_compile(set, tree, why);
	arena_free(&arena);
	return err;
}

enum err match_set_new(const char *const *patterns, size_t count, struct match_set **ret,
		       size_t *ret_bad, struct why *why)
{
	if (count > MATCH_PATTERNS_MAX) {
		if (ret_bad)
			*ret_bad = MATCH_PATTERNS_MAX;
		return fail(why, E_TOO_BIG, "more than %d patterns", MATCH_PATTERNS_MAX);
	}
	struct match_set *set = memory_new(sizeof *set);
	set->starts = memory_array(count, sizeof(uint16_t));
	for (size_t i = 0; i < count; i++) {
		enum err err = add_pattern(set, patterns[i], why);
		if (err != OK) {
			if (ret_bad)
				*ret_bad = i;
			match_set_free(&set);
			return err;
		}
	}
	match_columns(set);
	*ret = set;
	return OK;
}

void match_set_free(struct match_set **set)
{
	struct match_set *gone = *set;
	*set = NULL;
	if (!gone)
		return;
	free(gone->nodes);
	free(gone->starts);
	free(gone->classes);
	free(gone);
}

enum err match_check(const char *pattern, struct why *why)
{
	struct match_set *set = NULL;
	enum err err = match_set_new(&pattern, 1, &set, NULL, why);
	match_set_free(&set);
	return err;
}
