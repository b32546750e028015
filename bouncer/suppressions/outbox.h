/* Changes of suppressions of which no event was told yet: noted in the transaction that writes the change, struck out when the broker has
 * the event. What a crash leaves is told at the next start, so an event is told at least once, whoever asked for the change. Of two
 * changes of one entry only the later may be told then. Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_OUTBOX_H
#define LEVERET_BOUNCER_SUPPRESSIONS_OUTBOX_H

#include "bouncer/suppressions/ledger.h"

struct outbox;
/* The store as for ledger_new(). What an earlier run left is told from here on. */
struct outbox *outbox_new(struct loop *loop, struct store *store, struct teller *teller);
void outbox_stop(struct outbox *outbox);  /* before the teller stops */
void outbox_free(struct outbox **outbox); /* behind the broker's closing; NULL allowed */

/* For jobs of the ledger: the entry at the key has an event to be told under that version. */
enum err outbox_note(struct store_txn *txn, int database, struct bytes key,
		     uint64_t version) MUST_USE;
/* It was told. */
void outbox_told(struct outbox *outbox, struct bytes key, uint64_t version);

#endif
