/* A lane's hold on one connection. The upcalls of the client come here. */
#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/metrics.h"
#include "workers/delivery/lane_inner.h"

static struct link *link_new(struct lane *lane, const struct lane_endpoint *endpoint)
{
	struct link *link = memory_new(sizeof *link);
	link->lane = lane;
	link->to = endpoint->to;
	link->is_clear = endpoint->is_clear;
	link->account = tls_account_ref(endpoint->account);
	LIST_INSERT_HEAD(&lane->links, link, next);
	lane->opening_count++;
	loads_count(lane, 1, 0);
	return link;
}

static void forget_opener(struct link *link)
{
	party_opened(&link->opened_for.by_tenant);
	party_opened(&link->opened_for.by_campaign);
}

static void link_remove(struct link *link)
{
	struct lane *lane = link->lane;
	LIST_REMOVE(link, next);
	loads_count(lane, -1, 0);
	lane->resting_count -= link->is_resting;
	if (!link->is_ready)
		lane->opening_count--;
	forget_opener(link);
	tls_account_unref(&link->account);
	free(link);
}

/* The lane is looked at: work may wait for the session that this one leaves room for. */
void link_drop(struct link *link)
{
	struct lane *lane = link->lane;
	link_remove(link);
	lane_touch(lane);
}

void link_forget(struct link *link)
{
	LIST_REMOVE(link, next);
	tls_account_unref(&link->account);
	free(link);
}

bool link_may_go_on(struct link *link)
{
	smtp_connection_allow(link->connection, loads_messages_max(link->lane));
	return smtp_connection_may_go_on(link->connection);
}

struct smtp_target link_target(const struct lane *lane, const struct lane_endpoint *endpoint)
{
	return (struct smtp_target){
		.address = endpoint->to.address,
		.host_name = endpoint->to.host_name,
		.source = lane->source->address,
		.proxy = lane->source->proxy.address.len > 0 ? &lane->source->proxy : NULL,
		.helo = lane->source->helo,
		.route = lane->route,
		.require_tls = lane->require_tls,
		.site = lane->site->settings,
		.tls = endpoint->is_clear ? lane->lanes->in_clear : endpoint->tls,
	};
}

/* ---- transactions ---- */

static void send_transaction(struct link *link)
{
	forget_opener(link);
	link->unsent_count = 0;
	link->has_ruling = false;
	link->sent_count++;
	link->sent_at_ms = loop_now_ms(link->lane->lanes->options.loop);
	if (lane_is_tapped(link->lane))
		tap_transaction(link);
	smtp_connection_send(link->connection, &link->transaction->mail);
}

static enum preparation prepare(struct transaction *transaction)
{
	const struct transaction_handler *handler = transaction->handler;
	return handler->prepare ? handler->prepare(transaction) : PREPARED;
}

/* What waits may go soon. Others may have the session when that takes long. */
static bool may_rest(struct link *link, int64_t wait_ms)
{
	struct lane *lane = link->lane;
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	if (wait_ms <= 0 || loads_are_over(lane))
		return false;
	if (!link->is_resting) {
		link->is_resting = true;
		link->rested_at_ms = now;
		lane->resting_count++;
	}
	tap_wait(lane, "a rate lets no message go", wait_ms);
	lane_wait(lane, wait_ms);
	return now - link->rested_at_ms < lane->site->settings->connection_idle;
}

static void stop_resting(struct link *link)
{
	link->lane->resting_count -= link->is_resting;
	link->is_resting = false;
}

static void finish(struct transaction *transaction)
{
	turns_end(transaction);
	transaction->handler->done(transaction);
}

static void send_next(struct link *link)
{
	struct transaction *transaction;
	int64_t wait_ms = 0;
	if (link_gives_way(link))
		return;
	while (!loads_are_over(link->lane) && (transaction = lane_take(link, &wait_ms))) {
		stop_resting(link);
		enum preparation preparation = prepare(transaction);
		if (preparation == PREPARED_NEVER) {
			finish(transaction);
			continue;
		}
		link->transaction = transaction;
		link->is_preparing = preparation == PREPARED_LATER;
		if (link->is_preparing)
			transaction->link = link;
		else
			send_transaction(link);
		return;
	}
	link->is_worn = wait_ms == TURNS_ELSEWHERE;
	if (!may_rest(link, wait_ms))
		link_let_go(link);
}

void link_try_again(struct link *link)
{
	if (link_may_go_on(link))
		send_next(link);
	else
		link_let_go(link);
}

/* Gives up waiting: another link may send it. */
static void put_back(struct link *link)
{
	struct transaction *transaction = link->transaction;
	link->transaction = NULL;
	link->is_preparing = false;
	transaction->link = NULL;
	lane_put_back(link->lane, transaction);
}

void link_go_on(struct link *link, bool can_be_sent)
{
	struct transaction *transaction = link->transaction;
	if (can_be_sent && !link_may_go_on(link)) {
		put_back(link);
		link_let_go(link);
		return;
	}
	link->is_preparing = false;
	transaction->link = NULL;
	if (can_be_sent) {
		send_transaction(link);
		return;
	}
	link->transaction = NULL;
	finish(transaction);
	if (link_may_go_on(link))
		send_next(link);
	else
		link_let_go(link);
}

static uint32_t took_ms(const struct link *link)
{
	return (uint32_t)(loop_now_ms(link->lane->lanes->options.loop) - link->sent_at_ms);
}

static void tell(struct link *link, size_t index, const struct smtp_outcome *outcome)
{
	struct attempt attempt = {
		.outcome = outcome,
		.step = smtp_step_name(outcome->step),
		.remote_host = link->to.host_name,
		.remote = &link->to.address,
		.tls = smtp_connection_tls(link->connection),
		.esmtp = smtp_connection_esmtp(link->connection),
		.took_ms = took_ms(link),
		.source = link->lane->source,
		.ruling = shaped_reply(link, outcome),
	};
	link->transaction->handler->recipient_done(link->transaction, index, &attempt);
}

/* What was surely not sent is told at the end, when it is known whether the transaction gets a second try. */
static void on_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct link *link = owner;
	if (outcome->kind != SMTP_REPLIED)
		link->is_broken = true;
	if (outcome->kind != SMTP_NOT_SENT) {
		tell(link, index, outcome);
		return;
	}
	link->transaction->unsent[index] = 1;
	link->unsent = *outcome;
	link->unsent_count++;
}

/* A session that was idle or in use before may have been ended by the remote just as we began: that is no failure of the mail. */
static bool deserves_second_try(const struct link *link)
{
	const struct transaction *transaction = link->transaction;
	return link->unsent_count == transaction->mail.recipient_count &&
	       (link->is_reused || link->sent_count > 1) && !transaction->is_second_try;
}

static void on_transaction_done(void *owner)
{
	struct link *link = owner;
	struct lane *lane = link->lane;
	struct transaction *transaction = link->transaction;
	lane->done_at_ms = loop_now_ms(lane->lanes->options.loop);
	if (!link->is_broken)
		shaped_let_in(lane);
	metric_observe_ms(M_attempt_seconds, NULL,
			  loop_now_ms(lane->lanes->options.loop) - link->sent_at_ms);
	bool is_second_try = deserves_second_try(link);
	for (size_t i = 0; i < transaction->mail.recipient_count; i++) {
		if (!transaction->unsent[i])
			continue;
		transaction->unsent[i] = 0;
		if (!is_second_try)
			tell(link, i, &link->unsent);
	}
	link->transaction = NULL;
	if (is_second_try) {
		transaction->is_second_try = true;
		lane_put_back(lane, transaction);
	} else {
		finish(transaction);
	}
	if (link->is_broken)
		return;
	if (link_may_go_on(link))
		send_next(link);
	else
		link_let_go(link);
}

/* ---- the connection ---- */

/* Others than it was opened for may use it, and want another then. */
static void look_for_others(struct lane *lane)
{
	const struct site_settings *site = &lane->site->in_force;
	if (site->connect_rate_per_tenant > 0 || site->connect_rate_per_campaign > 0)
		lane_touch(lane);
}

static void on_ready(void *owner)
{
	struct link *link = owner;
	if (!link->is_ready) {
		link->is_ready = true;
		link_count_tls(link, NULL);
		link->lane->opening_count--;
		lane_note_success(link->lane);
		shaped_let_in(link->lane);
		look_for_others(link->lane);
	}
	if (!link->transaction && link->is_reused)
		link_try_again(link);
	else if (!link->transaction)
		send_next(link);
}

static bool is_tls_failure(const struct smtp_outcome *outcome)
{
	return outcome->kind != SMTP_REPLIED && outcome->step == SMTP_STEP_STARTTLS;
}

/* Opportunistic encryption is better than none, but none is better than no mail (RFC 7435): once more in the clear. */
static bool go_on_in_clear(struct link *link, const struct smtp_outcome *outcome)
{
	struct lane_endpoint *endpoint = lane_endpoint_at(link->lane, &link->to);
	const struct route_settings *route = link->lane->route;
	if (!endpoint || link->is_clear || !is_tls_failure(outcome) || link->lane->require_tls ||
	    (route && route->implicit_tls) || endpoint->tls->level != SMTP_TLS_OPPORTUNISTIC)
		return false;
	endpoint->is_clear = true;
	return true;
}

static void on_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct link *link = owner;
	tap_ended(link, outcome);
	if (link->is_preparing)
		put_back(link);
	if (!link->is_ready)
		link_count_tls(link, outcome);
	if (!link->is_ready && !link->is_reused && !go_on_in_clear(link, outcome) &&
	    !shaped_refused(link->lane, &link->to, outcome))
		lane_note_failure(link->lane, &link->to, outcome);
	link_drop(link);
}

static const struct smtp_session_handler handler = {
	.ready = on_ready,
	.recipient_done = on_recipient_done,
	.transaction_done = on_transaction_done,
	.ended = on_ended,
	.said = tap_said,
};

/* ---- getting one ---- */

bool link_reuse(struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++) {
		const struct lane_endpoint *endpoint = &lane->endpoints[i];
		if (shaped_host_closed_ms(lane, &endpoint->to) > 0)
			continue;
		struct smtp_target target = link_target(lane, endpoint);
		struct link *link = link_new(lane, endpoint);
		link->is_reused = true;
		link->connection =
			smtp_client_reuse(lane->lanes->options.client, &target, &handler, link);
		if (link->connection) {
			tap_opened(link);
			return true;
		}
		link_remove(link);
	}
	return false;
}

void link_open(struct lane *lane, const struct lane_endpoint *endpoint,
	       const struct turns_opener *opener)
{
	struct smtp_target target = link_target(lane, endpoint);
	struct link *link = link_new(lane, endpoint);
	link->opened_for.by_tenant = party_open(opener->by_tenant);
	link->opened_for.by_campaign = party_open(opener->by_campaign);
	link->connection = smtp_client_open(lane->lanes->options.client, &target, &handler, link);
	tap_opened(link);
}
