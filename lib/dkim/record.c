/* A record is a list of tags, each `name=value`, parted by semicolons (RFC 6376 3.2). */
#include "lib/dkim/record.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/base64.h"
#include "lib/crypto/base64.h"

#define STRING_MAX 250 /* of 255 */

static const char *kind_name(enum signing_kind kind)
{
	return kind == SIGNING_RSA ? "rsa" : "ed25519";
}

static size_t public_text(const struct signing_key *key, char out[BASE64_SIZE(SIGNING_PUBLIC_MAX)])
{
	uint8_t public[SIGNING_PUBLIC_MAX];
	return base64_text(bytes_from(public, signing_key_public(key, public)), out);
}

enum err dkim_record_write(const struct signing_key *key, struct buf *out)
{
	char public[BASE64_SIZE(SIGNING_PUBLIC_MAX)];
	(void)public_text(key, public);
	return buf_printf(out, "v=DKIM1; k=%s; p=%s", kind_name(signing_key_kind(key)), public);
}

enum err dkim_zone_record_write(const struct signing_key *key, struct buf *out)
{
	struct buf record;
	buf_init(&record, DKIM_RECORD_MAX);
	enum err err = dkim_record_write(key, &record);
	struct bytes rest = buf_bytes(&record);
	if (err == OK)
		err = buf_append_text(out, "(");
	for (; err == OK && rest.len > 0; rest = bytes_skip(rest, STRING_MAX)) {
		struct bytes part = bytes_first(rest, STRING_MAX);
		err = buf_printf(out, " \"%.*s\"", BYTES_ARGS(part));
	}
	if (err == OK)
		err = buf_append_text(out, " )");
	buf_done(&record);
	return err;
}

/* ---- reading ---- */

/* Takes what is before the next `c`, without blanks around it, and `c`. */
static struct bytes take_part(struct bytes *rest, uint8_t c)
{
	ptrdiff_t at = bytes_find(*rest, c);
	struct bytes part = at < 0 ? *rest : bytes_first(*rest, (size_t)at);
	*rest = at < 0 ? BYTES_NONE : bytes_skip(*rest, (size_t)at + 1);
	return bytes_strip(part);
}

static bool has_word(struct bytes list, const char *word)
{
	while (list.len > 0)
		if (bytes_is(take_part(&list, ':'), word))
			return true;
	return false;
}

/* The same but for blanks in `value`. */
static bool is_spaced(struct bytes value, const char *text)
{
	for (size_t i = 0; i < value.len; i++)
		if (!ascii_is_white(value.data[i]) &&
		    (*text == '\0' || value.data[i] != (uint8_t)*text++))
			return false;
	return *text == '\0';
}

struct record {
	bool has_version_elsewhere, has_p, is_malformed;
	struct bytes version, kind, hashes, services, flags, p;
};

static void take_tag(struct record *record, struct bytes name, struct bytes value, bool is_first)
{
	if (bytes_is(name, "v")) {
		record->version = value;
		record->has_version_elsewhere = !is_first;
	} else if (bytes_is(name, "k")) {
		record->kind = value;
	} else if (bytes_is(name, "h")) {
		record->hashes = value;
	} else if (bytes_is(name, "s")) {
		record->services = value;
	} else if (bytes_is(name, "t")) {
		record->flags = value;
	} else if (bytes_is(name, "p")) {
		record->is_malformed |= record->has_p;
		record->has_p = true;
		record->p = value;
	}
}

static struct record read_record(struct bytes text)
{
	struct record record;
	memset(&record, 0, sizeof record);
	for (bool is_first = true; text.len > 0; is_first = false) {
		struct bytes tag = take_part(&text, ';');
		if (tag.len == 0 && text.len == 0)
			break; /* behind the last semicolon */
		ptrdiff_t equals = bytes_find(tag, '=');
		if (equals < 0) {
			record.is_malformed = true;
			break;
		}
		take_tag(&record, bytes_strip(bytes_first(tag, (size_t)equals)),
			 bytes_strip(bytes_skip(tag, (size_t)equals + 1)), is_first);
	}
	return record;
}

static bool is_well_formed(const struct record *record)
{
	bool is_version_good = record->version.len == 0 || bytes_is(record->version, "DKIM1");
	return !record->is_malformed && record->has_p && is_version_good &&
	       !record->has_version_elsewhere;
}

static bool is_usable(const struct record *record, enum signing_kind wanted)
{
	struct bytes kind = record->kind.len > 0 ? record->kind : BYTES("rsa");
	return bytes_is(kind, kind_name(wanted)) &&
	       (record->hashes.len == 0 || has_word(record->hashes, "sha256")) &&
	       (record->services.len == 0 || has_word(record->services, "*") ||
		has_word(record->services, "email"));
}

enum dkim_record_verdict dkim_record_compare(struct bytes text, const struct signing_key *key)
{
	char public[BASE64_SIZE(SIGNING_PUBLIC_MAX)];
	struct record record = read_record(text);
	if (!is_well_formed(&record))
		return DKIM_RECORD_MALFORMED;
	if (record.p.len == 0)
		return DKIM_RECORD_REVOKED;
	if (!is_usable(&record, signing_key_kind(key)))
		return DKIM_RECORD_UNUSABLE;
	(void)public_text(key, public);
	if (!is_spaced(record.p, public))
		return DKIM_RECORD_DIFFERS;
	return has_word(record.flags, "y") ? DKIM_RECORD_TEST : DKIM_RECORD_MATCHES;
}

static enum err read_key(struct bytes p, enum signing_kind kind, struct verifying_key **ret)
{
	uint8_t text[BASE64_SIZE(SIGNING_PUBLIC_MAX)], public[BASE64_SIZE(SIGNING_PUBLIC_MAX)];
	size_t len = 0, public_len = 0;
	for (size_t i = 0; i < p.len; i++) {
		if (ascii_is_white(p.data[i]))
			continue;
		if (len == sizeof text)
			return E_REFUSED;
		text[len++] = p.data[i];
	}
	if (!base64_read(bytes_from(text, len), public, &public_len))
		return E_MALFORMED;
	return verifying_key_read(kind, bytes_from(public, public_len), ret);
}

enum err dkim_record_key(struct bytes text, enum signing_kind kind, struct verifying_key **ret,
			 bool *ret_is_strict)
{
	struct record record = read_record(text);
	if (!is_well_formed(&record))
		return E_MALFORMED;
	if (record.p.len == 0)
		return E_NOT_FOUND;
	if (!is_usable(&record, kind))
		return E_MALFORMED;
	*ret_is_strict = has_word(record.flags, "s");
	return read_key(record.p, kind, ret);
}

const char *dkim_record_verdict_text(enum dkim_record_verdict verdict)
{
	static const char *const texts[] = {
		[DKIM_RECORD_MATCHES] = "matches the key",
		[DKIM_RECORD_TEST] = "matches the key, but with t=y it counts for nothing",
		[DKIM_RECORD_DIFFERS] = "is for another key",
		[DKIM_RECORD_REVOKED] = "says that the key is revoked (p= is empty)",
		[DKIM_RECORD_UNUSABLE] = "is for another kind of key, hash or service",
		[DKIM_RECORD_MALFORMED] = "is no DKIM record",
	};
	return texts[verdict];
}
