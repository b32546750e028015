/* MTA-STS policies of domains (RFC 8461): looked for in DNS, fetched, kept, and fetched again before they end. Lives on one loop.
 *
 * A policy that is kept and has not ended is in force whether or not DNS has a record or the policy host answers. */
#ifndef LEVERET_WORKERS_TLS_STS_H
#define LEVERET_WORKERS_TLS_STS_H

#include "lib/loop/loop.h"
#include "lib/net/resolver.h"
#include "lib/store/store.h"
#include "workers/tls/settings.h"
#include "workers/tls/sts_cache.h"

struct sts;
struct sts_options {
	struct loop *loop;
	struct resolver *resolver;
	struct store *store; /* has STS_DATABASE */
	const struct mta_sts_settings *settings;
	const struct conf_cidr_list *allowed; /* special networks that policy hosts may be in */
};
struct sts *sts_new(const struct sts_options *options);
void sts_free(struct sts **sts); /* every question was answered or cancelled; NULL allowed */

/* Why a domain that says it has a policy has none here. */
enum sts_fault {
	STS_FAULT_NONE,
	STS_FAULT_FETCH,   /* its host cannot be reached, or does not give it */
	STS_FAULT_INVALID, /* what came is no policy */
	STS_FAULT_WEBPKI,  /* the certificate of its host will not do */
};

struct sts_question;
/* `done` comes once, later; the policy is borrowed until it returns; NULL: the domain has none, and `fault` why. Not after a cancel. */
struct sts_question *sts_ask(struct sts *sts, const char *domain,
			     void (*done)(void *owner, const struct sts_policy *policy,
					  enum sts_fault fault),
			     void *owner);
void sts_question_cancel(struct sts_question **question); /* NULL allowed */

/* What follows from the record in DNS. Pure. */
enum sts_step { STS_USE_KEPT, STS_FETCH };
enum sts_step sts_step_of(const struct txt_answer *answer, const struct sts_kept *kept,
			  bool is_refresh, char ret_id[STS_ID_MAX + 1]);

#endif
