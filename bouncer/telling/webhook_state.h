/* What the bouncer's store keeps of a webhook: whether it is stopped, and what became of its requests. Pure. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_STATE_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_STATE_H

#include "lib/base/buf.h"

#define WEBHOOKS_DATABASE "telling.webhooks" /* by the webhook's name */
#define WEBHOOK_STATE_MAX 600		     /* bytes, written */

enum webhook_mode {
	WEBHOOK_ON,
	WEBHOOK_PAUSED,	  /* by an operator */
	WEBHOOK_DISABLED, /* its endpoint said 410 */
	WEBHOOK_LEFT,	  /* nobody knows it any more: its queue is deleted in a while */
};
const char *webhook_mode_name(enum webhook_mode mode);

struct webhook_state {
	enum webhook_mode mode;
	int64_t mode_since_wall_ms; /* 0: never changed */
	uint64_t events, requests;  /* taken by the endpoint */
	uint64_t failures;	    /* requests that were not */
	uint64_t failures_in_row;
	uint64_t buried;	 /* events given up */
	int64_t ok_at_wall_ms;	 /* of the last request taken */
	int64_t fail_at_wall_ms; /* of the last that was not */
	char why[200];		 /* it was not */
};

size_t webhook_state_write(const struct webhook_state *state, uint8_t out[WEBHOOK_STATE_MAX]);
/* E_MALFORMED: all is 0. */
enum err webhook_state_read(struct bytes in, struct webhook_state *ret) MUST_USE;

#endif
