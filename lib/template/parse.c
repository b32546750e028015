/* Text to nodes, in one pass: literals and tags by turns, open blocks on a stack. */
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/template/node.h"

#define NODES_MAX 20000

struct block {
	size_t node;
	bool has_else;
	size_t line;
};

struct parser {
	struct arena *arena;
	struct template *template;
	struct bytes text;
	size_t at; /* of what was not looked at yet */
	struct block blocks[TEMPLATE_DEPTH_MAX];
	size_t depth;
	struct why *why;
};

struct tag {
	char sigil;	   /* '#', '/', '!', '&', '{' or 0 */
	struct bytes word; /* trimmed, without the sigil */
	size_t from, to;   /* in the text, braces included */
};

static size_t line_of(const struct parser *parser, size_t at)
{
	size_t line = 1;
	for (size_t i = 0; i < at; i++)
		line += parser->text.data[i] == '\n';
	return line;
}

static enum err complain(const struct parser *parser, size_t at, const char *problem)
{
	return fail(parser->why, E_MALFORMED, "line %zu: %s", line_of(parser, at), problem);
}

/* ---- nodes ---- */

static enum err add(struct parser *parser, struct node node)
{
	struct template *template = parser->template;
	if (template->count == NODES_MAX)
		return fail(parser->why, E_TOO_BIG, "more than %d tags", NODES_MAX);
	if (template->count == template->capacity) {
		size_t capacity = template->capacity * 2 + 16;
		struct node *nodes = arena_zalloc(parser->arena, capacity, sizeof *nodes);
		if (template->count > 0)
			memcpy(nodes, template->nodes, template->count * sizeof *nodes);
		template->nodes = nodes;
		template->capacity = capacity;
	}
	template->nodes[template->count++] = node;
	return OK;
}

static enum err add_text(struct parser *parser, size_t from, size_t to)
{
	if (from >= to)
		return OK;
	return add(parser, (struct node){.kind = NODE_TEXT,
					 .text = bytes_from(parser->text.data + from, to - from)});
}

/* ---- tags ---- */

/* Index of "{{" from `at` on, or the end. */
static size_t find_braces(struct bytes text, size_t at)
{
	while (at + 1 < text.len) {
		const uint8_t *brace = memchr(text.data + at, '{', text.len - at - 1);
		if (!brace)
			return text.len;
		at = (size_t)(brace - text.data);
		if (text.data[at + 1] == '{')
			return at;
		at++;
	}
	return text.len;
}

static bool stands_at(struct bytes text, size_t at, const char *what)
{
	size_t len = strlen(what);
	return at + len <= text.len && memcmp(text.data + at, what, len) == 0;
}

/* The tag whose braces stand at parser->at. */
static enum err read_tag(const struct parser *parser, struct tag *ret)
{
	struct bytes text = parser->text;
	size_t from = parser->at, inner = from + 2;
	char sigil = inner < text.len ? (char)text.data[inner] : '\0';
	if (sigil == '\0' || !strchr("#/!&{", sigil))
		sigil = '\0';
	const char *close = sigil == '{' ? "}}}" : "}}";
	inner += sigil != '\0';
	size_t end = inner;
	while (end < text.len && !stands_at(text, end, close)) {
		if (sigil != '!' && text.data[end] == '{')
			return complain(parser, from, "a tag within a tag");
		end++;
	}
	if (end >= text.len)
		return complain(parser, from, "a tag without its end");
	*ret = (struct tag){
		.sigil = sigil,
		.word = bytes_strip(bytes_from(text.data + inner, end - inner)),
		.from = from,
		.to = end + strlen(close),
	};
	return OK;
}

static bool is_path_byte(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || c >= 0x80 || c == '_' || c == '-' || c == '.' ||
	       c == '@';
}

static bool is_path(struct bytes path)
{
	if (path.len == 0 || path.len > 255)
		return false;
	if (bytes_is(path, "."))
		return true;
	for (size_t i = 0; i < path.len; i++) {
		bool is_dot = path.data[i] == '.';
		bool is_end = i == 0 || i + 1 == path.len || path.data[i - 1] == '.';
		if (!is_path_byte(path.data[i]) || (is_dot && is_end))
			return false;
	}
	return true;
}

/* ---- lines of their own ---- */

/* A block tag or comment that is alone on its line takes the line with it, as in Mustache. */
static void widen(const struct parser *parser, struct tag *tag)
{
	struct bytes text = parser->text;
	size_t from = tag->from, to = tag->to;
	while (from > 0 && ascii_is_blank(text.data[from - 1]))
		from--;
	while (to < text.len && ascii_is_blank(text.data[to]))
		to++;
	bool is_start = from == 0 || text.data[from - 1] == '\n';
	bool is_end = to == text.len || text.data[to] == '\n' || stands_at(text, to, "\r\n");
	if (!is_start || !is_end)
		return;
	if (to < text.len)
		to += text.data[to] == '\r' ? 2 : 1;
	tag->from = from;
	tag->to = to;
}

/* ---- blocks ---- */

static enum err open_block(struct parser *parser, const struct tag *tag)
{
	static const struct {
		const char *name;
		enum node_kind kind;
	} blocks[] = {{"if ", NODE_IF}, {"unless ", NODE_UNLESS}, {"each ", NODE_EACH}};
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
		if (!stands_at(tag->word, 0, blocks[i].name))
			continue;
		struct bytes path = bytes_strip(bytes_skip(tag->word, strlen(blocks[i].name)));
		if (!is_path(path))
			return complain(parser, tag->from, "a block without the path of a value");
		if (parser->depth == TEMPLATE_DEPTH_MAX)
			return complain(parser, tag->from, "blocks nested too deep");
		parser->blocks[parser->depth++] =
			(struct block){parser->template->count, false, tag->from};
		return add(parser, (struct node){.kind = blocks[i].kind, .text = path});
	}
	return complain(parser, tag->from, "a block that is not #if, #unless or #each");
}

static enum err take_else(struct parser *parser, const struct tag *tag)
{
	struct block *block = parser->depth > 0 ? &parser->blocks[parser->depth - 1] : NULL;
	if (!block || block->has_else)
		return complain(parser, tag->from, "an else without its block");
	block->has_else = true;
	parser->template->nodes[block->node].else_at = parser->template->count;
	return OK;
}

static enum err close_block(struct parser *parser, const struct tag *tag)
{
	static const char *const names[] = {
		[NODE_IF] = "if", [NODE_UNLESS] = "unless", [NODE_EACH] = "each"};
	if (parser->depth == 0)
		return complain(parser, tag->from, "the end of a block that was not begun");
	const struct block *block = &parser->blocks[--parser->depth];
	struct node *node = &parser->template->nodes[block->node];
	if (!bytes_is(tag->word, names[node->kind]))
		return complain(parser, tag->from, "the end of another block than the open one");
	node->end_at = parser->template->count;
	if (!block->has_else)
		node->else_at = node->end_at;
	return OK;
}

static enum err take_value(struct parser *parser, const struct tag *tag)
{
	if (!is_path(tag->word))
		return complain(parser, tag->from, "a tag that holds no path of a value");
	return add(parser, (struct node){.kind = NODE_VALUE,
					 .text = tag->word,
					 .is_raw = tag->sigil == '&' || tag->sigil == '{'});
}

static enum err take_tag(struct parser *parser, const struct tag *tag)
{
	switch (tag->sigil) {
	case '!':
		return OK;
	case '#':
		return open_block(parser, tag);
	case '/':
		return close_block(parser, tag);
	default:
		return tag->sigil == '\0' && bytes_is(tag->word, "else") ? take_else(parser, tag)
									 : take_value(parser, tag);
	}
}

static bool is_of_block(const struct tag *tag)
{
	return tag->sigil == '#' || tag->sigil == '/' || tag->sigil == '!' ||
	       (tag->sigil == '\0' && bytes_is(tag->word, "else"));
}

/* The braces at `at` are to stand: what is before the backslash, and the braces themselves. */
static enum err take_escaped(struct parser *parser, size_t *from, size_t at)
{
	enum err err = add_text(parser, *from, at - 1);
	*from = at;
	parser->at = at + 2;
	return err;
}

static enum err parse(struct parser *parser)
{
	size_t from = 0; /* of the literal */
	for (;;) {
		struct tag tag = {0};
		size_t at = find_braces(parser->text, parser->at);
		enum err err = OK;
		parser->at = at;
		if (at == parser->text.len)
			return add_text(parser, from, at);
		parser->template->has_tags = true;
		if (at > from && parser->text.data[at - 1] == '\\') {
			err = take_escaped(parser, &from, at);
			if (err != OK)
				return err;
			continue;
		}
		err = read_tag(parser, &tag);
		if (err != OK)
			return err;
		if (is_of_block(&tag))
			widen(parser, &tag);
		err = add_text(parser, from, tag.from);
		if (err == OK)
			err = take_tag(parser, &tag);
		if (err != OK)
			return err;
		parser->at = from = tag.to;
	}
}

enum err template_parse(struct arena *arena, struct bytes text, struct template **ret,
			struct why *why)
{
	struct parser parser = {
		.arena = arena,
		.template = arena_zalloc(arena, 1, sizeof *parser.template),
		.text = text,
		.why = why,
	};
	if (text.len > TEMPLATE_BYTES_MAX)
		return fail(why, E_TOO_BIG, "more than %zu bytes", TEMPLATE_BYTES_MAX);
	enum err err = parse(&parser);
	if (err == OK && parser.depth > 0)
		err = complain(&parser, parser.blocks[parser.depth - 1].line,
			       "a block without its end");
	if (err == OK)
		*ret = parser.template;
	return err;
}

bool template_has_tags(const struct template *template)
{
	return template->has_tags;
}
