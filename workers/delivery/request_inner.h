/* Inside the requests: one lease, the fate of each of its recipients, and what request.c and the files beside it ask of
 * each other. All memory of a request is its arena. */
#ifndef LEVERET_WORKERS_DELIVERY_REQUEST_INNER_H
#define LEVERET_WORKERS_DELIVERY_REQUEST_INNER_H

#include "lib/mail/address.h"
#include "lib/mail/dsn.h"
#include "workers/delivery/heat.h"
#include "workers/delivery/rendering.h"
#include "workers/delivery/request.h"
#include "workers/delivery/rewriter.h"
#include "workers/delivery/rollup.h"
#include "workers/delivery/verdict.h"

enum fate_kind {
	FATE_OPEN,
	FATE_FINAL,	/* has its last result */
	FATE_DEFERRED,	/* tried, and to be tried again at retry_wall_ms */
	FATE_POSTPONED, /* not tried; again at retry_wall_ms */
	FATE_DROPPED,	/* the lease is lost: whoever holds it now answers for it */
};
struct fate {
	enum fate_kind kind;
	int64_t retry_wall_ms;
	struct bytes echo; /* of FATE_DEFERRED: with what this attempt did */
	bool is_in_journal;
	bool passes_dsn, is_last_host; /* of the host that took it */
	struct dsn_recipient *told;    /* what its sender is told by mail; NULL: nothing */
	enum dsn_kind told_kind;
	bool is_notice_in_journal;
};

/* As it came; what is binary in lines; all of it in 7 bits. */
enum text_form { FORM_GIVEN, FORM_LINES, FORM_SEVEN_BIT, TEXT_FORM_COUNT };

enum text_state { TEXT_RAW, TEXT_WRITING, TEXT_SIGNING, TEXT_READY, TEXT_REFUSED };
struct text { /* what is sent, as it becomes that */
	enum text_state state;
	struct request *request;
	const struct bundle *bundle; /* whose own it is; NULL: bundles share it */
	struct signing signing;
	struct rewriting *rewriting; /* NULL: it was not written again */
	bool is_rendered;	     /* from a skeleton for one recipient, or written again */
	struct buf rendered;	     /* while it is under way */
	bool is_binary, is_8bit;     /* what it is now */
	bool is_for_signing; /* no signature fits it as it came: it is written again, or cannot be */
	bool is_marked;	     /* `returns` has put its fields there */
	struct {
		const char *step, *why;
		unsigned code;
		struct enhanced_code enhanced;
	} refusal;
};

struct bundle {				/* a transaction of a request */
	struct transaction transaction; /* first, so that it is its bundle */
	struct request *request;
	size_t *indexes; /* of its recipients in the request */
	struct lane_name lane;
	bool is_open;
	bool wants_data;		  /* the host does not know BDAT */
	enum text_form form, wanted_form; /* wanted: the host does not take the other */
	bool is_preparing;		  /* its lane waits to be told that it is prepared */
	struct text *own; /* of a rendered or marked request; others share one; NULL: not yet */
};

struct retry_time { /* recipients with the same number of attempts return together */
	uint32_t attempt;
	int64_t after_ms; /* a shaping rule's; 0: the schedule's */
	int64_t at_wall_ms;
};
#define RETRY_TIMES_MAX 8

struct request {
	struct requests *set;
	struct lease *lease;
	struct arena *arena;
	struct delivery_request mail;
	struct rendering *rendering;	      /* NULL: the content is a whole message */
	struct text *shared[TEXT_FORM_COUNT]; /* of all bundles, when it is; NULL: not yet */
	bool is_marked;			      /* each recipient gets a copy of its own */
	const char *pool, *site, *from_domain;
	struct bytes told_site; /* in results: `site`, or the domain to which that is lent */
	struct pair *
		told_headers; /* in results, of a content that is a whole message; once asked for */
	size_t told_header_count;
	bool knows_headers;
	const struct site_settings *site_settings;
	const struct retry_settings *retry;
	int64_t expires_wall_ms;
	int64_t taken_at_ms;
	struct bytes
		journal_id; /* names the message for the journal: clients may give one id to two of them */
	double random; /* of its retries */
	struct retry_time retry_times[RETRY_TIMES_MAX];
	size_t retry_time_count;

	struct fate *fates;
	struct bundle **bundles;
	size_t bundle_count, open_bundle_count;
	bool has_begun; /* a recipient got its fate: the lease cannot be given back as it came */
	bool has_posted, has_told;
	struct {
		const char *domain, *own_key;	  /* of the tail */
		struct rollup_question *question; /* nothing else is done meanwhile; NULL: none */
	} placing;
	/* results and publications that the broker has not kept yet, and texts that are being written or signed */
	size_t unkept_count;
	TAILQ_ENTRY(request) next;
};

struct requests {
	struct requests_options options;
	struct rewriter *rewriter;
	TAILQ_HEAD(, request) all;
	size_t count;
	bool is_stopping;
	int64_t notice_minute_ms, notice_minute_count;
};

/* choosing.c: the source that it leaves from; not one that nothing may be sent from now, if there is another. */
const struct source *request_source(struct request *request);
bool request_source_is_closed(const struct request *request, const struct source *source);

/* request.c */
void request_note_kept(struct request *request);
/* Of a publication that the request waits for, with the request as its owner. */
extern const struct posting_handler request_posting;
/* When nothing of it is open any more: what is left to publish, then its end. It may be freed. */
void request_go_on(struct request *request);
void request_release(struct request *request); /* as it came: nothing of it has begun */
void requests_tell_if_idle(struct requests *requests);

/* sending.c: what has FATE_OPEN goes to its lanes. */
void request_send(struct request *request);
/* Of the bundle's recipients that are FATE_OPEN. */
void bundle_set_fates(const struct bundle *bundle, enum fate_kind kind, int64_t retry_wall_ms);
/* Its place is here: triage, and what is open is sent. */
void request_begin(struct request *request);

/* placing.c: true when it goes on to another queue, or waits for word of where it belongs. */
bool request_place(struct request *request);
/* Nothing of it has begun: it goes on to another queue, and ends. */
void request_forward(struct request *request, const char *key);

/* preparation.c: the transaction's text, made as late as can be; and what is left of it when the transaction is done, or never comes. */
enum preparation bundle_prepare(struct transaction *transaction);
void bundle_close(struct bundle *bundle);
void bundle_drop(struct bundle *bundle);
void request_drop_texts(struct request *request);

/* triage.c: decode the lease's body and settle what needs no attempt; what is left has FATE_OPEN. */
enum err request_decode(struct request *request, const char *pool, struct why *why) MUST_USE;
void request_triage(struct request *request);
/* E_NOT_FOUND: it may be sent. OK: its campaign was recalled. Anything else: nobody can tell now. */
enum err request_find_recall(struct request *request) MUST_USE;
/* The recipient's domain, canonical; false for an address that cannot have one. */
bool request_domain(struct bytes address, char out[ADDRESS_DOMAIN_MAX + 1]);

/* report.c: publish what happened to a recipient and note its fate. */
/* sent: what was, or was to be, sent; its content is none where that was not made yet. */
void report_attempt(struct request *request, size_t index, const struct attempt *attempt,
		    const struct smtp_transaction *sent);
void report_expired(struct request *request, size_t index);
/* What request_find_recall() told, when it was not E_NOT_FOUND. */
void report_recall(struct request *request, size_t index, enum err found);
void report_suppressed(struct request *request, size_t index, const struct suppression *why);
void report_journaled(struct request *request, size_t index, const struct journal_entry *entry);
/* What a route with an action of its own answers. */
void report_route(struct request *request, size_t index, const struct route_settings *route);
/* An outcome that we know without asking anybody. */
void report_local(struct request *request, size_t index, const char *step, unsigned code,
		  struct enhanced_code enhanced, const char *text);

/* tapped_result.c: only while somebody taps. */
void tap_result(const struct request *request, const struct result *result);

/* notices.c */
void notices_note(struct request *request, size_t index, const struct result *result);
void notices_publish(struct request *request);
void notices_forget(struct request *request);

/* suspending.c: what keeps all of a request back, NULL when nothing does; and when to look at it again. */
const struct suspension *request_suspension(const struct request *request);
int64_t request_suspended_until(const struct request *request, const struct suspension *suspension);

/* deferral.c */
/* after_ms: 0 is as the schedule says. */
int64_t deferral_time(struct request *request, uint32_t attempt, int64_t after_ms);
/* All of it waits, untried, until then: its lease can be put off as it came, which the embedded engine does in one act. */
bool deferral_is_whole(const struct request *request, int64_t *ret_retry_wall_ms);
void deferral_publish(struct request *request);

#endif
