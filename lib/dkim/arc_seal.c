/* Our link: what we found out, a signature of the message as it leaves, and the seal over all sets. A seal that says cv=fail is over its own
 * set only (RFC 8617 5.1.2), since what came before may be anything. */
#include <stdio.h>
#include <string.h>

#include "lib/dkim/arc_inner.h"
#include "lib/dkim/field_writing.h"

struct link_fields {
	struct buf results, signature, seal;
};

bool arc_may_seal(const struct arc_chain *chain)
{
	return !chain->has_failed && chain->count < ARC_INSTANCES_MAX;
}

static enum err write_results(const struct arc_link *link, unsigned instance, struct buf *out)
{
	enum err err = buf_printf(out, "ARC-Authentication-Results: i=%u; %s;", instance,
				  link->authserv_id);
	if (err == OK)
		err = buf_append(out, link->results);
	if (err == OK)
		err = buf_printf(out, "\r\n arc=%s\r\n", arc_status_text(link->status));
	return err;
}

static void write_seal_tags(struct field_writing *w, const struct arc_link *link, unsigned instance)
{
	const struct dkim_wish *wish = link->wish;
	char number[32];
	field_text(w, "ARC-Seal:", strlen("ARC-Seal:"));
	(void)snprintf(number, sizeof number, "%u", instance);
	field_tag(w, "i", number);
	field_tag(w, "a", "rsa-sha256");
	(void)snprintf(number, sizeof number, "%lld", (long long)wish->signed_at_s);
	field_tag(w, "t", number);
	field_tag(w, "cv", arc_status_text(link->status));
	field_tag(w, "d", wish->domain);
	field_tag(w, "s", wish->selector);
	field_fold(w);
	field_text(w, "b=", 2);
}

static enum err sign_seal(struct field_writing *w, const struct arc_link *link,
			  const struct digest *digest)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	enum err err = signing_key_sign(link->wish->key, digest, signature, &len);
	if (err != OK)
		return err;
	field_base64(w, bytes_from(signature, len));
	field_text(w, "\r\n", 2);
	return w->err;
}

static enum err write_seal(const struct arc_chain *chain, const struct arc_link *link,
			   unsigned instance, struct link_fields *fields)
{
	struct field_writing w = {.out = &fields->seal};
	struct header_digest digest;
	write_seal_tags(&w, link, instance);
	arc_seal_digest_begin(&digest, chain, link->status == ARC_PASS ? chain->count : 0);
	header_digest_add(&digest, CANON_RELAXED, buf_bytes(&fields->results), true);
	header_digest_add(&digest, CANON_RELAXED, buf_bytes(&fields->signature), true);
	header_digest_add(&digest, CANON_RELAXED, buf_bytes(&fields->seal), false);
	struct digest end = header_digest_end(&digest);
	return w.err != OK ? w.err : sign_seal(&w, link, &end);
}

static enum err append_all(const struct link_fields *fields, struct buf *out)
{
	if (buf_room(out) < fields->results.len + fields->signature.len + fields->seal.len)
		return E_FULL;
	enum err err = buf_append(out, buf_bytes(&fields->seal));
	if (err == OK)
		err = buf_append(out, buf_bytes(&fields->signature));
	if (err == OK)
		err = buf_append(out, buf_bytes(&fields->results));
	return err;
}

enum err arc_seal(const struct header *header, const struct arc_chain *chain,
		  const struct dkim_body_hashes *hashes, const struct arc_link *link,
		  struct buf *out, struct why *why)
{
	struct link_fields fields;
	unsigned instance = chain->count + 1;
	link->wish->arc_instance = instance;
	buf_init(&fields.results, DKIM_SIGNATURE_FIELD_MAX);
	buf_init(&fields.signature, DKIM_SIGNATURE_FIELD_MAX);
	buf_init(&fields.seal, DKIM_SIGNATURE_FIELD_MAX);
	enum err err = write_results(link, instance, &fields.results);
	if (err == OK)
		err = dkim_sign(header, hashes, link->wish, &fields.signature, why);
	if (err == OK)
		err = write_seal(chain, link, instance, &fields);
	if (err == OK)
		err = append_all(&fields, out);
	if (err != OK && err != E_MALFORMED && err != E_TOO_BIG)
		err = fail(why, err, "the key of %s, selector %s, did not seal", link->wish->domain,
			   link->wish->selector);
	buf_done(&fields.results);
	buf_done(&fields.signature);
	buf_done(&fields.seal);
	return err;
}
