/* What is said of each recipient of a request, and the answer that says it. Pure. */
#ifndef LEVERET_INGEST_HTTP_VERDICT_H
#define LEVERET_INGEST_HTTP_VERDICT_H

#include "lib/base/buf.h"

#define VERDICTS_TEXT_MAX ((size_t)32 << 20) /* of 10,000 recipients at their longest */

struct verdict { /* in the order of the request */
	struct bytes address;
	struct bytes id;      /* none: refused */
	const char *enhanced; /* "5.1.3"; NULL: accepted */
	const char *reason;
};

/* [{"address", "status": "accepted", "id"}, {"address", "status": "refused", "code", "reason"}, ...] */
void verdicts_write(const struct verdict *verdicts, size_t count, struct buf *out);
/* {"id", "accepted", "refused", "recipients": [...]} */
void verdicts_write_answer(const char *id, const struct verdict *verdicts, size_t count,
			   size_t accepted_count, struct buf *out);

/* The same as SparkPost says it: {"results": {"total_rejected_recipients", "total_accepted_recipients", "id", "recipients"}} */
void verdicts_write_results(const char *id, const struct verdict *verdicts, size_t count,
			    size_t accepted_count, struct buf *out);

#endif
