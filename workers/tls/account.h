/* Under what sessions with one MX host are counted for reports on TLS (RFC 8460): whom it concerns, the policy that holds, and what is wrong
 * with it before any session. Counted references, never changed. Of one thread. */
#ifndef LEVERET_WORKERS_TLS_ACCOUNT_H
#define LEVERET_WORKERS_TLS_ACCOUNT_H

#include "lib/net/tls.h"
#include "lib/tlsreport/record.h"
#include "schemas/tls_report.h"
#include "workers/tls/policy.h"
#include "workers/tls/sts.h"

struct tls_account {
	struct tls_tally
		tally; /* but for its day, addresses and count; of what is known before a session */
	struct arena *arena; /* private */
	unsigned references; /* private */
};

struct tls_account_facts {
	const struct tls_case *c;
	const struct tls_ruling *ruling;
	const struct tls_ruas *ruas;
	enum sts_fault sts_fault; /* why there is no policy */
};
/* One reference, the caller's. NULL: nobody asked for TLS, so there is nothing to count. */
struct tls_account *tls_account_new(const struct tls_account_facts *facts);
struct tls_account *tls_account_ref(struct tls_account *account); /* NULL allowed */
void tls_account_unref(struct tls_account **account);		  /* NULL allowed, leaves NULL */

/* How a session went, as far as TLS is concerned. */
struct tls_session_facts {
	bool is_secured;
	bool is_ready;		  /* it went on, under TLS or not */
	bool failed_in_handshake; /* it ended between STARTTLS and the end of the handshake */
	bool was_refused; /* STARTTLS is not offered, or was answered with an error, and the session ended for it */
	enum tls_fault fault;
};
/* False: it ended before TLS came up, and is not counted. *ret_reason: a failure-reason-code, or "". Pure. */
bool tls_session_result(const struct tls_account *account, const struct tls_session_facts *facts,
			enum tls_result *ret_result, const char **ret_reason);

#endif
