/* What is appended of a suppression when the table would lose it (broker/replica_renewal.h): the ledger's own entry, whole; of one that another
 * bouncer wrote, whose ledger may be no more, what the copy keeps. Pure but for the look-up. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_RENEWING_H
#define LEVERET_BOUNCER_SUPPRESSIONS_RENEWING_H

#include "broker/replica_renewal.h"

/* `own` is the ledger's database. The value is put right in the arena. */
enum renewal renewing_judge(struct store_txn *txn, int own, struct arena *arena, int64_t wall_ms,
			    const struct table_entry *row, struct bytes *value) MUST_USE;

#endif
