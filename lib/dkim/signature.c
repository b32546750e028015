/* One field after the other: the tags, the fields that h= names hashed in its order, then the field itself without its signature. */
#include "lib/dkim/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/dkim/field_writing.h"
#include "lib/dkim/header_digest.h"

/* ---- bodies ---- */

struct dkim_body {
	bool is_binary;
	struct {
		bool is_wanted;
		struct canon_body canon;
		struct digest_stream *digest;
	} forms[CANON_COUNT];
};

static void to_digest(void *owner, struct bytes b)
{
	digest_stream_add(owner, b);
}

static void begin_forms(struct dkim_body *body)
{
	for (enum canon c = 0; c < CANON_COUNT; c++) {
		struct canon_sink sink = {to_digest, body->forms[c].digest};
		if (!body->forms[c].is_wanted)
			continue;
		canon_body_begin(&body->forms[c].canon, c, &sink);
		if (body->is_binary)
			canon_body_take_binary(&body->forms[c].canon);
	}
}

struct dkim_body *dkim_body_new(const struct dkim_wish *wishes, size_t count)
{
	struct dkim_body *body = memory_new(sizeof *body);
	body->is_binary = count > 0 && wishes[0].is_binary;
	for (size_t i = 0; i < count; i++)
		body->forms[wishes[i].body_canon].is_wanted = true;
	for (enum canon c = 0; c < CANON_COUNT; c++)
		if (body->forms[c].is_wanted)
			body->forms[c].digest = digest_stream_new();
	begin_forms(body);
	return body;
}

void dkim_body_free(struct dkim_body **body)
{
	if (!*body)
		return;
	for (enum canon c = 0; c < CANON_COUNT; c++)
		digest_stream_free(&(*body)->forms[c].digest);
	free(*body);
	*body = NULL;
}

void dkim_body_add(struct dkim_body *body, struct bytes b)
{
	for (enum canon c = 0; c < CANON_COUNT; c++)
		if (body->forms[c].is_wanted)
			canon_body_add(&body->forms[c].canon, b);
}

struct dkim_body_hashes dkim_body_finish(struct dkim_body *body)
{
	struct dkim_body_hashes hashes;
	memset(&hashes, 0, sizeof hashes);
	for (enum canon c = 0; c < CANON_COUNT; c++) {
		if (!body->forms[c].is_wanted)
			continue;
		canon_body_end(&body->forms[c].canon);
		hashes.of[c] = digest_stream_finish(body->forms[c].digest);
	}
	begin_forms(body);
	return hashes;
}

/* ---- which fields ---- */

struct selection {
	const struct header_field *fields[DKIM_SIGNED_FIELDS_MAX]; /* as h= counts: from below */
	size_t field_count;
};

static enum err select_name(const struct header *header, const char *name_text,
			    struct selection *all, size_t *ret_count)
{
	struct bytes name = bytes_of(name_text);
	*ret_count = 0;
	for (size_t i = header->field_count; i-- > 0;) {
		if (!bytes_equal_nocase(header->fields[i].name, name))
			continue;
		if (all->field_count == DKIM_SIGNED_FIELDS_MAX)
			return E_TOO_BIG;
		all->fields[all->field_count++] = &header->fields[i];
		(*ret_count)++;
	}
	return OK;
}

static enum err check_from(const struct header *header, struct why *why)
{
	size_t count = 0;
	for (size_t i = 0; i < header->field_count; i++)
		count += bytes_is_nocase(header->fields[i].name, "from");
	if (count == 1)
		return OK;
	return fail(why, E_MALFORMED,
		    count == 0 ? "it has no From field" : "it has more than one From field");
}

/* ---- writing ---- */

static void write_name(struct field_writing *w, const char *name, bool *is_first)
{
	char piece[100];
	size_t len = 0;
	if (!*is_first)
		piece[len++] = ':';
	for (; *name && len < sizeof piece - 1; name++)
		piece[len++] = (char)ascii_lower((uint8_t)*name);
	piece[len] = '\0';
	field_piece(w, piece);
	*is_first = false;
}

static bool has_name(struct dkim_names names, size_t until, const char *name)
{
	for (size_t i = 0; i < until; i++)
		if (bytes_is_nocase(bytes_of(names.items[i]), name))
			return true;
	return false;
}

struct naming {
	const struct header *header;
	const struct dkim_wish *wish;
	struct field_writing *writing;
	struct selection *selection;
	bool is_first;
};

/* `extra` is 1 for one field more than there are. */
static enum err name_one(struct naming *n, const char *name, size_t extra)
{
	size_t count;
	enum err err = select_name(n->header, name, n->selection, &count);
	for (size_t i = 0; err == OK && i < count + extra; i++)
		write_name(n->writing, name, &n->is_first);
	return err;
}

static enum err write_names(struct naming *n)
{
	const struct dkim_names oversigned = n->wish->oversigned, names = n->wish->names;
	enum err err = OK;
	field_text(n->writing, "h=", 2);
	if (!has_name(oversigned, oversigned.count, "from"))
		err = name_one(n, "from", 0);
	for (size_t i = 0; err == OK && i < oversigned.count; i++)
		if (!has_name(oversigned, i, oversigned.items[i]))
			err = name_one(n, oversigned.items[i], 1);
	for (size_t i = 0; err == OK && i < names.count; i++)
		if (!has_name(names, i, names.items[i]) &&
		    !has_name(oversigned, oversigned.count, names.items[i]) &&
		    strcasecmp(names.items[i], "from") != 0)
			err = name_one(n, names.items[i], 0);
	field_text(n->writing, ";", 1);
	return err;
}

static void write_numbers(struct field_writing *w, const struct dkim_wish *wish)
{
	char number[32];
	(void)snprintf(number, sizeof number, "%lld", (long long)wish->signed_at_s);
	field_tag(w, "t", number);
	(void)snprintf(number, sizeof number, "%lld", (long long)wish->expires_at_s);
	if (wish->expires_at_s > 0)
		field_tag(w, "x", number);
}

static void write_start(struct field_writing *w, unsigned arc_instance)
{
	char number[16];
	const char *name = arc_instance > 0 ? "ARC-Message-Signature:" : "DKIM-Signature:";
	(void)snprintf(number, sizeof number, "%u", arc_instance > 0 ? arc_instance : 1);
	field_text(w, name, strlen(name));
	field_tag(w, arc_instance > 0 ? "i" : "v", number);
}

/* All tags; b= is left open, and last, so that the signature is the end of the field. */
static enum err write_tags(struct naming *n, const struct digest *body_hash)
{
	static const char *const forms[CANON_COUNT][CANON_COUNT] = {
		[CANON_SIMPLE] = {"simple/simple", "simple/relaxed"},
		[CANON_RELAXED] = {"relaxed/simple", "relaxed/relaxed"},
	};
	const struct dkim_wish *wish = n->wish;
	bool is_rsa = signing_key_kind(wish->key) == SIGNING_RSA;
	struct field_writing *w = n->writing;
	write_start(w, wish->arc_instance);
	field_tag(w, "a", is_rsa ? "rsa-sha256" : "ed25519-sha256");
	field_tag(w, "c", forms[wish->header_canon][wish->body_canon]);
	field_tag(w, "d", wish->domain);
	field_tag(w, "s", wish->selector);
	write_numbers(w, wish);
	field_fold(w);
	enum err err = write_names(n);
	field_fold(w);
	field_text(w, "bh=", 3);
	field_base64(w, bytes_from(body_hash->bytes, DIGEST_SIZE));
	field_text(w, ";", 1);
	field_fold(w);
	field_text(w, "b=", 2);
	return err != OK ? err : w->err;
}

/* ---- signing ---- */

static struct digest hash_fields(const struct selection *selection, enum canon canon,
				 struct bytes own)
{
	struct header_digest digest;
	header_digest_begin(&digest);
	for (size_t i = 0; i < selection->field_count; i++)
		header_digest_add(&digest, canon, selection->fields[i]->whole, true);
	header_digest_add(&digest, canon, own, false);
	return header_digest_end(&digest);
}

static enum err write_signature(struct field_writing *w, const struct dkim_wish *wish,
				const struct digest *digest)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	enum err err = signing_key_sign(wish->key, digest, signature, &len);
	if (err != OK)
		return err;
	field_base64(w, bytes_from(signature, len));
	field_text(w, "\r\n", 2);
	return w->err;
}

static enum err write_field(const struct header *header, const struct digest *body_hash,
			    const struct dkim_wish *wish, struct buf *out)
{
	struct selection selection = {.field_count = 0};
	struct field_writing w = {.out = out};
	struct naming n = {header, wish, &w, &selection, true};
	enum err err = write_tags(&n, body_hash);
	if (err != OK)
		return err;
	struct digest digest = hash_fields(&selection, wish->header_canon, buf_bytes(out));
	return write_signature(&w, wish, &digest);
}

enum err dkim_sign(const struct header *header, const struct dkim_body_hashes *hashes,
		   const struct dkim_wish *wish, struct buf *out, struct why *why)
{
	struct buf field;
	enum err err = check_from(header, why);
	if (err != OK)
		return err;
	buf_init(&field, DKIM_SIGNATURE_FIELD_MAX);
	err = write_field(header, &hashes->of[wish->body_canon], wish, &field);
	if (err == E_TOO_BIG || err == E_FULL)
		err = fail(why, E_TOO_BIG, "it has too many header fields to sign");
	else if (err != OK)
		err = fail(why, err, "the key of %s, selector %s, did not sign", wish->domain,
			   wish->selector);
	if (err == OK && (err = buf_append(out, buf_bytes(&field))) != OK)
		err = fail(why, err, "too many signatures");
	buf_done(&field);
	return err;
}

enum err dkim_sign_message(struct bytes message, const struct dkim_wish *wishes, size_t count,
			   struct buf *out, struct why *why)
{
	struct header header;
	struct buf fields;
	struct arena *arena = arena_new();
	buf_init(&fields, count * DKIM_SIGNATURE_FIELD_MAX);
	enum err err = header_read(arena, message, &header, why);
	if (err == OK) {
		struct dkim_body *body = dkim_body_new(wishes, count);
		dkim_body_add(body, header.body);
		struct dkim_body_hashes hashes = dkim_body_finish(body);
		dkim_body_free(&body);
		for (size_t i = 0; err == OK && i < count; i++)
			err = dkim_sign(&header, &hashes, &wishes[i], &fields, why);
	}
	if (err == OK && (err = buf_append(out, buf_bytes(&fields))) != OK)
		err = fail(why, err, "too many signatures");
	buf_done(&fields);
	arena_free(&arena);
	return err;
}
