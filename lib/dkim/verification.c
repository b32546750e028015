/* The body's hash is compared first, then the signature over the header's: what a changed message fails by is told cheaply. */

#include "lib/dkim/verification_inner.h"

#include <string.h>

#include "lib/dkim/header_digest.h"
#include "lib/dkim/record.h"
#include "lib/dkim/tag_list.h"

const char *dkim_verdict_text(enum dkim_verdict verdict)
{
	static const char *const texts[] = {
		[DKIM_PASS] = "pass",		[DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy",	[DKIM_NEUTRAL] = "neutral",
		[DKIM_TEMPERROR] = "temperror", [DKIM_PERMERROR] = "permerror",
	};
	return texts[verdict];
}

/* ---- the body ---- */

struct limited { /* what l= leaves of it */
	struct digest_stream *digest;
	uint64_t left;
};

static void to_digest(void *owner, struct bytes b)
{
	struct limited *limited = owner;
	if (b.len > limited->left)
		b = bytes_first(b, (size_t)limited->left);
	limited->left -= b.len;
	digest_stream_add(limited->digest, b);
}

static struct digest hash_body(struct bytes body, enum canon canon, uint64_t max,
			       uint64_t *ret_left)
{
	struct canon_body form;
	struct limited limited = {digest_stream_new(), max};
	struct canon_sink sink = {to_digest, &limited};
	canon_body_begin(&form, canon, &sink);
	canon_body_add(&form, body);
	canon_body_end(&form);
	struct digest digest = digest_stream_finish(limited.digest);
	digest_stream_free(&limited.digest);
	*ret_left = limited.left;
	return digest;
}

struct digest dkim_verifier_hash(struct dkim_verifier *v, enum canon canon)
{
	uint64_t left;
	if (!v->has_hash[canon])
		v->hashes[canon] = hash_body(v->header->body, canon, UINT64_MAX, &left);
	v->has_hash[canon] = true;
	return v->hashes[canon];
}

static bool is_body_good(struct dkim_verifier *v, const struct dkim_claim *claim)
{
	uint64_t left = 0;
	if (claim->body_hash.len != DIGEST_SIZE)
		return false;
	struct digest digest = claim->has_body_max ? hash_body(v->header->body, claim->body_canon,
							       claim->body_max, &left)
						   : dkim_verifier_hash(v, claim->body_canon);
	return left == 0 && memcmp(digest.bytes, claim->body_hash.data, DIGEST_SIZE) == 0;
}

/* ---- the header ---- */

/* Of each name the next field from below (RFC 6376 5.4.2); a name for which none is left adds nothing. */
static struct digest hash_header(const struct dkim_verifier *v, const struct dkim_claim *claim)
{
	struct header_digest digest;
	const struct header *header = v->header;
	bool *is_used = arena_zalloc(v->arena, header->field_count + 1, sizeof *is_used);
	struct bytes names = claim->names;
	header_digest_begin(&digest);
	while (names.len > 0) {
		ptrdiff_t colon = bytes_find(names, ':');
		size_t len = colon < 0 ? names.len : (size_t)colon;
		struct bytes name = bytes_strip(bytes_first(names, len));
		names = bytes_skip(names, len + 1);
		size_t i = header->field_count;
		while (i > 0 &&
		       (is_used[i - 1] || !bytes_equal_nocase(header->fields[i - 1].name, name)))
			i--;
		if (i == 0)
			continue;
		is_used[i - 1] = true;
		header_digest_add(&digest, claim->header_canon, header->fields[i - 1].whole, true);
	}
	header_digest_add(&digest, claim->header_canon,
			  tag_list_without_signature(v->arena, claim->field), false);
	return header_digest_end(&digest);
}

/* ---- the key ---- */

static const struct dkim_key *find_key(const struct dkim_keys *keys, const struct dkim_claim *claim)
{
	char name[DKIM_KEY_NAME_MAX + 1];
	if (!dkim_claim_name(claim, name))
		return NULL;
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].name, name) == 0)
			return &keys->items[i];
	return NULL;
}

enum dkim_verdict dkim_verify_digest(const struct dkim_verifier *v, const struct dkim_claim *claim,
				     const struct digest *digest)
{
	const struct dkim_key *record = find_key(v->keys, claim);
	struct verifying_key *key = NULL;
	bool is_strict = false;
	if (!record || record->state == DKIM_KEY_MISSING)
		return DKIM_PERMERROR;
	if (record->state == DKIM_KEY_UNKNOWN)
		return DKIM_TEMPERROR;
	if (dkim_record_key(record->record, claim->kind, &key, &is_strict) != OK)
		return DKIM_PERMERROR;
	bool is_good = verifying_key_is_good(key, digest, claim->signature) &&
		       (!is_strict || bytes_equal_nocase(claim->identity, claim->domain));
	verifying_key_free(&key);
	return is_good ? DKIM_PASS : DKIM_FAIL;
}

enum dkim_verdict dkim_verify(struct dkim_verifier *v, const struct dkim_claim *claim)
{
	if (claim->has_expired || !is_body_good(v, claim))
		return DKIM_FAIL;
	struct digest digest = hash_header(v, claim);
	enum dkim_verdict verdict = dkim_verify_digest(v, claim, &digest);
	return verdict == DKIM_PASS && claim->has_body_max ? DKIM_POLICY : verdict;
}
