/* The error table's texts, and failing in one line. */
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>

#define ERR_TEXT(name, text, then) [name] = text,
#define ERR_THEN(name, text, then) [name] = then,

static const char *const texts[] = {ERR_TABLE(ERR_TEXT)};
static const enum err_then thens[] = {ERR_TABLE(ERR_THEN)};

const char *err_text(enum err err)
{
	return err < ERR_COUNT ? texts[err] : "unknown error";
}

enum err_then err_then(enum err err)
{
	return err < ERR_COUNT ? thens[err] : ERR_THEN_RETRY;
}

enum err fail(struct why *why, enum err err, const char *format, ...)
{
	if (!why)
		return err;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	for (char *c = why->text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return err;
}
