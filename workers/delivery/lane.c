/* One lane: its queue, its endpoints, and what happens when none of them lets us in. */
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "workers/delivery/lane_inner.h"

#define ENDPOINTS_FRESH_MS                                                                         \
	60000 /* then DNS is asked again, and endpoints that failed get another chance */

/* ---- the queue ---- */

/* Whoever may not go on this one would wait for another, and there is none. */
static bool is_last_session(const struct lane *lane)
{
	const struct site_settings *site = &lane->site->in_force;
	return (site->messages_per_connection_per_tenant > 0 ||
		site->messages_per_connection_per_campaign > 0) &&
	       !loads_have_room(lane);
}

struct transaction *lane_take(const struct link *link, int64_t *ret_wait_ms)
{
	struct lane *lane = link->lane;
	const struct turns_session session = {
		.carried_count = smtp_connection_message_count(link->connection),
		.opener = link->is_reused || link->sent_count > 0 ? NULL : &link->opened_for,
		.is_last = is_last_session(lane),
	};
	*ret_wait_ms = 0;
	if (lane->lanes->is_held || turns_count(lane->waiting) == 0)
		return NULL;
	*ret_wait_ms = loads_send_wait_ms(lane);
	if (*ret_wait_ms > 0)
		return NULL;
	struct transaction *transaction = turns_take(lane->waiting, &session, ret_wait_ms);
	if (!transaction)
		return NULL;
	loads_note_send(lane);
	struct site_turns *turns = &lane->site->turns;
	turns->urgent_count = transaction->is_urgent ? turns->urgent_count + 1 : 0;
	transaction->lane = NULL;
	return transaction;
}

void lane_put_back(struct lane *lane, struct transaction *transaction)
{
	turns_end(transaction);
	turns_add_first(lane->waiting, transaction);
	transaction->lane = lane;
	lane_touch(lane);
}

/* Rates of others come by `changed`. */
void lane_wait(struct lane *lane, int64_t wait_ms)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	if (wait_ms == TEMPO_UNKNOWN ||
	    (timer_is_running(lane->go_on) && lane->go_on_at_ms <= now + wait_ms))
		return;
	lane->go_on_at_ms = now + wait_ms;
	timer_start(lane->go_on, wait_ms);
}

/* Only what waits now: what comes meanwhile gets its own attempt. */
static void fail_waiting(struct lane *lane)
{
	struct attempt attempt = {
		.outcome = &lane->failure,
		.step = lane->failure_step,
		.remote_host = lane->failure_at.host_name,
		.remote = lane->failure_at.address.len > 0 ? &lane->failure_at.address : NULL,
		.tls = "",
		.esmtp = "",
		.source = lane->source,
		.ruling = lane->failure_ruling,
	};
	for (size_t left = turns_count(lane->waiting); left > 0; left--) {
		struct transaction *transaction = turns_take_any(lane->waiting);
		transaction->lane = NULL;
		for (size_t i = 0; i < transaction->mail.recipient_count; i++)
			transaction->handler->recipient_done(transaction, i, &attempt);
		transaction->handler->done(transaction);
	}
}

static void forgive_endpoints(struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++)
		lane->endpoints[i].has_failed = false;
}

/* Nobody lets us in. The next attempt begins anew, with all endpoints. */
static void give_up(struct lane *lane)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	int64_t dead_ms = lane->began_at_ms > 0 ? plan_dead_ms(lane->began_at_ms, now) : 0;
	if (now + dead_ms > lane->dead_until_ms)
		lane->dead_until_ms = now + dead_ms;
	lane->began_at_ms = 0;
	forgive_endpoints(lane);
	fail_waiting(lane);
}

/* ---- endpoints ---- */

void lane_drop_endpoints(struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++) {
		tls_demand_unref(&lane->endpoints[i].tls);
		tls_account_unref(&lane->endpoints[i].account);
	}
	free(lane->endpoints);
	lane->endpoints = NULL;
	lane->endpoint_count = 0;
}

static void take_endpoints(struct lane *lane, const struct exchange_answer *exchange)
{
	lane_drop_endpoints(lane);
	lane->endpoints = memory_array(exchange->count, sizeof *lane->endpoints);
	lane->endpoint_count = exchange->count;
	for (size_t i = 0; i < exchange->count; i++)
		lane->endpoints[i] = (struct lane_endpoint){
			.to = exchange->endpoints[i],
			.tls = tls_demand_ref(exchange->demands[i]),
			.account = tls_account_ref(exchange->accounts[i]),
		};
}

static void note_no_exchange(struct lane *lane, const struct exchange_failure *failure)
{
	struct reply *reply = &lane->failure.reply;
	memset(&lane->failure, 0, sizeof lane->failure);
	memset(&lane->failure_at, 0, sizeof lane->failure_at);
	memset(&lane->failure_ruling, 0, sizeof lane->failure_ruling);
	lane->failure.kind = SMTP_REPLIED;
	lane->failure_step = "dns";
	reply->code = failure->code;
	reply->enhanced = failure->enhanced;
	(void)snprintf(reply->text, sizeof reply->text, "%s", failure->text);
	reply->text_len = strlen(reply->text);
}

/* A list that could not be renewed is good for as long as there is a connection by it. */
static void on_exchange(void *owner, const struct exchange_answer *exchange)
{
	struct lane *lane = owner;
	lane->question = NULL;
	if (lane_is_tapped(lane))
		tap_exchange(lane, exchange);
	if (exchange->count > 0) {
		take_endpoints(lane, exchange);
	} else if (LIST_EMPTY(&lane->links)) {
		take_endpoints(lane, exchange);
		note_no_exchange(lane, &exchange->failure);
		give_up(lane);
	}
	lane_touch(lane);
}

static void ask(struct lane *lane)
{
	struct next_hop hop = {
		.name = lane->next_hop,
		.route = lane->route,
		.port = (uint16_t)lane->site->settings->port,
		.family = lane->source->address.len > 0 ? lane->source->address.sa.any.sa_family
							: AF_UNSPEC,
		.site = lane->site->settings,
		.require_tls = lane->require_tls,
		.heeds_no_tls = lane->heeds_no_tls,
	};
	lane->asked_at_ms = loop_now_ms(lane->lanes->options.loop);
	lane->question = exchanger_ask(lane->lanes->options.exchanger, &hop, on_exchange, lane);
}

struct lane_endpoint *lane_next_endpoint(struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++)
		if (!lane->endpoints[i].has_failed &&
		    shaped_host_closed_ms(lane, &lane->endpoints[i].to) == 0)
			return &lane->endpoints[i];
	return NULL;
}

struct lane_endpoint *lane_endpoint_at(struct lane *lane, const struct endpoint *to)
{
	for (size_t i = 0; i < lane->endpoint_count; i++)
		if (net_address_equal(&lane->endpoints[i].to.address, &to->address))
			return &lane->endpoints[i];
	return NULL;
}

void lane_note_failure(struct lane *lane, const struct endpoint *at,
		       const struct smtp_outcome *outcome)
{
	struct lane_endpoint *endpoint = lane_endpoint_at(lane, at);
	if (endpoint)
		endpoint->has_failed = true;
	lane->failure = *outcome;
	lane->failure_step = smtp_step_name(outcome->step);
	lane->failure_at = *at;
}

/* How long it stood in line says nothing of the hosts. */
void lane_note_attempt(struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++)
		if (lane->endpoints[i].has_failed)
			return;
	if (lane->began_at_ms > 0 && LIST_EMPTY(&lane->links))
		lane->began_at_ms = loop_now_ms(lane->lanes->options.loop);
}

void lane_note_success(struct lane *lane)
{
	lane->began_at_ms = 0;
	lane->dead_until_ms = 0;
}

/* ---- what to do now ---- */

bool lane_wants_link(const struct lane *lane)
{
	return !lane->lanes->is_held && lane->resting_count == 0 &&
	       loop_now_ms(lane->lanes->options.loop) >= lane->again_at_ms &&
	       plan_wants_link(turns_count(lane->waiting), lane->opening_count);
}

static void try_resting(struct lane *lane)
{
	struct link *link, *next;
	for (link = LIST_FIRST(&lane->links); link; link = next) {
		next = LIST_NEXT(link, next);
		if (link->is_resting)
			link_try_again(link);
	}
}

/* For the limits of tenants and campaigns (is_own) not while other lanes want the session. */
static bool is_worth_resting(const struct lane *lane, int64_t wait_ms, bool is_own)
{
	bool is_wanted = lane->site->turns.aside_count > (size_t)(lane->place == LANE_AT_SITE);
	return wait_ms <= (is_own && is_wanted ? 0 : lane->site->settings->connection_idle / 2);
}

/* No connection is opened only to rest. */
bool lane_has_leave(struct lane *lane)
{
	int64_t all_ms = loads_send_wait_ms(lane), own_ms = turns_next(lane->waiting).wait_ms;
	if (is_worth_resting(lane, all_ms, false) && is_worth_resting(lane, own_ms, true))
		return true;
	int64_t wait_ms = all_ms > own_ms ? all_ms : own_ms;
	tap_wait(lane, "a rate lets no message go", wait_ms);
	lane_wait(lane, wait_ms);
	return false;
}

/* While nobody lets us in, what waits is answered at once. False: it may be tried. */
static bool fail_while_dead(struct lane *lane, int64_t now)
{
	if (!LIST_EMPTY(&lane->links) || now >= lane->dead_until_ms)
		return false;
	tap_wait(lane, "no host let us in, and it is not tried again yet",
		 lane->dead_until_ms - now);
	fail_waiting(lane);
	return true;
}

static void ask_again(struct lane *lane, int64_t now)
{
	bool is_stale = now - lane->asked_at_ms >= ENDPOINTS_FRESH_MS;
	if (!lane->question && (lane->endpoint_count == 0 || is_stale))
		ask(lane);
}

/* A session with the next that is not closed; or later; or nobody lets us in. */
static void try_endpoints(struct lane *lane, int64_t now)
{
	if (!lane_next_endpoint(lane) && shaped_try_again(lane))
		forgive_endpoints(lane);
	if (now < lane->again_at_ms) {
		lane_wait(lane, lane->again_at_ms - now);
	} else if (lane_next_endpoint(lane)) {
		if (lane_has_leave(lane))
			lane_stand_in_line(lane);
	} else if (LIST_EMPTY(&lane->links)) {
		give_up(lane);
	}
}

void lane_look(struct lane *lane)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	if (lane->resting_count > 0)
		try_resting(lane);
	if (turns_count(lane->waiting) == 0 || lane->lanes->is_held)
		return;
	lane->used_at_ms = now;
	if (shaped_put_off(lane) || turns_count(lane->waiting) == 0)
		return;
	if (fail_while_dead(lane, now))
		return;
	if (LIST_EMPTY(&lane->links) && lane->began_at_ms == 0)
		lane->began_at_ms = now;
	ask_again(lane, now);
	if (lane->endpoint_count > 0)
		try_endpoints(lane, now);
}

/* ---- giving back ---- */

#define STUCK_MS      5000
#define KEPT_WAITING  20 /* so many may wait for a next hop that does not get on */
#define COME_AGAIN_MS 30000

/* The leases that a slow next hop holds are missed by others of its queue. A site with queues of its own is parked instead. */
void lane_shed(struct lane *lane)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	bool is_parkable = lane->site->has_queue && lane->site->is_shared;
	if (is_parkable || lane->lanes->is_held || now - lane->done_at_ms < STUCK_MS)
		return;
	struct transaction *transaction;
	while (turns_count(lane->waiting) > KEPT_WAITING &&
	       (transaction = turns_last(lane->waiting)) && transaction->handler->postponed) {
		(void)transaction_withdraw(transaction);
		transaction->handler->postponed(transaction, COME_AGAIN_MS);
	}
}
