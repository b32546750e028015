/* What a verb and workers say to each other about a tap. Pure.
 *
 * A question is repeated every TAP_RENEW_MS as long as somebody reads: a tap ends TAP_LEASE_MS after the last, so one whose reader
 * was killed, or stands still, ends by itself. A worker answers each, also when it has nothing to tell. */
#ifndef LEVERET_WORKERS_TAPS_TAP_WORD_H
#define LEVERET_WORKERS_TAPS_TAP_WORD_H

#include "lib/base/buf.h"

#define TAP_QUESTION   "trace" /* the kind of the question (broker/questions.h) */
#define TAP_RENEW_MS   1500
#define TAP_LEASE_MS   5000
#define TAP_ID_MAX     40
#define TAP_VALUE_MAX  500
#define TAP_WORKER_MAX 400

struct tap_wish {
	char id[TAP_ID_MAX + 1];   /* of the tap, made by who asks */
	bool as_json, has_headers; /* the messages' header fields, too */
	bool ends;		   /* nobody reads any more */
	/* What is meant: all that are given hold. "": any. */
	char site[TAP_VALUE_MAX + 1], domain[TAP_VALUE_MAX + 1], recipient[TAP_VALUE_MAX + 1],
		source[TAP_VALUE_MAX + 1], message[TAP_VALUE_MAX + 1];
};

/* With the question's kind in front. E_FULL; E_MALFORMED: a value that cannot be written, as it has a line's end. */
enum err tap_wish_write(const struct tap_wish *wish, struct buf *out) MUST_USE;
/* From what follows the kind. False: it asks for something that is not known here, or for nothing. */
bool tap_wish_read(struct bytes text, struct tap_wish *ret);

/* What stands before the lines of an answer. */
struct tap_head {
	char worker[TAP_WORKER_MAX + 1];
	uint64_t since;		/* when this worker began with it: counts begin there */
	uint64_t told_count;	/* lines sent, those of this answer too */
	uint64_t dropped_count; /* lines that were too many to be sent */
};
#define TAP_HEAD_ROOM (TAP_WORKER_MAX + 80)
enum err tap_head_write(const struct tap_head *head, struct buf *out) MUST_USE;
bool tap_head_read(struct bytes answer, struct tap_head *ret, struct bytes *ret_lines);

#endif
