/* Events told again to one webhook, from this host's archive: by requests of its own, one after the other, beside what is told meanwhile. It
 * has no memory: a bouncer that ends, ends it. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_REPLAY_H
#define LEVERET_BOUNCER_TELLING_REPLAY_H

#include "bouncer/telling/archive.h"
#include "bouncer/telling/webhook_rows.h"
#include "lib/net/resolver.h"

struct replay_order {
	int64_t since_wall_ms, until_wall_ms; /* of events: from, and before */
	unsigned kinds; /* bits of enum bouncer_event_kind; 0: those the webhook wants */
	bool is_dry;	/* only counted */
};
struct replay_state {
	struct replay_order order;
	int64_t begun_wall_ms, ended_wall_ms; /* ended 0: it goes on */
	uint64_t events, requests;	      /* taken by the endpoint; dry: found */
	uint64_t refused;		      /* events that it would not take (400, 413, 422) */
	char why[200];			      /* it ended early; "": it did not */
};
struct replay_options { /* borrowed but for the row */
	struct loop *loop;
	struct resolver *resolver;
	const char *directory;			 /* of the archive */
	const struct webhook_settings *settings; /* of the settings file; NULL: of the row */
	const struct webhook_row *row;
	const struct webhook_place *place;
	struct replay_order order;
	void (*ended)(void *owner, const struct replay_state *state); /* once, later */
	void *owner;
};
struct replay;
struct replay *replay_start(const struct replay_options *options);
const char *replay_name(const struct replay *replay);
const struct replay_state *replay_state(const struct replay *replay);
/* It ends soon, with this reason. */
void replay_end(struct replay *replay, const char *why);
void replay_free(struct replay **replay); /* not from `ended`; without it, when it had not ended */

#endif
