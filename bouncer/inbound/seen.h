/* Reports that were acted on, so that one that comes again does nothing: a row for each message, recipient and kind, for as long as its
 * proof is good. Used on one loop; keys and jobs are pure. */
#ifndef LEVERET_BOUNCER_INBOUND_SEEN_H
#define LEVERET_BOUNCER_INBOUND_SEEN_H

#include "bouncer/inbound/finding.h"
#include "lib/store/store.h"

#define SEEN_DATABASE "reports"
#define SEEN_KEY_SIZE 18 /* day of the proof (2, the oldest first), digest (16) */

/* Of a finding that is proved. */
void seen_key(const struct finding *finding, uint8_t out[SEEN_KEY_SIZE]);
/* False also when the store cannot be read: acting twice harms less than not at all. */
bool seen_has(struct store *store, const uint8_t key[SEEN_KEY_SIZE]);

/* In jobs: forgets at most SEEN_FORGET_MAX rows of days before first_day_wall_ms. */
#define SEEN_FORGET_MAX 1000
enum err seen_put(struct store_txn *txn, int database, const uint8_t key[SEEN_KEY_SIZE]) MUST_USE;
enum err seen_forget(struct store_txn *txn, int database, int64_t first_day_wall_ms) MUST_USE;

#endif
