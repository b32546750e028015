/*   taken -- malformed --> buried
 *         -- not due ----> put off
 *         -- triage -----> some recipients have their fate, the others go out in bundles
 *   all bundles done --> deferred recipients published again --> all results and publications kept --> acked
 *
 * A lease that is lost on the way is let go: what is under way ends, is journaled and reported; what waits is dropped, since whoever
 * has the lease now answers for it. */
#include <assert.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/metrics.h"
#include "workers/delivery/bundles.h"
#include "workers/delivery/marks.h"
#include "workers/delivery/request_inner.h"

#define EARLY_MS    1000
#define HOLD_MAX_MS (8 * 60 * 1000) /* a lease is to be settled within ten minutes */
#define POSTPONE_MS 30000

/* ---- the end ---- */

static void count_held(const struct request *request, int sign)
{
	metric_add(M_leases_held, NULL, sign);
	metric_add(M_leases_held_bytes, NULL, sign * (int64_t)lease_body(request->lease).len);
}

static void request_free(struct request *request)
{
	struct requests *set = request->set;
	struct arena *arena = request->arena;
	for (size_t i = 0; i < request->bundle_count; i++)
		bundle_drop(request->bundles[i]);
	signing_drop(&request->shared.signing);
	TAILQ_REMOVE(&set->all, request, next);
	set->count--;
	arena_free(&arena);
}

static void tell_if_idle(struct requests *set)
{
	if (set->count == 0 && set->options.idle)
		set->options.idle(set->options.owner);
}

static void forget_in_journal(const struct request *request)
{
	for (size_t i = 0; i < request->mail.recipient_count; i++)
		if (request->fates[i].is_in_journal)
			journal_forget(request->set->options.journal, request->journal_id,
				       request->mail.recipients[i].address);
}

static void finish(struct request *request)
{
	struct requests *set = request->set;
	count_held(request, -1);
	if (!lease_is_lost(request->lease)) {
		forget_in_journal(request);
		notices_forget(request);
	}
	lease_ack(&request->lease);
	request_free(request);
	tell_if_idle(set);
}

/* Goes on when nothing is open: first the retries are published; then, when all is kept, notices to the sender; when they are, it ends. */
static void go_on(struct request *request)
{
	if (request->open_bundle_count > 0)
		return;
	if (!request->has_posted) {
		request->has_posted = true;
		if (!lease_is_lost(request->lease))
			deferral_publish(request);
	}
	if (request->unkept_count == 0 && !request->has_told) {
		request->has_told = true;
		if (!lease_is_lost(request->lease))
			notices_publish(request);
	}
	if (request->unkept_count == 0)
		finish(request);
}

void request_note_kept(struct request *request)
{
	request->unkept_count--;
	go_on(request);
}

/* ---- sending ---- */

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	struct bundle *bundle = (struct bundle *)transaction;
	struct request *request = bundle->request;
	if (request->fates[bundle->indexes[index]].kind != FATE_OPEN)
		return; /* it had its answer before the mail was written again for the others */
	if (attempt->outcome->wants_seven_bit && !request->rendering &&
	    request->set->options.eightbit == EIGHTBIT_CONVERT)
		bundle->wants_seven_bit = true;
	else
		report_attempt(request, bundle->indexes[index], attempt);
}

/* The same mail once more, in 7 bits: to the host that asked for it no attempt was made yet. */
static void send_in_seven_bits(struct bundle *bundle)
{
	bundle->wants_seven_bit = false;
	bundle->is_seven_bit = true;
	bundle->transaction.mail.eightbit = false;
	bundle->transaction.mail.needs_eightbitmime = false;
	lanes_submit(bundle->request->set->options.lanes, &bundle->lane, &bundle->transaction);
}

static void on_transaction_done(struct transaction *transaction)
{
	struct bundle *bundle = (struct bundle *)transaction;
	bundle_close(bundle);
	if (bundle->wants_seven_bit) {
		send_in_seven_bits(bundle);
		return;
	}
	bundle->is_open = false;
	bundle->request->open_bundle_count--;
	go_on(bundle->request);
}

static void set_fates(struct request *request, const struct bundle *bundle, enum fate_kind kind,
		      int64_t retry_wall_ms)
{
	for (size_t i = 0; i < bundle->transaction.mail.recipient_count; i++) {
		struct fate *fate = &request->fates[bundle->indexes[i]];
		if (fate->kind != FATE_OPEN)
			continue;
		fate->kind = kind;
		fate->retry_wall_ms = retry_wall_ms;
	}
}

/* What cannot go by its source may go by another. */
static bool leaves_elsewhere(struct bundle *bundle)
{
	struct request *request = bundle->request;
	if (!request_source_is_closed(request, bundle->lane.source))
		return false;
	bundle->lane.source = request_source(request);
	if (request_source_is_closed(request, bundle->lane.source))
		return false;
	lanes_submit(request->set->options.lanes, &bundle->lane, &bundle->transaction);
	return true;
}

static void on_postponed(struct transaction *transaction, int64_t delay_ms)
{
	struct bundle *bundle = (struct bundle *)transaction;
	struct request *request = bundle->request;
	if (leaves_elsewhere(bundle))
		return;
	bundle->is_open = false;
	request->open_bundle_count--;
	set_fates(request, bundle, FATE_POSTPONED,
		  loop_wall_ms(request->set->options.loop) + delay_ms);
	go_on(request);
}

static const struct transaction_handler transaction_handler = {
	.postponed = on_postponed,
	.prepare = bundle_prepare,
	.recipient_done = on_recipient_done,
	.done = on_transaction_done,
};

static_assert(SMTP_NOTIFY_NEVER == NOTIFY_NEVER && SMTP_NOTIFY_SUCCESS == NOTIFY_SUCCESS &&
		      SMTP_NOTIFY_FAILURE == NOTIFY_FAILURE && SMTP_NOTIFY_DELAY == NOTIFY_DELAY,
	      "the same bits");

static struct smtp_mail_wishes wishes_of(const struct delivery_request *mail)
{
	return (struct smtp_mail_wishes){
		.envelope_id = mail->wishes.envelope_id,
		.dsn_return = mail->wishes.dsn_return == DSN_RETURN_FULL      ? SMTP_RETURN_FULL
			      : mail->wishes.dsn_return == DSN_RETURN_HEADERS ? SMTP_RETURN_HEADERS
									      : SMTP_RETURN_UNSAID,
		.priority = mail->wishes.priority,
	};
}

/* Of a transaction with one recipient where mail is marked. */
static struct bytes sender_for(struct request *request, const struct recipient *recipient)
{
	const struct requests_options *options = &request->set->options;
	char address[RETURN_ADDRESS_SIZE];
	if (!request->is_marked || !marks_sender(options->returns, &request->mail, recipient,
						 loop_wall_ms(options->loop), address))
		return request->mail.sender;
	return arena_copy(request->arena, bytes_of(address));
}

static void submit(struct request *request, const struct addressee *addressees, size_t count)
{
	struct arena *arena = request->arena;
	struct bundle *bundle = arena_zalloc(arena, 1, sizeof *bundle);
	struct bytes *recipients = arena_zalloc(arena, count, sizeof *recipients);
	struct smtp_recipient_wishes *wishes = arena_zalloc(arena, count, sizeof *wishes);
	bundle->request = request;
	bundle->indexes = arena_zalloc(arena, count, sizeof *bundle->indexes);
	for (size_t i = 0; i < count; i++) {
		const struct recipient *recipient = &request->mail.recipients[addressees[i].index];
		bundle->indexes[i] = addressees[i].index;
		recipients[i] = recipient->address;
		wishes[i] = (struct smtp_recipient_wishes){recipient->notify, recipient->original};
	}
	bundle->transaction = (struct transaction){
		.mail = {.sender =
				 sender_for(request, &request->mail.recipients[addressees->index]),
			 .recipients = recipients,
			 .recipient_count = count,
			 .smtputf8 = request->mail.smtputf8,
			 .eightbit = request->mail.eightbit,
			 .needs_eightbitmime = request->mail.eightbit &&
					       request->set->options.eightbit != EIGHTBIT_SEND,
			 .wishes = wishes_of(&request->mail),
			 .recipient_wishes = wishes,
			 .require_tls = request->mail.wishes.require_tls,
			 .content = request->mail.content},
		.handler = &transaction_handler,
		.unsent = arena_zalloc(arena, count, 1),
		.tenant = request->mail.labels.tenant,
		.campaign = request->mail.labels.campaign,
		.is_urgent = request->mail.wishes.priority >= ROUTING_URGENT_PRIORITY,
	};
	bundle->is_open = true;
	request->bundles[request->bundle_count++] = bundle;
	request->open_bundle_count++;

	const struct requests_options *options = &request->set->options;
	bundle->lane = (struct lane_name){
		.next_hop = addressees->next_hop,
		.route = addressees->route,
		.require_tls = request->mail.wishes.require_tls,
		.site = request->site,
		.source = request_source(request),
	};
	lanes_submit(options->lanes, &bundle->lane, &bundle->transaction);
}

/* False when its route answers for it. Only for addresses that triage let pass, so they have a domain. */
static bool find_next_hop(struct request *request, size_t index, struct addressee *ret)
{
	char domain[ADDRESS_DOMAIN_MAX + 1] = "";
	(void)request_domain(request->mail.recipients[index].address, domain);
	const struct route_settings *route =
		routing_route(request->set->options.routing, request->from_domain, domain);
	if (route && route->action != ROUTE_SEND) {
		report_route(request, index, route);
		return false;
	}
	bool has_host = route && route->host[0];
	*ret = (struct addressee){
		.index = index,
		.next_hop = has_host ? route->host : arena_cstr(request->arena, bytes_of(domain)),
		.route = has_host ? route : NULL,
	};
	return true;
}

static void send_open(struct request *request)
{
	size_t recipient_count = request->mail.recipient_count, count = 0;
	struct addressee *addressees =
		arena_zalloc(request->arena, recipient_count, sizeof *addressees);
	for (size_t i = 0; i < recipient_count; i++)
		if (request->fates[i].kind == FATE_OPEN &&
		    find_next_hop(request, i, &addressees[count]))
			count++;
	if (count == 0)
		return;
	struct bundle_cut *cuts = arena_zalloc(request->arena, count, sizeof *cuts);
	request->is_marked = marks_are_wanted(request->set->options.returns, &request->mail);
	size_t recipients_max =
		request->rendering || request->is_marked
			? 1
			: (size_t)request->site_settings->recipients_per_transaction;
	size_t cut_count = bundles_cut(addressees, count, recipients_max, cuts);
	request->bundles = arena_zalloc(request->arena, cut_count, sizeof(struct bundle *));
	for (size_t i = 0; i < cut_count; i++)
		submit(request, &addressees[cuts[i].first], cuts[i].count);
}

/* ---- taking ---- */

/* What is suspended waits in the broker, without having been tried. */
static bool is_kept_back(struct request *request)
{
	const struct suspension *suspension = request_suspension(request);
	if (!suspension)
		return false;
	int64_t until = request_suspended_until(request, suspension);
	for (size_t i = 0; i < request->mail.recipient_count; i++)
		if (request->fates[i].kind == FATE_OPEN)
			request->fates[i] =
				(struct fate){.kind = FATE_POSTPONED, .retry_wall_ms = until};
	return true;
}

/* True when the lease was settled without work. */
static bool is_no_work(struct request *request, const char *pool)
{
	struct why why;
	if (request->set->is_stopping) {
		lease_release(&request->lease);
		return true;
	}
	if (request_decode(request, pool, &why)) {
		lease_bury(&request->lease, why.text);
		return true;
	}
	int64_t early_ms =
		request->mail.not_before_wall_ms - loop_wall_ms(request->set->options.loop);
	if (early_ms <= EARLY_MS)
		return false;
	lease_retry(&request->lease, early_ms);
	return true;
}

void requests_take(struct requests *requests, const char *pool, struct lease *lease)
{
	struct arena *arena = arena_new();
	struct request *request = arena_zalloc(arena, 1, sizeof *request);
	request->set = requests;
	request->arena = arena;
	request->lease = lease;
	request->taken_at_ms = loop_now_ms(requests->options.loop);
	TAILQ_INSERT_TAIL(&requests->all, request, next);
	requests->count++;
	if (is_no_work(request, pool)) {
		request_free(request);
		return;
	}
	count_held(request, +1);
	request_triage(request);
	if (!is_kept_back(request))
		send_open(request);
	go_on(request);
}

/* ---- leases that grow old or are lost ---- */

static void withdraw_bundle(struct bundle *bundle, enum fate_kind kind, int64_t retry_wall_ms)
{
	if (!bundle->is_open || !transaction_withdraw(&bundle->transaction))
		return;
	bundle->is_open = false;
	bundle->request->open_bundle_count--;
	set_fates(bundle->request, bundle, kind, retry_wall_ms);
}

/* Returns how many bundles are still under way. */
static size_t withdraw(struct request *request, enum fate_kind kind, int64_t retry_wall_ms)
{
	for (size_t i = 0; i < request->bundle_count; i++)
		withdraw_bundle(request->bundles[i], kind, retry_wall_ms);
	return request->open_bundle_count;
}

static void review(struct request *request)
{
	const struct loop *loop = request->set->options.loop;
	if (request->open_bundle_count == 0)
		return;
	if (lease_is_lost(request->lease))
		(void)withdraw(request, FATE_DROPPED, 0);
	else if (loop_now_ms(loop) - request->taken_at_ms >= HOLD_MAX_MS)
		(void)withdraw(request, FATE_POSTPONED, loop_wall_ms(loop) + POSTPONE_MS);
	go_on(request);
}

void requests_review(struct requests *requests)
{
	struct request *request, *next;
	for (request = TAILQ_FIRST(&requests->all); request; request = next) {
		next = TAILQ_NEXT(request, next);
		review(request);
	}
}

/* ---- giving back ---- */

static void give_back(struct request *request)
{
	if (request->open_bundle_count == 0)
		return;
	size_t open_count = withdraw(request, FATE_POSTPONED, 0);
	if (open_count > 0 || request->has_begun || lease_is_lost(request->lease)) {
		go_on(request);
		return;
	}
	count_held(request, -1);
	lease_release(&request->lease);
	request_free(request);
}

void requests_return(struct requests *requests, const char *site)
{
	struct request *request, *next;
	for (request = TAILQ_FIRST(&requests->all); request; request = next) {
		next = TAILQ_NEXT(request, next);
		if (strcmp(request->site, site) == 0)
			give_back(request);
	}
}

/* What waits for a source that was suspended returns at once, for another one. */
static void leave_sources(struct request *request)
{
	int64_t now = loop_wall_ms(request->set->options.loop);
	for (size_t i = 0; i < request->bundle_count; i++) {
		struct bundle *bundle = request->bundles[i];
		if (sources_is_out(request->set->options.sources, bundle->lane.source,
				   request->pool, request->site))
			withdraw_bundle(bundle, FATE_POSTPONED, now);
	}
	go_on(request);
}

static void heed(struct request *request)
{
	if (request->open_bundle_count == 0)
		return;
	const struct suspension *suspension = request_suspension(request);
	if (!suspension) {
		leave_sources(request);
		return;
	}
	if (suspension_stops_queues(suspension)) {
		give_back(request);
		return;
	}
	(void)withdraw(request, FATE_POSTPONED, request_suspended_until(request, suspension));
	go_on(request);
}

void requests_heed(struct requests *requests)
{
	const struct suspensions *suspensions = requests->options.suspensions;
	struct request *request, *next;
	if (!suspensions || !suspensions_at(suspensions, 0))
		return;
	for (request = TAILQ_FIRST(&requests->all); request; request = next) {
		next = TAILQ_NEXT(request, next);
		heed(request);
	}
}

void requests_stop(struct requests *requests)
{
	struct request *request, *next;
	requests->is_stopping = true;
	for (request = TAILQ_FIRST(&requests->all); request; request = next) {
		next = TAILQ_NEXT(request, next);
		give_back(request);
	}
	tell_if_idle(requests);
}

/* ---- birth and end ---- */

struct requests *requests_new(const struct requests_options *options)
{
	struct requests *requests = memory_new(sizeof *requests);
	requests->options = *options;
	TAILQ_INIT(&requests->all);
	return requests;
}

/* Leases that are still held were lost with the broker's closing: acking them only gives their memory back. */
void requests_free(struct requests **requests)
{
	struct request *request;
	if (!*requests)
		return;
	while ((request = TAILQ_FIRST(&(*requests)->all))) {
		count_held(request, -1);
		lease_ack(&request->lease);
		request_free(request);
	}
	free(*requests);
	*requests = NULL;
}

size_t requests_count(const struct requests *requests)
{
	return requests->count;
}
