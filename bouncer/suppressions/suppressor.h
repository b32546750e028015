/* From what happened to an address to what becomes of it: the policy is asked, at once or after counting, and the ledger is told.
 * The one way in for results, returned mail and unsubscriptions. Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_SUPPRESSOR_H
#define LEVERET_BOUNCER_SUPPRESSIONS_SUPPRESSOR_H

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/policy.h"
#include "bouncer/suppressions/soft_counts.h"

struct suppressor;

struct suppressor_options {
	struct loop *loop;
	struct store *store; /* with LEDGER_DATABASES and SOFT_COUNTS_DATABASE */
	struct ledger *ledger;
	const struct policies *policies; /* borrowed */
	bool covers_tags;		 /* suppress local+anything@domain with local@domain */
};
struct suppressor *suppressor_new(const struct suppressor_options *options);
void suppressor_free(struct suppressor **suppressor); /* after the ledger has stopped */

struct happening {
	unsigned outcome; /* a class, OUTCOME_COMPLAINT, OUTCOME_UNSUBSCRIBE */
	struct bytes address, tenant, stream;
	struct bytes message_id, evidence, rule, site;
	const char *origin; /* ORIGIN_BOUNCE or ORIGIN_REPORT */
	int64_t at_wall_ms;
	uint32_t attempt; /* tells happenings of one message from each other */
};
/* `done` (maybe from inside the call) when all that follows of it is kept; errors as of ledger_record(). Texts are copied. */
void suppressor_note(struct suppressor *suppressor, const struct happening *happening,
		     void (*done)(void *owner, enum err err), void *owner);
/* Mail for the address was taken: what was counted before is forgotten. False: nothing is to be done, and `done` does not come. */
bool suppressor_note_success(struct suppressor *suppressor, struct bytes tenant,
			     struct bytes stream, struct bytes address, int64_t at_wall_ms,
			     void (*done)(void *owner, enum err err), void *owner);

#endif
