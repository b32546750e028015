/* Reading and judging a chain: structure first, then the newest signature, then the seals from the newest down (RFC 8617 5.2). */
#include <string.h>

#include "lib/dkim/arc.h"
#include "lib/dkim/arc_inner.h"
#include "lib/dkim/tag_list.h"

const char *arc_status_text(enum arc_status status)
{
	static const char *const texts[] = {"none", "pass", "fail"};
	return texts[status];
}

/* ---- reading ---- */

/* The i= tag of ARC-Authentication-Results stands before what is no list of tags. */
static bool read_instance(const struct header_field *field, bool is_results, unsigned *ret)
{
	struct tag_list tags;
	struct bytes value = field->value, number;
	uint64_t instance;
	if (is_results) {
		ptrdiff_t end = bytes_find(value, ';');
		value = bytes_first(value, end < 0 ? 0 : (size_t)end);
	}
	if (!tag_list_read(value, &tags) || !tag_list_find(&tags, "i", &number) ||
	    !bytes_to_u64(number, ARC_INSTANCES_MAX, &instance) || instance == 0)
		return false;
	*ret = (unsigned)instance;
	return true;
}

static const struct header_field **place_of(struct arc_set *set, struct bytes name)
{
	if (bytes_is_nocase(name, "arc-seal"))
		return &set->seal;
	if (bytes_is_nocase(name, "arc-message-signature"))
		return &set->signature;
	return &set->results;
}

static bool is_of_chain(struct bytes name)
{
	return bytes_is_nocase(name, "arc-seal") ||
	       bytes_is_nocase(name, "arc-message-signature") ||
	       bytes_is_nocase(name, "arc-authentication-results");
}

static void take(struct arc_chain *chain, const struct header_field *field)
{
	unsigned instance;
	bool is_results = bytes_is_nocase(field->name, "arc-authentication-results");
	if (!read_instance(field, is_results, &instance)) {
		chain->is_malformed = true;
		return;
	}
	const struct header_field **place = place_of(&chain->sets[instance - 1], field->name);
	chain->is_malformed |= *place != NULL;
	*place = field;
	if (instance > chain->count)
		chain->count = instance;
}

static bool says(const struct header_field *seal, const char *status)
{
	struct tag_list tags;
	struct bytes cv;
	return tag_list_read(seal->value, &tags) && tag_list_find(&tags, "cv", &cv) &&
	       bytes_is_nocase(cv, status);
}

/* Complete, and every seal says of those below it what lets a chain go on. */
static bool is_well_formed(const struct arc_chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++) {
		const struct arc_set *set = &chain->sets[i];
		if (!set->results || !set->signature || !set->seal)
			return false;
		if (!says(set->seal, i == 0 ? "none" : "pass"))
			return false;
	}
	return true;
}

void arc_chain_read(const struct header *header, struct arc_chain *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < header->field_count; i++)
		if (is_of_chain(header->fields[i].name))
			take(ret, &header->fields[i]);
	const struct arc_set *newest = ret->count > 0 ? &ret->sets[ret->count - 1] : NULL;
	ret->has_failed = newest && newest->seal && says(newest->seal, "fail");
	ret->is_malformed |= !is_well_formed(ret);
}

/* ---- judging ---- */

void arc_chain_ask(struct arena *arena, const struct arc_chain *chain, int64_t now_s,
		   struct dkim_keys *keys)
{
	struct dkim_claim claim;
	if (chain->is_malformed || chain->count == 0)
		return;
	const struct arc_set *newest = &chain->sets[chain->count - 1];
	if (dkim_claim_read(arena, newest->signature, DKIM_CLAIM_ARC_SIGNATURE, now_s, &claim))
		(void)dkim_claim_ask(&claim, keys);
	for (unsigned i = 0; i < chain->count; i++)
		if (dkim_claim_read(arena, chain->sets[i].seal, DKIM_CLAIM_ARC_SEAL, now_s, &claim))
			(void)dkim_claim_ask(&claim, keys);
}

/* All sets below, in their order, each as results, signature, seal; then the newest one with its own seal left open. */
void arc_seal_digest_begin(struct header_digest *digest, const struct arc_chain *chain,
			   unsigned count)
{
	header_digest_begin(digest);
	for (unsigned i = 0; i < count; i++) {
		const struct arc_set *set = &chain->sets[i];
		header_digest_add(digest, CANON_RELAXED, set->results->whole, true);
		header_digest_add(digest, CANON_RELAXED, set->signature->whole, true);
		header_digest_add(digest, CANON_RELAXED, set->seal->whole, true);
	}
}

static struct digest hash_seal(const struct dkim_verifier *v, const struct arc_chain *chain,
			       unsigned index)
{
	struct header_digest digest;
	const struct arc_set *set = &chain->sets[index];
	arc_seal_digest_begin(&digest, chain, index);
	header_digest_add(&digest, CANON_RELAXED, set->results->whole, true);
	header_digest_add(&digest, CANON_RELAXED, set->signature->whole, true);
	header_digest_add(&digest, CANON_RELAXED,
			  tag_list_without_signature(v->arena, set->seal->whole), false);
	return header_digest_end(&digest);
}

static enum dkim_verdict judge_seal(const struct dkim_verifier *v, const struct arc_chain *chain,
				    unsigned index, int64_t now_s)
{
	struct dkim_claim claim;
	if (!dkim_claim_read(v->arena, chain->sets[index].seal, DKIM_CLAIM_ARC_SEAL, now_s, &claim))
		return DKIM_NEUTRAL;
	struct digest digest = hash_seal(v, chain, index);
	return dkim_verify_digest(v, &claim, &digest);
}

static enum dkim_verdict judge_signature(struct dkim_verifier *v, const struct arc_chain *chain,
					 int64_t now_s)
{
	struct dkim_claim claim;
	const struct header_field *field = chain->sets[chain->count - 1].signature;
	if (!dkim_claim_read(v->arena, field, DKIM_CLAIM_ARC_SIGNATURE, now_s, &claim))
		return DKIM_NEUTRAL;
	enum dkim_verdict verdict = dkim_verify(v, &claim);
	return verdict == DKIM_POLICY ? DKIM_PASS : verdict;
}

static enum arc_status note(struct why *why, unsigned instance, const char *field,
			    enum dkim_verdict verdict)
{
	(void)fail(why, E_REFUSED, "%s %u: %s", field, instance, dkim_verdict_text(verdict));
	return ARC_FAIL;
}

enum arc_status arc_chain_validate(struct dkim_verifier *v, const struct arc_chain *chain,
				   int64_t now_s, struct why *why)
{
	if (chain->is_malformed) {
		(void)fail(why, E_MALFORMED, "%s",
			   chain->has_failed ? "it had failed before" : "its sets do not fit");
		return ARC_FAIL;
	}
	if (chain->count == 0)
		return ARC_NONE;
	enum dkim_verdict verdict = judge_signature(v, chain, now_s);
	if (verdict != DKIM_PASS)
		return note(why, chain->count, "signature", verdict);
	for (unsigned i = chain->count; i-- > 0;)
		if ((verdict = judge_seal(v, chain, i, now_s)) != DKIM_PASS)
			return note(why, i + 1, "seal", verdict);
	return ARC_PASS;
}
