/* Failures: what a system call, a peer or an input did wrong. Bugs are asserted, and a remote 550 is data.
 *
 * Functions that can fail return enum err, which the compiler insists on, and write detail for a person into a
 * struct why. Libraries return and never log; programs log once, where they decide. */
#ifndef LEVERET_LIB_BASE_ERR_H
#define LEVERET_LIB_BASE_ERR_H

#include <stdbool.h>

#define MUST_USE		 __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* name, text for logs, what the holder of a lease does when work on it fails so */
#define ERR_TABLE(X)                                                                               \
	X(OK, "ok", ERR_THEN_ACK)                                                                  \
	X(E_MALFORMED, "malformed", ERR_THEN_BURY)                                                 \
	X(E_TOO_BIG, "too big", ERR_THEN_BURY)                                                     \
	X(E_NOT_FOUND, "not found", ERR_THEN_BURY)                                                 \
	X(E_REFUSED, "refused", ERR_THEN_BURY)                                                     \
	X(E_UNROUTABLE, "unroutable", ERR_THEN_RETRY)                                              \
	X(E_AWAY, "away", ERR_THEN_RETRY)                                                          \
	X(E_BLOCKED, "blocked", ERR_THEN_RETRY)                                                    \
	X(E_FULL, "full", ERR_THEN_RETRY)                                                          \
	X(E_TIMEOUT, "timeout", ERR_THEN_RETRY)                                                    \
	X(E_CLOSED, "closed by the peer", ERR_THEN_RETRY)                                          \
	X(E_TLS, "TLS failure", ERR_THEN_RETRY)                                                    \
	X(E_IO, "input/output error", ERR_THEN_RETRY)                                              \
	X(E_CANCELLED, "cancelled", ERR_THEN_RETRY)

#define ERR_ENUM(name, text, then) name,
enum err { ERR_TABLE(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

enum err_then { ERR_THEN_ACK, ERR_THEN_RETRY, ERR_THEN_BURY };

const char *err_text(enum err err);
enum err_then err_then(enum err err);

/* Detail of a failure for a person: one line, no newline, cut when too long. NULL is accepted everywhere. */
struct why {
	char text[512];
};

#undef fail /* cmocka has a macro of this name, which tests do without */
/* Fill `why` and return `err`, so that failing is one line: return fail(why, E_IO, "open %s: %s", path, ...) */
enum err fail(struct why *why, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
