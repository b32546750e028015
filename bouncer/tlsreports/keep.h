/* What workers counted, durably until the report of its day is sent and some days beyond; and how far each report is. In three databases, by day:
 *
 *   tls.tallies   day, domain, digest of the kind --> count, kind       tls.reports  day, domain --> struct tls_report_state
 *   tls.batches   day, id of a batch --> nothing: it has been counted
 *
 * A batch, and that it came, are written in one transaction: however often the broker gives it, it counts once. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_KEEP_H
#define LEVERET_BOUNCER_TLSREPORTS_KEEP_H

#include "lib/store/store.h"
#include "lib/tlsreport/record.h"
#include "lib/tlsreport/settings.h"
#include "schemas/tls_report.h"

#define TLS_REPORT_DATABASES "tls.tallies", "tls.reports", "tls.batches"
#define TLS_KINDS_MAX                                                                              \
	1000 /* of one domain and day; beyond, those of one policy type and result are counted together */
#define TLS_DOMAINS_MAX 200000 /* of all days that are kept */
#define TLS_DAYS_KEPT	7
#define TLS_DAY_MS	INT64_C(86400000)

struct tls_report_state {
	int64_t first_wall_ms; /* it was tried; 0: not yet */
	int64_t next_wall_ms;  /* it is to be tried */
	uint32_t tries, kinds;
	uint32_t done;	/* a bit for each address that it was sent to */
	bool is_closed; /* sent to all, or given up */
	struct tls_ruas ruas;
};

struct tls_keep {
	struct store *store;
	int tallies, reports, batches;
	const struct tls_report_settings *settings;
};
void tls_keep_init(struct tls_keep *keep, struct store *store,
		   const struct tls_report_settings *settings);

struct tls_kept { /* tallies of a batch */
	unsigned counted, again, late, others, dropped;
};
/* In jobs only. What is not counted is not kept. */
enum err tls_keep_add(struct store_txn *txn, const struct tls_keep *keep,
		      const struct tls_tally_batch *batch, uint32_t today,
		      struct tls_kept *ret) MUST_USE;
/* Deletes what is of a day before, a part at a time. */
enum err tls_keep_forget(struct store_txn *txn, const struct tls_keep *keep,
			 uint32_t before) MUST_USE;
/* When the report of a domain is due: after `delay`, somewhere within `spread`, always at the same time. Pure. */
int64_t tls_report_due_ms(const struct tls_report_settings *settings, uint32_t day,
			  struct bytes domain);

/* ---- in jobs and snapshots ---- */

#define TLS_REPORT_KEY_MAX (4 + 255 + 1 + 16)
size_t tls_report_key(uint32_t day, struct bytes domain, uint8_t out[TLS_REPORT_KEY_MAX]);
bool tls_report_key_parse(struct bytes key, uint32_t *ret_day, struct bytes *ret_domain);
enum err tls_report_state_read(struct store_txn *txn, const struct tls_keep *keep, struct bytes key,
			       struct tls_report_state *ret) MUST_USE;
bool tls_report_state_parse(struct bytes value, struct tls_report_state *ret);
enum err tls_report_state_write(struct store_txn *txn, const struct tls_keep *keep,
				struct bytes key, const struct tls_report_state *state) MUST_USE;
/* All tallies of a day and domain, in the arena. */
enum err tls_keep_read(struct store_txn *txn, const struct tls_keep *keep, uint32_t day,
		       struct bytes domain, struct arena *arena, struct tls_tally **ret,
		       size_t *ret_count) MUST_USE;

#endif
