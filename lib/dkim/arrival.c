/* See arrival.h. */
#include "lib/dkim/arrival.h"

#include <string.h>

#include "lib/base/memory.h"

struct arrival {
	struct arena *arena;
	struct header header;
	struct arc_chain chain;
	int64_t now_s;
	struct {
		bool is_readable;
		struct dkim_claim claim;
	} signatures[ARRIVAL_SIGNATURES_MAX];
	size_t signature_count;
	struct dkim_keys keys;
	enum arc_status status;
};

/* ---- reading ---- */

static void read_signatures(struct arrival *a)
{
	for (size_t i = 0; i < a->header.field_count; i++) {
		const struct header_field *field = &a->header.fields[i];
		if (a->signature_count == ARRIVAL_SIGNATURES_MAX)
			return;
		if (!bytes_is_nocase(field->name, "dkim-signature"))
			continue;
		size_t at = a->signature_count++;
		struct dkim_claim *claim = &a->signatures[at].claim;
		a->signatures[at].is_readable =
			dkim_claim_read(a->arena, field, DKIM_CLAIM_SIGNATURE, a->now_s, claim);
		if (a->signatures[at].is_readable)
			(void)dkim_claim_ask(claim, &a->keys);
	}
}

enum err arrival_read(struct bytes message, int64_t now_s, struct arrival **ret, struct why *why)
{
	struct arrival *a = memory_new(sizeof *a);
	a->arena = arena_new();
	a->now_s = now_s;
	enum err err = header_read(a->arena, message, &a->header, why);
	if (err != OK) {
		arrival_free(&a);
		return err;
	}
	arc_chain_read(&a->header, &a->chain);
	arc_chain_ask(a->arena, &a->chain, now_s, &a->keys);
	read_signatures(a);
	*ret = a;
	return OK;
}

void arrival_free(struct arrival **arrival)
{
	if (!*arrival)
		return;
	arena_free(&(*arrival)->arena);
	free(*arrival);
	*arrival = NULL;
}

struct dkim_keys *arrival_keys(struct arrival *a)
{
	return &a->keys;
}

struct arena *arrival_arena(struct arrival *a)
{
	return a->arena;
}

enum arc_status arrival_status(const struct arrival *a)
{
	return a->status;
}

/* ---- judging ---- */

static enum err write_result(struct dkim_verifier *verifier, const struct dkim_claim *claim,
			     struct buf *out)
{
	char start[9];
	if (!claim)
		return buf_append_text(out, "\r\n dkim=neutral;");
	struct bytes b = claim->signature_text;
	(void)bytes_to_cstr(bytes_first(b, sizeof start - 1), start, sizeof start);
	return buf_printf(out, "\r\n dkim=%s header.d=%.*s\r\n header.s=%.*s header.b=\"%s\";",
			  dkim_verdict_text(dkim_verify(verifier, claim)),
			  BYTES_ARGS(claim->domain), BYTES_ARGS(claim->selector), start);
}

static enum err write_results(struct arrival *a, struct dkim_verifier *verifier, struct buf *out)
{
	enum err err = a->signature_count == 0 ? buf_append_text(out, "\r\n dkim=none;") : OK;
	for (size_t i = 0; err == OK && i < a->signature_count; i++)
		err = write_result(verifier,
				   a->signatures[i].is_readable ? &a->signatures[i].claim : NULL,
				   out);
	return err;
}

/* ---- signing ---- */

/* The header with our own fields before it. */
static enum err join(struct arrival *a, struct bytes fields, struct header *ret, struct why *why)
{
	struct header own;
	enum err err = header_read(a->arena, fields, &own, why);
	if (err != OK)
		return err;
	size_t count = own.field_count + a->header.field_count;
	*ret = a->header;
	ret->fields = arena_zalloc(a->arena, count + 1, sizeof *ret->fields);
	ret->field_count = count;
	if (own.field_count > 0)
		memcpy(ret->fields, own.fields, own.field_count * sizeof *ret->fields);
	if (a->header.field_count > 0)
		memcpy(ret->fields + own.field_count, a->header.fields,
		       a->header.field_count * sizeof *ret->fields);
	return OK;
}

static enum err seal(struct arrival *a, struct dkim_verifier *verifier, struct bytes fields,
		     const struct dkim_body_hashes *hashes, const struct arrival_seal *wanted,
		     struct buf *out, struct why *why)
{
	struct buf results;
	struct header header;
	buf_init(&results, DKIM_SIGNATURE_FIELD_MAX);
	enum err err = write_results(a, verifier, &results);
	if (err == OK)
		err = join(a, fields, &header, why);
	struct arc_link link = {wanted->wish, wanted->authserv_id, buf_bytes(&results), a->status};
	if (err == OK)
		err = arc_seal(&header, &a->chain, hashes, &link, out, why);
	buf_done(&results);
	return err;
}

static struct dkim_body_hashes hash_bodies(struct dkim_verifier *verifier,
					   const struct dkim_wish *wishes, size_t count,
					   const struct arrival_seal *seal)
{
	struct dkim_body_hashes hashes;
	memset(&hashes, 0, sizeof hashes);
	for (size_t i = 0; i < count; i++)
		hashes.of[wishes[i].body_canon] =
			dkim_verifier_hash(verifier, wishes[i].body_canon);
	hashes.of[seal->wish->body_canon] = dkim_verifier_hash(verifier, seal->wish->body_canon);
	return hashes;
}

enum err arrival_sign(struct arrival *a, const struct dkim_wish *wishes, size_t count,
		      const struct arrival_seal *wanted, struct buf *out, bool *ret_is_sealed,
		      struct why *why)
{
	struct dkim_verifier verifier = {.arena = a->arena, .header = &a->header, .keys = &a->keys};
	struct buf signatures, set;
	struct why chain_why = {""};
	enum err err = OK;
	a->status = arc_chain_validate(&verifier, &a->chain, a->now_s, &chain_why);
	struct dkim_body_hashes hashes = hash_bodies(&verifier, wishes, count, wanted);
	bool is_sealed = arc_may_seal(&a->chain);
	buf_init(&signatures, (count + 1) * DKIM_SIGNATURE_FIELD_MAX);
	buf_init(&set, ARRIVAL_FIELDS_MAX);
	for (size_t i = 0; err == OK && i < count; i++)
		err = dkim_sign(&a->header, &hashes, &wishes[i], &signatures, why);
	if (err == OK && is_sealed)
		err = seal(a, &verifier, buf_bytes(&signatures), &hashes, wanted, &set, why);
	if (err == OK && buf_room(out) < set.len + signatures.len)
		err = fail(why, E_FULL, "too many signatures");
	if (err == OK)
		err = buf_append(out, buf_bytes(&set));
	if (err == OK)
		err = buf_append(out, buf_bytes(&signatures));
	if (err == OK)
		*ret_is_sealed = is_sealed;
	buf_done(&signatures);
	buf_done(&set);
	return err;
}
