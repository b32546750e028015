/* One line of a tap (leveret trace) as text or as a JSON object, with its line's end. What hosts and submitters chose is escaped: no byte of theirs
 * reaches a terminal as a control. Pure. */
#ifndef LEVERET_WORKERS_TAPS_TAP_LINE_H
#define LEVERET_WORKERS_TAPS_TAP_LINE_H

#include "lib/base/buf.h"
#include "lib/net/address.h"

#define TAP_TEXT_MAX 1000 /* of what was said, in bytes; longer is cut, and says so */

/* kind, its name, what stands before its text */
#define TAP_KINDS(X)                                                                               \
	X(DNS, "dns", "* ")   /* hosts that mail may go to, or why there is none */                \
	X(WAIT, "wait", "* ") /* why nothing is sent now */                                        \
	X(OPEN, "open", "* ") /* a session begins, or one is reused */                             \
	X(CONNECTED, "connected", "* ")                                                            \
	X(TLS, "tls", "* ")                                                                        \
	X(MESSAGE, "message", "* ") /* a transaction begins */                                     \
	X(SENT, "sent", "> ")                                                                      \
	X(HEADER, "header", "> ")                                                                  \
	X(BODY, "body", "> ") /* its size */                                                       \
	X(RECEIVED, "received", "< ")                                                              \
	X(OUTCOME, "outcome", "* ") /* of one recipient */                                         \
	X(CLOSED, "closed", "* ")

#define X(kind, ...) TAP_##kind,
enum tap_kind { TAP_KINDS(X) TAP_KIND_COUNT };
#undef X

struct tap_line { /* borrowed; "" and none: not known */
	enum tap_kind kind;
	int64_t wall_ms;
	const char *worker, *host; /* of it: its name, and the machine it runs on */
	uint64_t session;	   /* counts a worker's sessions; 0: of none */
	struct bytes site, next_hop, source;
	const struct net_address *local, *remote; /* NULL: not known */
	const char *mx;				  /* the host's name; NULL: not known */
	struct bytes message, recipient;
	struct bytes text;
	int64_t after_ms; /* since the last command of the session; -1: not told */
};

/* All or nothing: E_FULL. */
enum err tap_line_write(const struct tap_line *line, bool as_json, struct buf *out) MUST_USE;

/* Controls (C1 and those that turn the direction of writing, too), malformed UTF-8 and backslashes as \xNN, or as JSON has them inside
 * a string. NUL-terminated, cut at a character. */
void tap_escape(struct bytes b, bool as_json, char *out, size_t size);

#endif
