/* Patterns are read by descent, one function per level:
 *
 *   choice   = sequence { "|" sequence }
 *   sequence = { repeat }
 *   repeat   = atom [ "*" | "+" | "?" | "{m,n}" ] [ "?" ]
 *   atom     = literal | "." | "[...]" | "\x" | "^" | "$" | "(" choice ")" */
#include <string.h>

#include "lib/match/parser.h"

static struct match_tree *parse_choice(struct parser *parser);

/* ---- small steps ---- */

struct match_tree *parser_refuse(struct parser *parser, size_t at, const char *expected)
{
	if (parser->err == OK)
		parser->err = fail(parser->why, E_MALFORMED, "at offset %zu: %s", at, expected);
	return NULL;
}

static bool is_at_end(const struct parser *parser)
{
	return parser->at >= parser->text.len;
}

int parser_peek(const struct parser *parser)
{
	return is_at_end(parser) ? -1 : parser->text.data[parser->at];
}

bool parser_take(struct parser *parser, const char *text)
{
	size_t len = strlen(text);
	if (parser->text.len - parser->at < len ||
	    memcmp(parser->text.data + parser->at, text, len) != 0)
		return false;
	parser->at += len;
	return true;
}

static struct match_tree *new_tree(struct parser *parser, enum tree_kind kind)
{
	struct match_tree *tree = arena_zalloc(parser->arena, 1, sizeof *tree);
	tree->kind = kind;
	return tree;
}

static void add_child(struct match_tree *tree, struct match_tree *child)
{
	child->sibling = tree->child;
	tree->child = child;
}

static struct match_tree *literal(struct parser *parser, unsigned c)
{
	struct match_tree *tree = new_tree(parser, TREE_SET);
	class_add_byte(parser, &tree->set, c);
	return tree;
}

/* A letter of another script is several bytes, and one thing to repeat. */
static struct match_tree *parse_letter(struct parser *parser)
{
	struct match_tree *tree = new_tree(parser, TREE_SEQUENCE);
	do
		add_child(tree, literal(parser, parser->text.data[parser->at++]));
	while (!is_at_end(parser) && (parser->text.data[parser->at] & 0xc0) == 0x80);
	return tree;
}

static struct match_tree *parse_escape(struct parser *parser)
{
	size_t start = parser->at++;
	int c = parser_peek(parser);
	struct byte_set set = {{0}};
	if (c == 'b' || c == 'B') {
		struct match_tree *border = new_tree(parser, TREE_ASSERT);
		border->assertion = c == 'b' ? ASSERT_BORDER : ASSERT_NO_BORDER;
		parser->at++;
		return border;
	}
	if (class_add_named(&set, c)) {
		struct match_tree *named = new_tree(parser, TREE_SET);
		named->set = set;
		parser->at++;
		return named;
	}
	if (c >= '1' && c <= '9')
		return parser_refuse(parser, start, "there are no back references");
	c = class_parse_escaped(parser);
	if (c < 0)
		return parser_refuse(
			parser, start,
			"expected \\d \\w \\s \\b (or capital), \\t \\n \\r \\f \\v, \\xHH, "
			"or a backslash before a sign");
	return literal(parser, (unsigned)c);
}

static struct match_tree *parse_class(struct parser *parser)
{
	struct match_tree *tree = new_tree(parser, TREE_SET);
	return class_parse(parser, &tree->set) ? tree : NULL;
}

/* ---- groups, repetitions ---- */

static struct match_tree *parse_group(struct parser *parser)
{
	size_t start = parser->at++;
	if (parser_take(parser, "?") && !parser_take(parser, ":"))
		return parser_refuse(parser, start,
				     "expected ( ) or (?: ): groups do not look ahead or back");
	if (++parser->depth > MATCH_DEPTH_MAX) {
		parser->err = fail(parser->why, E_TOO_BIG,
				   "at offset %zu: groups are nested deeper than %d", start,
				   MATCH_DEPTH_MAX);
		return NULL;
	}
	struct match_tree *inside = parse_choice(parser);
	parser->depth--;
	if (inside && !parser_take(parser, ")"))
		return parser_refuse(parser, start, "expected \")\" for this \"(\"");
	return inside;
}

static struct match_tree *parse_assertion(struct parser *parser, enum match_assert assertion)
{
	struct match_tree *tree = new_tree(parser, TREE_ASSERT);
	tree->assertion = assertion;
	parser->at++;
	return tree;
}

static struct match_tree *parse_atom(struct parser *parser)
{
	int c = parser_peek(parser);
	struct match_tree *any;
	switch (c) {
	case '\\':
		return parse_escape(parser);
	case '[':
		return parse_class(parser);
	case '(':
		return parse_group(parser);
	case '^':
		return parse_assertion(parser, ASSERT_BEGIN);
	case '$':
		return parse_assertion(parser, ASSERT_END);
	case '.':
		parser->at++;
		any = new_tree(parser, TREE_SET);
		class_invert(&any->set);
		return any;
	case '*':
	case '+':
	case '?':
	case '{':
		return parser_refuse(
			parser, parser->at,
			"expected something to repeat before this; write a backslash before "
			"the sign");
	default:
		return parse_letter(parser);
	}
}

static bool parse_number(struct parser *parser, uint16_t *ret)
{
	unsigned number = 0;
	size_t start = parser->at;
	while (!is_at_end(parser) && class_is_digit(parser->text.data[parser->at]) &&
	       number <= MATCH_REPEAT_MAX)
		number = number * 10 + (parser->text.data[parser->at++] - (unsigned)'0');
	if (number > MATCH_REPEAT_MAX)
		parser->err =
			fail(parser->why, E_TOO_BIG, "at offset %zu: more than %d repetitions",
			     start, MATCH_REPEAT_MAX);
	*ret = (uint16_t)number;
	return parser->at > start && parser->err == OK;
}

/* "{3}" "{3,}" "{3,5}" */
static bool parse_counts(struct parser *parser, uint16_t *ret_least, uint16_t *ret_most)
{
	size_t start = parser->at++;
	bool is_good = parse_number(parser, ret_least);
	*ret_most = *ret_least;
	if (is_good && parser_take(parser, ","))
		if (!parse_number(parser, ret_most))
			*ret_most = TREE_NO_END;
	is_good = is_good && parser_take(parser, "}") && *ret_least <= *ret_most;
	if (!is_good)
		(void)parser_refuse(parser, start,
				    "expected {m}, {m,} or {m,n}; write \\{ for the brace");
	return is_good && parser->err == OK;
}

static bool parse_quantifier(struct parser *parser, uint16_t *ret_least, uint16_t *ret_most)
{
	*ret_least = *ret_most = 1;
	if (parser_peek(parser) == '{')
		return parse_counts(parser, ret_least, ret_most);
	if (parser_take(parser, "*")) {
		*ret_least = 0;
		*ret_most = TREE_NO_END;
	} else if (parser_take(parser, "+")) {
		*ret_most = TREE_NO_END;
	} else if (parser_take(parser, "?")) {
		*ret_least = 0;
	} else {
		return false;
	}
	return true;
}

static struct match_tree *parse_repeat(struct parser *parser)
{
	struct match_tree *atom = parse_atom(parser);
	size_t start = parser->at;
	uint16_t least, most;
	if (!atom || !parse_quantifier(parser, &least, &most))
		return parser->err == OK ? atom : NULL;
	(void)parser_take(
		parser,
		"?"); /* how much a repetition prefers to take does not change whether it fits */
	if (atom->kind == TREE_ASSERT)
		return parser_refuse(parser, start,
				     "expected something to repeat before this, not a position");
	size_t again = parser->at;
	uint16_t scrap;
	if (parse_quantifier(parser, &scrap, &scrap))
		return parser_refuse(parser, again,
				     "a repetition of a repetition: put the inner one into ( )");
	struct match_tree *tree = new_tree(parser, TREE_REPEAT);
	tree->least = least;
	tree->most = most;
	add_child(tree, atom);
	return tree;
}

static struct match_tree *parse_sequence(struct parser *parser)
{
	struct match_tree *tree = new_tree(parser, TREE_SEQUENCE);
	while (!is_at_end(parser) && parser_peek(parser) != '|' && parser_peek(parser) != ')') {
		struct match_tree *part = parse_repeat(parser);
		if (!part || parser->err != OK)
			return NULL;
		add_child(tree, part);
	}
	return tree;
}

static struct match_tree *parse_choice(struct parser *parser)
{
	struct match_tree *tree = new_tree(parser, TREE_CHOICE);
	do {
		struct match_tree *branch = parse_sequence(parser);
		if (!branch)
			return NULL;
		add_child(tree, branch);
	} while (parser_take(parser, "|"));
	return tree;
}

enum err match_parse(struct arena *arena, struct bytes pattern, struct match_tree **ret,
		     struct why *why)
{
	struct parser parser = {.arena = arena, .text = pattern, .why = why};
	if (pattern.len > MATCH_PATTERN_MAX)
		return fail(why, E_TOO_BIG, "longer than %d bytes", MATCH_PATTERN_MAX);
	if (pattern.len == 0)
		return fail(why, E_MALFORMED, "at offset 0: expected a pattern");
	if (!bytes_is_utf8(pattern))
		return fail(why, E_MALFORMED, "expected UTF-8; write \\xHH for other bytes");
	parser.minds_case = parser_take(&parser, "(?-i)");
	if (!parser.minds_case)
		(void)parser_take(&parser, "(?i)");
	struct match_tree *tree = parse_choice(&parser);
	if (tree && !is_at_end(&parser))
		(void)parser_refuse(&parser, parser.at, "there is no \"(\" for this \")\"");
	if (parser.err == OK)
		*ret = tree;
	return parser.err;
}
