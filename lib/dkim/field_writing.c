/* See field_writing.h. */
#include "lib/dkim/field_writing.h"

#include <string.h>

#include "lib/crypto/base64.h"
#include "lib/crypto/signing_key.h"

#define LINE_MAX_BYTES 76

void field_text(struct field_writing *w, const char *text, size_t len)
{
	if (w->err == OK)
		w->err = buf_append(w->out, bytes_from(text, len));
	w->column += len;
}

void field_fold(struct field_writing *w)
{
	field_text(w, "\r\n ", 3);
	w->column = 1;
}

/* A piece that is not cut, on a line of its own if this one has no room. */
void field_piece(struct field_writing *w, const char *text)
{
	size_t len = strlen(text);
	if (w->column > 1 && w->column + len > LINE_MAX_BYTES)
		field_fold(w);
	field_text(w, text, len);
}

/* A tag on a line with others; a fold brings the blank before it. */
void field_tag(struct field_writing *w, const char *name, const char *value)
{
	size_t len = strlen(name) + strlen(value) + strlen("=;");
	if (w->column + 1 + len > LINE_MAX_BYTES)
		field_fold(w);
	else
		field_text(w, " ", 1);
	field_text(w, name, strlen(name));
	field_text(w, "=", 1);
	field_text(w, value, strlen(value));
	field_text(w, ";", 1);
}

void field_base64(struct field_writing *w, struct bytes b)
{
	char text[BASE64_SIZE(SIGNATURE_MAX)];
	size_t len = base64_text(b, text), at = 0;
	while (at < len) {
		size_t room = w->column < LINE_MAX_BYTES ? LINE_MAX_BYTES - w->column : 0;
		size_t part = len - at < room ? len - at : room;
		field_text(w, text + at, part);
		at += part;
		if (at < len)
			field_fold(w);
	}
}
