/* What a signature's field says, and the name of its key. Values that name something in DNS are letters, digits, '-', '_' and dots: they
 * may be told again in other fields. */
#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/dkim/tag_list.h"
#include "lib/dkim/verification_inner.h"

static bool is_host_name(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++) {
		uint8_t c = b.data[i];
		bool is_edge = i == 0 || i + 1 == b.len || b.data[i - 1] == '.';
		bool is_plain = ascii_is_letter_or_digit(c) || c == '-' || c == '_';
		if (!is_plain && (c != '.' || is_edge))
			return false;
	}
	return b.len > 0 && b.len <= DKIM_KEY_NAME_MAX;
}

static bool read_algorithm(struct bytes a, struct dkim_claim *claim)
{
	claim->kind = bytes_is_nocase(a, "ed25519-sha256") ? SIGNING_ED25519 : SIGNING_RSA;
	return claim->kind == SIGNING_ED25519 || bytes_is_nocase(a, "rsa-sha256");
}

static bool read_form(struct bytes word, enum canon *ret)
{
	*ret = bytes_is_nocase(word, "relaxed") ? CANON_RELAXED : CANON_SIMPLE;
	return *ret == CANON_RELAXED || bytes_is_nocase(word, "simple");
}

/* "relaxed" alone is of the header; bodies are simple then. */
static bool read_forms(struct bytes c, struct dkim_claim *claim)
{
	ptrdiff_t slash = bytes_find(c, '/');
	return read_form(slash < 0 ? c : bytes_first(c, (size_t)slash), &claim->header_canon) &&
	       (slash < 0 || read_form(bytes_skip(c, (size_t)slash + 1), &claim->body_canon));
}

static bool has_name(struct bytes names, const char *name)
{
	while (names.len > 0) {
		ptrdiff_t colon = bytes_find(names, ':');
		size_t len = colon < 0 ? names.len : (size_t)colon;
		if (bytes_is_nocase(bytes_strip(bytes_first(names, len)), name))
			return true;
		names = bytes_skip(names, len + 1);
	}
	return false;
}

static size_t count_names(struct bytes names)
{
	size_t count = 1;
	for (size_t i = 0; i < names.len; i++)
		count += names.data[i] == ':';
	return count;
}

static bool is_at_or_below(struct bytes name, struct bytes domain)
{
	if (name.len < domain.len)
		return false;
	struct bytes end = bytes_skip(name, name.len - domain.len);
	return bytes_equal_nocase(end, domain) &&
	       (name.len == domain.len || name.data[name.len - domain.len - 1] == '.');
}

/* The part of a claim that a seal does not have: it signs neither body nor named fields. */
static bool read_signed(struct arena *arena, const struct tag_list *tags, int64_t now_s,
			struct dkim_claim *claim)
{
	struct bytes value, text;
	uint64_t number;
	claim->header_canon = claim->body_canon = CANON_SIMPLE;
	if (tag_list_find(tags, "c", &value) && !read_forms(value, claim))
		return false;
	if (!tag_list_find(tags, "h", &claim->names) ||
	    count_names(claim->names) > DKIM_CLAIM_NAMES_MAX || !has_name(claim->names, "from"))
		return false;
	if (!tag_list_find(tags, "bh", &value) ||
	    !tag_base64(arena, value, &claim->body_hash, &text))
		return false;
	claim->has_body_max = tag_list_find(tags, "l", &value);
	if (claim->has_body_max && !bytes_to_u64(value, UINT64_MAX / 2, &claim->body_max))
		return false;
	if (tag_list_find(tags, "x", &value)) {
		if (!bytes_to_u64(value, INT64_MAX, &number))
			return false;
		claim->has_expired = (int64_t)number < now_s;
	}
	return true;
}

/* i= is an address of d= or below; d= where it is not there. */
static bool read_identity(const struct tag_list *tags, struct dkim_claim *claim)
{
	struct bytes value;
	claim->identity = claim->domain;
	if (!tag_list_find(tags, "i", &value))
		return true;
	while (bytes_find(value, '@') >= 0)
		value = bytes_skip(value, (size_t)bytes_find(value, '@') + 1);
	claim->identity = value;
	return is_at_or_below(value, claim->domain);
}

static bool fits_kind(const struct tag_list *tags, enum dkim_claim_kind kind,
		      struct dkim_claim *claim)
{
	struct bytes value;
	if (kind == DKIM_CLAIM_SIGNATURE)
		return tag_list_find(tags, "v", &value) && bytes_is(value, "1") &&
		       read_identity(tags, claim);
	claim->identity = claim->domain;
	if (claim->kind != SIGNING_RSA) /* RFC 8617 4.1: no other is defined */
		return false;
	if (kind == DKIM_CLAIM_ARC_SEAL)
		return !tag_list_find(tags, "h", &value);
	return !has_name(claim->names, "arc-seal");
}

bool dkim_claim_read(struct arena *arena, const struct header_field *field,
		     enum dkim_claim_kind kind, int64_t now_s, struct dkim_claim *ret)
{
	struct tag_list tags;
	struct bytes value;
	*ret = (struct dkim_claim){.field = field->whole};
	return tag_list_read(field->value, &tags) && tag_list_find(&tags, "a", &value) &&
	       read_algorithm(value, ret) && tag_list_find(&tags, "d", &ret->domain) &&
	       is_host_name(ret->domain) && tag_list_find(&tags, "s", &ret->selector) &&
	       is_host_name(ret->selector) && tag_list_find(&tags, "b", &value) &&
	       tag_base64(arena, value, &ret->signature, &ret->signature_text) &&
	       (kind == DKIM_CLAIM_ARC_SEAL || read_signed(arena, &tags, now_s, ret)) &&
	       fits_kind(&tags, kind, ret);
}

/* ---- keys ---- */

bool dkim_claim_name(const struct dkim_claim *claim, char out[DKIM_KEY_NAME_MAX + 1])
{
	int len = snprintf(out, DKIM_KEY_NAME_MAX + 1, "%.*s._domainkey.%.*s",
			   BYTES_ARGS(claim->selector), BYTES_ARGS(claim->domain));
	ascii_lower_text(out);
	return len > 0 && len <= DKIM_KEY_NAME_MAX;
}

bool dkim_claim_ask(const struct dkim_claim *claim, struct dkim_keys *keys)
{
	char name[DKIM_KEY_NAME_MAX + 1];
	if (!dkim_claim_name(claim, name))
		return false;
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].name, name) == 0)
			return true;
	if (keys->count == DKIM_KEYS_MAX)
		return false;
	struct dkim_key *key = &keys->items[keys->count++];
	*key = (struct dkim_key){.state = DKIM_KEY_UNKNOWN};
	memcpy(key->name, name, sizeof name);
	return true;
}
