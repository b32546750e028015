/* What a program or service is asked that knows who may log in, and what it answers: JSON, on one line.
 *
 *   {"user": "shop", "password": "...", "address": "192.0.2.7", "listener": "submission"}
 *   {"status": 200, "tenant": "acme", "pool": "news", "domains": ["example.com", "*.example.com"]}
 *
 * status: 200 right, 401 or 403 wrong; a service by HTTP tells it by its own status, and its body may be empty. Pure. */
#ifndef LEVERET_INGEST_HTTP_LOGIN_FORM_H
#define LEVERET_INGEST_HTTP_LOGIN_FORM_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

#define LOGIN_ANSWER_MAX  ((size_t)256 << 10)
#define LOGIN_DOMAINS_MAX 1000

struct login_question { /* borrowed */
	struct bytes name, password;
	const char *address, *listener;
};
struct login_answer {
	int64_t status; /* 0: not told */
	struct bytes tenant, pool;
	struct bytes *domains;
	size_t domain_count;
};
/* E_MALFORMED: name or password is no UTF-8 text, so nobody can have it. */
enum err login_question_write(const struct login_question *question, struct buf *out) MUST_USE;
/* The answer lives in the arena. E_MALFORMED, with the place. */
enum err login_answer_read(struct arena *arena, struct bytes in, struct login_answer *ret,
			   struct why *why) MUST_USE;

#endif
