#include "lib/tlsreport/record.h"

#include <string.h>
#include <strings.h>

#define VERSION "v=TLSRPTv1"
#define MAILTO	"mailto:"
#define HTTPS	"https://"

/* What stands before `end`, trimmed, and takes it and the separator off. */
static struct bytes take_until(struct bytes *rest, uint8_t end)
{
	ptrdiff_t at = bytes_find(*rest, end);
	struct bytes part = at < 0 ? *rest : bytes_first(*rest, (size_t)at);
	*rest = at < 0 ? BYTES_NONE : bytes_skip(*rest, (size_t)at + 1);
	return bytes_trim(part);
}

bool tls_record_is_one(struct bytes text)
{
	struct bytes version = take_until(&text, ';');
	return bytes_is(version, VERSION);
}

static bool is_printable(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

static void add_rua(struct tls_ruas *ruas, struct bytes uri)
{
	char address[TLS_RUA_SIZE];
	if (ruas->count == TLS_RUA_MAX)
		return;
	char *out = ruas->uris[ruas->count];
	if (!bytes_to_cstr(uri, out, TLS_RUA_SIZE) || !is_printable(out))
		return;
	if (tls_rua_is_https(out) || tls_rua_mail(out, address))
		ruas->count++;
}

/* A name of a field is letters, digits, "_", "-", "."; what we do not know may be there, and what has no name may not. */
static bool take_field(struct bytes field, struct tls_ruas *ruas)
{
	ptrdiff_t equals = bytes_find(field, '=');
	if (equals <= 0)
		return false;
	if (!bytes_is(bytes_first(field, (size_t)equals), "rua"))
		return true;
	struct bytes list = bytes_skip(field, (size_t)equals + 1);
	while (list.len > 0)
		add_rua(ruas, take_until(&list, ','));
	return true;
}

bool tls_record_parse(struct bytes text, struct tls_ruas *ret)
{
	*ret = (struct tls_ruas){0};
	if (!bytes_is(take_until(&text, ';'), VERSION))
		return false;
	while (text.len > 0) {
		struct bytes field = take_until(&text, ';');
		if (field.len == 0 && text.len == 0)
			break; /* one may end the record */
		if (!take_field(field, ret))
			return false;
	}
	return ret->count > 0;
}

bool tls_rua_is_https(const char *uri)
{
	size_t len = strlen(HTTPS);
	return strncasecmp(uri, HTTPS, len) == 0 && uri[len] && uri[len] != '/';
}

/* RFC 6068: octets may be percent-encoded. */
static bool decode(struct bytes in, char *out)
{
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%') {
			int high = i + 2 < in.len ? bytes_hex_digit(in.data[i + 1]) : -1;
			int low = high >= 0 ? bytes_hex_digit(in.data[i + 2]) : -1;
			if (low < 0)
				return false;
			c = (uint8_t)(high * 16 + low);
			i += 2;
		}
		if (c <= ' ' || c > '~' || strchr("<>,\"\\()[]:;", c))
			return false;
		*out++ = (char)c;
	}
	*out = '\0';
	return true;
}

bool tls_rua_mail(const char *uri, char out[TLS_RUA_SIZE])
{
	if (strncasecmp(uri, MAILTO, strlen(MAILTO)) != 0)
		return false;
	struct bytes address = bytes_of(uri + strlen(MAILTO));
	ptrdiff_t query = bytes_find(address, '?');
	if (query >= 0)
		address = bytes_first(address, (size_t)query);
	if (address.len >= TLS_RUA_SIZE || !decode(address, out))
		return false;
	const char *at = strchr(out, '@');
	return at && at > out && at[1] && !strchr(at + 1, '@');
}
