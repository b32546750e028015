/* What becomes of a wish, given what stands at its key: decided and written in one job on the store's thread, which may run again
 * from its start. Nothing here knows the broker or the loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_DECISION_H
#define LEVERET_BOUNCER_SUPPRESSIONS_DECISION_H

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/present.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"

struct decision {
	/* given; borrowed while the job runs */
	struct ledger_databases databases;
	const struct ledger_options *limit; /* hourly_max and holds */
	const struct ledger_order *order;
	int64_t wall_ms; /* of this try */
	struct arena *arena;
	/* decided */
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	struct suppression entry; /* the wish, maybe held, with the version that stands now */
	bool is_exceeding;	  /* the hour has had its share */
	bool is_known;		  /* the wish stands there already: it came before */
	struct buf value;	  /* the entry in force, encoded; its holder's to init and to end */
	uint64_t version;	  /* of it */
	bool is_removed;	  /* it is a removal */
	bool is_to_be_told;	  /* an event follows of it */
	bool is_written;	  /* it is the wish */
	bool must_append;	  /* the table lacks it */
	int in_force_change;	  /* of the count of suppressions in force: -1, 0, 1 */
};

/* E_TOO_BIG: it cannot be kept; else the store's errors. */
enum err decision_make(struct decision *decision, struct store_txn *txn) MUST_USE;

#endif
