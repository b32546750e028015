/* Content-Transfer-Encoding (RFC 2045 section 6) and encoded words (RFC 2047). */
#include <string.h>

#include "lib/base/base64.h"
#include "lib/mime/mime.h"

void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding)
{
	*decoder = (struct mime_decoder){.encoding = encoding};
}

static size_t decode_base64(struct mime_decoder *decoder, struct bytes in, uint8_t *out)
{
	size_t len = 0;
	for (size_t i = 0; i < in.len && !decoder->is_done; i++) {
		int value = base64_digit(in.data[i]);
		if (in.data[i] == '=')
			decoder->is_done = true;
		if (value < 0)
			continue;
		decoder->bits = decoder->bits << 6 | (uint32_t)value;
		decoder->count += 6;
		if (decoder->count >= 8) {
			decoder->count -= 8;
			out[len++] = (uint8_t)(decoder->bits >> decoder->count);
		}
	}
	return len;
}

/* count is the state: 0 text, 1 after "=", 2 after "=X" (X in bits), 3 in the white space of a soft line break. */
static size_t decode_quoted(struct mime_decoder *decoder, struct bytes in, uint8_t *out)
{
	size_t len = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		int value = bytes_hex_digit(c);
		if (decoder->count == 0) {
			if (c == '=')
				decoder->count = 1;
			else
				out[len++] = c;
		} else if (decoder->count == 1 && value >= 0) {
			decoder->bits = (uint32_t)value;
			decoder->count = 2;
		} else if (decoder->count == 2 && value >= 0) {
			out[len++] = (uint8_t)(decoder->bits << 4 | (uint32_t)value);
			decoder->count = 0;
		} else if (decoder->count != 2 && (c == ' ' || c == '\t' || c == '\r')) {
			decoder->count = 3;
		} else { /* the end of a soft break, or no quoted-printable at all */
			if (c != '\n')
				out[len++] = c;
			decoder->count = 0;
		}
	}
	return len;
}

size_t mime_decode(struct mime_decoder *decoder, struct bytes in, uint8_t *out)
{
	switch (decoder->encoding) {
	case MIME_BASE64:
		return decode_base64(decoder, in, out);
	case MIME_QUOTED:
		return decode_quoted(decoder, in, out);
	case MIME_PLAIN:
		break;
	}
	if (in.len > 0)
		memcpy(out, in.data, in.len);
	return in.len;
}

/* ---- charsets ---- */

static bool is_latin1(const char *charset)
{
	struct bytes name = bytes_of(charset);
	return bytes_is_nocase(name, "iso-8859-1") || bytes_is_nocase(name, "iso-8859-15") ||
	       bytes_is_nocase(name, "latin1") || bytes_is_nocase(name, "windows-1252");
}

static size_t latin1_to_utf8(struct bytes in, uint8_t *out)
{
	size_t len = 0;
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] < 0x80) {
			out[len++] = in.data[i];
		} else {
			out[len++] = (uint8_t)(0xc0 | in.data[i] >> 6);
			out[len++] = (uint8_t)(0x80 | (in.data[i] & 0x3f));
		}
	}
	return len;
}

static struct bytes in_utf8(struct arena *arena, struct bytes in, const char *charset)
{
	if (!is_latin1(charset) || bytes_is_ascii(in))
		return in;
	uint8_t *out = arena_alloc(arena, in.len * 2 + 1);
	return bytes_from(out, latin1_to_utf8(in, out));
}

struct bytes mime_text(struct arena *arena, const struct mime_part *part, size_t max)
{
	struct bytes body = bytes_first(part->body, max);
	struct bytes value;
	char charset[32] = "";
	if (mime_field(part->header, "content-type", &value))
		(void)mime_parameter(value, "charset", charset, sizeof charset);
	if (part->encoding != MIME_PLAIN) {
		struct mime_decoder decoder;
		uint8_t *out = arena_alloc(arena, body.len + 2);
		mime_decoder_init(&decoder, part->encoding);
		body = bytes_from(out, mime_decode(&decoder, body, out));
	}
	return in_utf8(arena, body, charset);
}

/* ---- encoded words ---- */

#define WORD_MAX 1000 /* longer than any real one */

struct word {
	char charset[32];
	enum mime_encoding encoding;
	struct bytes text;
	size_t len; /* of the whole word */
};

static bool is_word(struct bytes b, struct word *ret)
{
	b = bytes_first(b, WORD_MAX);
	if (b.len < 8 || b.data[0] != '=' || b.data[1] != '?')
		return false;
	struct bytes rest = bytes_skip(b, 2);
	ptrdiff_t end = bytes_find(rest, '?');
	if (end <= 0 ||
	    !bytes_to_cstr(bytes_first(rest, (size_t)end), ret->charset, sizeof ret->charset))
		return false;
	rest = bytes_skip(rest, (size_t)end + 1);
	if (rest.len < 3 || rest.data[1] != '?')
		return false;
	ret->encoding = rest.data[0] == 'B' || rest.data[0] == 'b' ? MIME_BASE64 : MIME_QUOTED;
	rest = bytes_skip(rest, 2);
	end = bytes_find(rest, '?');
	if (end < 0 || (size_t)end + 1 >= rest.len || rest.data[end + 1] != '=')
		return false;
	ret->text = bytes_first(rest, (size_t)end);
	ret->len = b.len - rest.len + (size_t)end + 2;
	return true;
}

static bool is_readable(const char *charset)
{
	struct bytes name = bytes_of(charset);
	return is_latin1(charset) || bytes_starts_with_nocase(name, "utf-8") ||
	       bytes_is_nocase(name, "us-ascii");
}

/* Never longer than twice the word. */
static size_t decode_word(const struct word *word, uint8_t *out)
{
	uint8_t raw[WORD_MAX + 2], plain[WORD_MAX];
	struct mime_decoder decoder;
	size_t len = 0;
	for (; len < word->text.len; len++) {
		uint8_t c = word->text.data[len];
		plain[len] = c == '_' && word->encoding == MIME_QUOTED ? ' ' : c;
	}
	mime_decoder_init(&decoder, word->encoding);
	len = mime_decode(&decoder, bytes_from(plain, len), raw);
	if (is_latin1(word->charset))
		return latin1_to_utf8(bytes_from(raw, len), out);
	memcpy(out, raw, len);
	return len;
}

struct bytes mime_words(struct arena *arena, struct bytes value)
{
	struct bytes in = mime_unfold(arena, value);
	uint8_t *out = arena_alloc(arena, in.len * 2 + 1);
	struct word word;
	size_t len = 0, after_word = 0;
	for (size_t i = 0; i < in.len;) {
		if (in.data[i] == '=' && is_word(bytes_skip(in, i), &word) &&
		    is_readable(word.charset)) {
			if (after_word > 0) /* white space between two words is none */
				len = after_word;
			len += decode_word(&word, out + len);
			after_word = len;
			i += word.len;
			continue;
		}
		if (in.data[i] != ' ' && in.data[i] != '\t')
			after_word = 0;
		out[len++] = in.data[i++];
	}
	return bytes_from(out, len);
}
