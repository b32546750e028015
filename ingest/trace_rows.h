/* What is known of messages, as rows of a store: a head for each message, and for each of its recipients the latest result. Found by
 * tenant and id together, so that nobody can ask for the messages of others. Functions on transactions; no clock, no thread. */
#ifndef LEVERET_INGEST_TRACE_ROWS_H
#define LEVERET_INGEST_TRACE_ROWS_H

#include "lib/base/arena.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

/* Databases the store must have been opened with. */
#define TRACE_ROWS_DATABASE  "traces"
#define TRACE_ORDER_DATABASE "traces.order"

#define TRACE_LISTED_MAX 1000 /* recipients of a message that are told one by one */
#define TRACE_ID_SIZE	 16

struct trace_id {
	uint8_t bytes[TRACE_ID_SIZE];
};
struct trace_id trace_id_of(struct bytes tenant, struct bytes message);

struct trace_rows {
	int rows, order; /* databases */
};
struct trace_rows trace_rows_of(const struct store *store);

struct trace_head {
	int64_t accepted_wall_ms;
	struct bytes user, campaign; /* by which key or user; none: nobody logged in */
	size_t recipient_count;
	struct bytes *listed; /* the first of them */
	size_t listed_count;
};
/* As bytes in the arena, and back (borrowed from `in`, which ours wrote: E_MALFORMED is a damaged store). */
struct bytes trace_head_encode(struct arena *arena, const struct trace_head *head);
enum err trace_head_decode(struct arena *arena, struct bytes in, struct trace_head *ret) MUST_USE;

/* Jobs. A message that is known stays as it was noted first: a mail that goes on after a failure has only the rest of its recipients. */
enum err trace_put_head(struct store_txn *txn, const struct trace_rows *rows,
			const struct trace_id *id, int64_t accepted_wall_ms,
			struct bytes head) MUST_USE;
/* OK too when the message is not known, or a later result is. */
enum err trace_put_result(struct store_txn *txn, const struct trace_rows *rows,
			  const struct result *result) MUST_USE;
/* Drop the oldest messages that were accepted before, or while there are more than rows_max rows; at most so much that others are not
 * kept waiting. *ret_is_over: nothing is left to do. */
enum err trace_sweep(struct store_txn *txn, const struct trace_rows *rows, int64_t before_wall_ms,
		     uint64_t rows_max, bool *ret_is_over) MUST_USE;

struct trace { /* in the arena */
	struct trace_head head;
	uint64_t event_counts[RESULT_EVENT_LAST + 1]; /* latest results, by event */
	struct result *latest; /* of each listed recipient; event 0: none yet */
};
/* E_NOT_FOUND, E_IO. At most TRACE_LISTED_MAX rows and two are read, however many recipients there are. */
enum err trace_read(struct store_txn *txn, const struct trace_rows *rows, const struct trace_id *id,
		    struct arena *arena, struct trace *ret) MUST_USE;

#endif
