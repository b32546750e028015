/* What holds for every webhook: how its requests are signed (Standard Webhooks), and what follows from an answer.
 * Pure. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_RULES_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_RULES_H

#include "lib/conf/conf.h"

#define WEBHOOK_KEY_MAX 64
struct webhook_key {
	uint8_t bytes[WEBHOOK_KEY_MAX];
	size_t len;
};
/* "whsec_" and 24 to 64 bytes in base 64. E_MALFORMED; the reason does not tell the secret. */
enum err webhook_key_parse(const char *secret, struct webhook_key *ret, struct why *why) MUST_USE;

#define WEBHOOK_ID_SIZE	       40
#define WEBHOOK_SIGNATURE_SIZE 64
/* The same for the same body. */
void webhook_id(struct bytes body, char out[WEBHOOK_ID_SIZE]);
/* "v1,<base 64>" of id.timestamp.body */
void webhook_sign(const struct webhook_key *key, const char *id, int64_t timestamp_s,
		  struct bytes body, char out[WEBHOOK_SIGNATURE_SIZE]);

enum webhook_verdict {
	WEBHOOK_TAKEN,
	WEBHOOK_GONE,	 /* 410: it wants nothing any more */
	WEBHOOK_AWAY,	 /* nothing gets through now */
	WEBHOOK_REFUSED, /* this request was not taken; others may be */
};
/* status: 0 without an answer */
enum webhook_verdict webhook_judge(enum err err, long status);

/* How long nothing is sent after so many failures one after the other (1 or more): doubles from a second to five minutes, or as long as
 * the endpoint asks, up to an hour. unit: random, 0 to 1. */
int64_t webhook_backoff_ms(unsigned failures, int64_t retry_after_s, double unit);
/* When events of this age are tried again: as long as they are old, within 5 s and an hour. So waits double without being counted. */
int64_t webhook_retry_ms(int64_t age_ms, double unit);

#endif
