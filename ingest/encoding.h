/* What is published of a mail: a delivery request for a group that is to be delivered, a result
 * batch for any other. Pure. */
#ifndef LEVERET_INGEST_ENCODING_H
#define LEVERET_INGEST_ENCODING_H

#include "ingest/grouping.h"

#define ENCODING_HEAD_MAX (SCHEMA_HEAD_MAX + 4096)
#define ENCODING_KEY_SIZE 300 /* mail_route keeps keys under 256 */

/* Our Received field, the same for all groups of a mail. */
enum err encode_received(const struct mail *mail, const char *hostname, struct buf *out) MUST_USE;
/* All of a delivery request but the mail's content, which follows on the wire; `received` begins
 * the message. */
enum err encode_request_head(const struct mail *mail, const struct group *group,
			     struct bytes received, struct buf *out) MUST_USE;
/* The same of mail that is kept for the bouncer. */
enum err encode_inbound_head(const struct mail *mail, const struct group *group,
			     struct bytes received, struct buf *out) MUST_USE;
/* Final results for a group that is not delivered. `worker` names us. */
enum err encode_results(const struct mail *mail, const struct group *group, const char *worker,
			struct buf *out) MUST_USE;
/* Whichever of these the group's fate asks for. E_TOO_BIG. */
enum err encode_group(const struct mail *mail, const struct group *group, struct bytes received,
		      const char *worker, struct buf *out) MUST_USE;
/* Routing key: <pool>.<site>, with the event in front for results; of inbound mail what it seems to be. */
void encode_key(const struct group *group, char out[ENCODING_KEY_SIZE]);

#endif
