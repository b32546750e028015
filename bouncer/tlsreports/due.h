/* Which reports are to be sent now. In snapshots; the caller keeps the list. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_DUE_H
#define LEVERET_BOUNCER_TLSREPORTS_DUE_H

#include "bouncer/tlsreports/keep.h"

#define TLS_DUE_MAX 250 /* found by a look */

struct tls_due_list {
	struct {
		uint32_t day;
		char domain[256];
	} items[TLS_DUE_MAX];
	size_t count;
};

/* Of days from `from` to before `until`, what is open and whose time has come. Those that were never tried come first: readers that
 * hang, of whom anybody can have many, take no turn of theirs. */
enum err tls_due_find(struct store_txn *txn, const struct tls_keep *keep, uint32_t from,
		      uint32_t until, int64_t now_wall_ms, struct tls_due_list *ret) MUST_USE;
bool tls_due_is(const struct tls_report_state *state, int64_t now_wall_ms);

#endif
