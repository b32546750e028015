/* What DKIM reads of outside bytes: headers, From fields, bodies in any pieces, records. The first two bytes say how the body is cut; however that is,
 * and in whatever pieces the worker would send it, the canonical form is the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dkim/record.h"
#include "lib/dkim/signature.h"
#include "lib/mail/mailbox.h"
#include "workers/smtp/body.h"

static void keep(void *owner, struct bytes b)
{
	assert(b.len > 0 && buf_append(owner, b) == OK);
}

static bool is_binary;

static void canonical(enum canon canon, struct bytes in, uint8_t seed, struct buf *out)
{
	static struct canon_body body;
	struct canon_sink sink = {keep, out};
	buf_init(out, (size_t)64 << 20);
	canon_body_begin(&body, canon, &sink);
	if (is_binary)
		canon_body_take_binary(&body);
	for (uint8_t step = seed; in.len > 0; step = (uint8_t)(step * 5 + 1)) {
		size_t len = seed == 0 || step >= in.len ? in.len : (size_t)step;
		canon_body_add(&body, bytes_first(in, len));
		in = bytes_skip(in, len);
	}
	canon_body_end(&body);
}

/* Without the dots of SMTP, as the remote host sees it. */
static void as_sent(struct bytes content, struct buf *out)
{
	struct body body;
	bool is_line_start = true;
	buf_init(out, (size_t)64 << 20);
	body_init(&body, BODY_DOTTED, BYTES_NONE, content);
	for (struct bytes piece; (piece = body_piece(&body)).len > 0; body_take_piece(&body)) {
		bool is_dot = is_line_start && bytes_is(piece, ".");
		if (!is_dot)
			assert(buf_append(out, piece) == OK);
		is_line_start = piece.data[piece.len - 1] == '\n';
	}
	assert(out->len >= 3);
	out->len -= 3; /* the final dot */
}

static void check_body(struct bytes content, uint8_t seed)
{
	for (enum canon canon = 0; canon < CANON_COUNT; canon++) {
		struct buf whole, cut, sent, of_sent;
		canonical(canon, content, 0, &whole);
		canonical(canon, content, seed, &cut);
		assert(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
		as_sent(content, &sent);
		canonical(canon, buf_bytes(&sent), seed, &of_sent);
		assert(bytes_equal(buf_bytes(&whole), buf_bytes(&of_sent)));
		buf_done(&whole);
		buf_done(&cut);
		buf_done(&sent);
		buf_done(&of_sent);
	}
}

/* As it stands on the wire already. */
static void check_binary(struct bytes content, uint8_t seed)
{
	is_binary = true;
	for (enum canon canon = 0; canon < CANON_COUNT; canon++) {
		struct buf whole, cut;
		canonical(canon, content, 0, &whole);
		canonical(canon, content, seed, &cut);
		assert(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
		buf_done(&whole);
		buf_done(&cut);
	}
	is_binary = false;
}

static void check_message(struct bytes message, struct signing_key *key)
{
	static const char *const oversigned[] = {"From", "Subject", "To"};
	static const char *const names[] = {"x-a"};
	struct dkim_wish wishes[2] = {{
		.domain = "example.com",
		.selector = "s",
		.key = key,
		.header_canon = CANON_RELAXED,
		.body_canon = CANON_RELAXED,
		.oversigned = {oversigned, 3},
		.names = {names, 1},
		.signed_at_s = 1,
	}};
	struct buf first, second, sent;
	struct why why;
	wishes[1] = wishes[0];
	wishes[1].header_canon = wishes[1].body_canon = CANON_SIMPLE;
	buf_init(&first, 2 * DKIM_SIGNATURE_FIELD_MAX);
	buf_init(&second, 2 * DKIM_SIGNATURE_FIELD_MAX);
	enum err err = dkim_sign_message(message, wishes, 2, &first, &why);
	as_sent(message, &sent);
	assert(dkim_sign_message(buf_bytes(&sent), wishes, 2, &second, &why) == err);
	assert(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	buf_done(&first);
	buf_done(&second);
	buf_done(&sent);
}

/* A domain is a piece of the value, and nothing that could be two. */
static void check_mailbox(struct bytes value)
{
	struct bytes domain;
	if (!mailbox_domain(value, &domain))
		return;
	assert(domain.len > 0 && domain.data >= value.data &&
	       domain.data + domain.len <= value.data + value.len);
	for (size_t i = 0; i < domain.len; i++)
		assert(domain.data[i] > ' ' && !strchr("<>,;:()\"@", domain.data[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct signing_key *key;
	struct bytes in = bytes_from(data, size);
	if (!key)
		key = signing_key_generate(SIGNING_ED25519, 0);
	if (size == 0)
		return 0;
	(void)dkim_record_compare(in, key);
	check_mailbox(in);
	check_body(bytes_skip(in, 1), data[0]);
	check_binary(bytes_skip(in, 1), data[0]);
	check_message(bytes_skip(in, 1), key);
	return 0;
}
