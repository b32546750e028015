/* Classes of bytes: [...], \d and its like, and the escapes that stand for one byte. */
#include <string.h>

#include "lib/match/parser.h"

/* ---- bytes ---- */

static bool is_letter(unsigned c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool class_is_digit(unsigned c)
{
	return c >= '0' && c <= '9';
}

bool match_is_word_byte(unsigned byte)
{
	return is_letter(byte) || class_is_digit(byte) || byte == '_';
}

void class_add_byte(const struct parser *parser, struct byte_set *set, unsigned c)
{
	byte_set_add(set, c);
	if (is_letter(c) && !parser->minds_case)
		byte_set_add(set, c ^ 0x20);
}

void class_invert(struct byte_set *set)
{
	for (size_t i = 0; i < 4; i++)
		set->bits[i] = ~set->bits[i];
}

bool class_add_named(struct byte_set *set, int name)
{
	struct byte_set named = {{0}};
	int lower = name | 0x20;
	if (lower != 'd' && lower != 'w' && lower != 's')
		return false;
	for (unsigned c = 0; c < 256; c++)
		if ((lower == 'd' && class_is_digit(c)) ||
		    (lower == 'w' && match_is_word_byte(c)) ||
		    (lower == 's' && c && strchr(" \t\n\r\f\v", (int)c)))
			byte_set_add(&named, c);
	if (name != lower)
		class_invert(&named);
	for (size_t i = 0; i < 4; i++)
		set->bits[i] |= named.bits[i];
	return true;
}

int class_parse_escaped(struct parser *parser)
{
	static const char letters[] = "tnrfv", bytes[] = "\t\n\r\f\v";
	int c = parser_peek(parser);
	if (c < 0 || c >= 0x80 || class_is_digit((unsigned)c))
		return -1;
	const char *letter = c ? strchr(letters, c) : NULL;
	if (c == 'x' && parser->text.len - parser->at >= 3) {
		int high = bytes_hex_digit(parser->text.data[parser->at + 1]);
		int low = bytes_hex_digit(parser->text.data[parser->at + 2]);
		if (high < 0 || low < 0)
			return -1;
		parser->at += 3;
		return high * 16 + low;
	}
	if (!letter && is_letter((unsigned)c))
		return -1;
	parser->at++;
	return letter ? bytes[letter - letters] : c;
}

/* ---- [...] ---- */

/* One end of a range; -1 after a fault. */
static int parse_class_byte(struct parser *parser)
{
	size_t start = parser->at;
	int c = parser_peek(parser);
	if (c == '\\') {
		parser->at++;
		c = parser_peek(parser) == 'b' ? -1 : class_parse_escaped(parser);
		if (c < 0)
			(void)parser_refuse(
				parser, start,
				"expected \\d \\w \\s, \\xHH, or a backslash before a sign");
		return c;
	}
	if (c >= 0x80) {
		(void)parser_refuse(parser, start,
				    "a class holds ASCII only; expected (a|b) for other letters");
		return -1;
	}
	parser->at++;
	return c;
}

static bool is_named_class_next(const struct parser *parser)
{
	struct byte_set scrap = {{0}};
	return parser_peek(parser) == '\\' && parser->at + 1 < parser->text.len &&
	       class_add_named(&scrap, parser->text.data[parser->at + 1]);
}

static bool parse_class_part(struct parser *parser, struct byte_set *set)
{
	size_t start = parser->at;
	if (is_named_class_next(parser)) {
		class_add_named(set, parser->text.data[parser->at + 1]);
		parser->at += 2;
		return true;
	}
	if (parser_take(parser, "[:")) {
		(void)parser_refuse(parser, start,
				    "there are no [:names:]; expected \\d, \\w, \\s or \\[");
		return false;
	}
	int first = parse_class_byte(parser), last = first;
	bool is_range = first >= 0 && parser_peek(parser) == '-' &&
			parser->at + 1 < parser->text.len &&
			parser->text.data[parser->at + 1] != ']';
	if (is_range) {
		parser->at++;
		last = is_named_class_next(parser) ? -1 : parse_class_byte(parser);
		if (last < first)
			(void)parser_refuse(parser, start,
					    "expected a range that rises, such as a-z");
	}
	for (int c = first; first >= 0 && c <= last; c++)
		class_add_byte(parser, set, (unsigned)c);
	return parser->err == OK;
}

bool class_parse(struct parser *parser, struct byte_set *ret)
{
	size_t start = parser->at++;
	struct byte_set set = {{0}};
	bool is_negated = parser_take(parser, "^");
	if (parser_peek(parser) == ']')
		return parser_refuse(parser, parser->at,
				     "expected a byte in the class; write \\] for the bracket");
	while (parser_peek(parser) >= 0 && parser_peek(parser) != ']')
		if (!parse_class_part(parser, &set))
			return false;
	if (!parser_take(parser, "]")) {
		(void)parser_refuse(parser, start, "expected \"]\" for this \"[\"");
		return false;
	}
	if (is_negated)
		class_invert(&set);
	*ret = set;
	return true;
}
