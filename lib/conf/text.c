/* Writing text so that a YAML, JSON or Markdown reader gets it back. Owns nothing, cannot fail but for the stream's own errors. */
#include "lib/conf/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/base/bytes.h"

/* Narrower than YAML allows: what is left out costs only a pair of quotes. */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no",
					    "on",   "off",  "y",     "n"};
	if (!isalnum((unsigned char)text[0]) && text[0] != '/')
		return false;
	for (const char *p = text; *p; p++)
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && !strchr("_./@%+-", *p)))
			return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	return true;
}

static void write_quoted(const char *text, FILE *out)
{
	bool is_utf8 = bytes_is_utf8(bytes_of(text));
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else
			fputc(*p >= 0x80 && !is_utf8 ? '?' : *p, out);
	}
	fputc('"', out);
}

void text_write_yaml(const char *text, FILE *out)
{
	if (is_plain(text))
		fputs(text, out);
	else
		write_quoted(text, out);
}

void text_write_json(const char *text, FILE *out)
{
	write_quoted(text, out);
}

void text_write_cell(const char *text, FILE *out)
{
	for (const char *p = text; *p; p++) {
		if (strchr("|<*", *p))
			fputc('\\', out);
		fputc(*p, out);
	}
}

void text_hide_passwords(char *text)
{
	for (char *at = strstr(text, "://"); at; at = strstr(at + 3, "://")) {
		char *user = at + 3;
		size_t authority = strcspn(user, " \t\"'/");
		char *end = memrchr(user, '@', authority);
		char *colon = end ? memchr(user, ':', (size_t)(end - user)) : NULL;
		if (colon)
			memset(colon + 1, '*', (size_t)(end - colon - 1));
	}
}
