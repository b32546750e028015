/* Appends what is in force in a table again, before the broker cuts it off (table_kept_ms()): then what the broker still has of a table is all
 * that is in force, and what changed lately. For the table's owner, who has a copy of it; several owners may do it at once.
 *
 * An entry is appended under the version that it has: whoever has it takes no notice but of its place. It is due when half of the time
 * has gone that the broker keeps it, and where another one is likelier to have it whole, when two thirds have. A removal needs no renewal: what
 * it ended is not renewed either, and is cut off; but where an older entry of its key came behind it, it is appended behind that.
 *
 * Nothing is done on an engine that cuts nothing. Used on one loop. */
#ifndef LEVERET_BROKER_REPLICA_RENEWAL_H
#define LEVERET_BROKER_REPLICA_RENEWAL_H

#include "broker/replica.h"

enum renewal {
	RENEWAL_NONE, /* it is over: whoever reads the table need not hear of it */
	RENEWAL_DUE,
	RENEWAL_LATE, /* another one may have more of it */
};
/* What is to become of a row of the copy that is no removal. *value, what the copy has, may be put right, in the arena. In a transaction that
 * only reads. */
typedef enum renewal (*renewal_judge)(void *owner, struct store_txn *txn, struct arena *arena,
				      const struct table_entry *row, struct bytes *value);

struct replica_renewal;
/* `store` is that of the copy; the table's name is borrowed. judge NULL: all of it is due, as it is. */
struct replica_renewal *renewal_new(struct broker *broker, struct loop *loop, struct store *store,
				    const char *table, renewal_judge judge, void *owner);
/* The copy is complete on this connection to the broker: from here on, until it is stopped or the connection was found lost. */
void renewal_start(struct replica_renewal *renewal);
void renewal_stop(struct replica_renewal *renewal);  /* the copy is being made anew, or all ends */
void renewal_free(struct replica_renewal **renewal); /* after the broker was closed; NULL allowed */

/* ---- the rule, pure ---- */

struct renewal_places { /* of the table's entries, by the time of their appending; what is not known is old */
	uint64_t end;		   /* of the last entry */
	uint64_t half, two_thirds; /* up to here they are so old */
	bool are_known;
};
bool renewal_is_due(const struct replica_value *row, enum renewal judged,
		    const struct renewal_places *places);

#endif
