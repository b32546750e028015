/* Where lanes meet the shaper: every reply is judged, and what is in force or learned says what may be sent. Without a shaper nothing
 * is held back. */
#include <string.h>

#include "workers/delivery/lane_inner.h"

#define SOON_MS 2000 /* worth waiting for here */
#define COME_BACK_MS                                                                               \
	600000 /* what waits elsewhere comes to look so often, since what holds it may be cancelled */
#define AGAIN_MS      1000  /* after a refused session */
#define GOOD_MS	      30000 /* a session that was let in so lately says that the next may be, too */
#define LEFT_ALONE_MS 30000 /* a site that refuses every session */

static struct shaper *shaper_of(const struct lane *lane)
{
	return lane->lanes->options.shaper;
}

/* ---- replies ---- */

static struct shaping_facts facts_of(const struct lane *lane, const char *host,
				     const struct smtp_outcome *outcome, const char *step)
{
	const struct reply *reply = &outcome->reply;
	return (struct shaping_facts){
		.site = lane->site->key,
		.source = lane->source->name,
		.host = host,
		.tenant = "",
		.campaign = "",
		.step = step,
		.code = reply->code,
		.enhanced = {reply->enhanced.class, reply->enhanced.subject,
			     reply->enhanced.detail},
		.text = bytes_from(reply->text, reply->text_len),
	};
}

/* One reply that answers for all recipients counts once; to RCPT each has its own. */
static bool is_judged(const struct link *link, const struct smtp_outcome *outcome)
{
	return link->has_ruling && outcome->step != SMTP_STEP_RCPT &&
	       link->ruled_step == outcome->step && link->ruled_code == outcome->reply.code;
}

struct ruling shaped_reply(struct link *link, const struct smtp_outcome *outcome)
{
	struct lane *lane = link->lane;
	const struct transaction *transaction = link->transaction;
	char tenant[SHAPER_NAME_MAX], campaign[SHAPER_NAME_MAX];
	if (!shaper_of(lane))
		return (struct ruling){0};
	if (outcome->kind == SMTP_REPLIED && outcome->step == SMTP_STEP_BODY &&
	    reply_is_positive(&outcome->reply) && !is_judged(link, outcome))
		pace_accepted(&lane->from->learned->pace, loop_now_ms(lane->lanes->options.loop));
	if (!is_judged(link, outcome)) {
		struct shaping_facts facts =
			facts_of(lane, link->to.host_name, outcome, smtp_step_name(outcome->step));
		shaper_name(transaction->tenant, tenant);
		shaper_name(transaction->campaign, campaign);
		facts.tenant = tenant;
		facts.campaign = campaign;
		shaper_judge(shaper_of(lane), lane->from->learned, &facts, &link->ruling);
		if (link->ruling.is_trouble)
			(void)learned_trouble(lane->from->learned);
	}
	link->has_ruling = true;
	link->ruled_step = outcome->step;
	link->ruled_code = outcome->reply.code;
	return link->ruling;
}

void shaped_let_in(struct lane *lane)
{
	lane->from->good_at_ms = loop_now_ms(lane->lanes->options.loop);
	if (shaper_of(lane))
		feedback_success(&lane->from->learned->feedback, &lane->from->learned->limits,
				 (unsigned)lane->from->load.open_count);
}

static bool is_full_up(const struct smtp_outcome *outcome)
{
	return outcome->kind == SMTP_REPLIED && reply_is_transient(&outcome->reply) &&
	       outcome->step != SMTP_STEP_AUTH;
}

static bool has_ready_link(const struct lane *lane, const struct endpoint *to)
{
	const struct link *link;
	LIST_FOREACH(link, &lane->links, next)
	{
		if (link->is_ready && net_address_equal(&link->to.address, &to->address))
			return true;
	}
	return false;
}

/* It is trouble once, whatever rules say of it. */
bool shaped_refused(struct lane *lane, const struct endpoint *at,
		    const struct smtp_outcome *outcome)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	if (!shaper_of(lane))
		return false;
	struct shaping_facts facts =
		facts_of(lane, at->host_name, outcome, smtp_step_name(outcome->step));
	shaper_judge(shaper_of(lane), lane->from->learned, &facts, &lane->failure_ruling);
	if (learned_trouble(lane->from->learned)) {
		lane->dead_until_ms = now + LEFT_ALONE_MS;
		return false;
	}
	bool has_others = has_ready_link(lane, at);
	if (has_others)
		lane->again_at_ms = now + AGAIN_MS;
	return has_others;
}

bool shaped_try_again(struct lane *lane)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	bool is_crowd = shaper_of(lane) && is_full_up(&lane->failure) &&
			lane->from->good_at_ms > 0 && now - lane->from->good_at_ms < GOOD_MS;
	if (is_crowd)
		lane->again_at_ms = now + AGAIN_MS;
	return is_crowd;
}

/* ---- what may be sent ---- */

int64_t shaped_closed_ms(const struct lane *lane)
{
	if (!shaper_of(lane))
		return 0;
	int64_t site_ms = shaper_site_closed_ms(shaper_of(lane), lane->site->key);
	int64_t source_ms =
		shaper_source_closed_ms(shaper_of(lane), lane->source->name, lane->site->key);
	return site_ms > source_ms ? site_ms : source_ms;
}

int64_t shaped_host_closed_ms(const struct lane *lane, const struct endpoint *to)
{
	return shaper_of(lane) ? shaper_host_closed_ms(shaper_of(lane), to->host_name) : 0;
}

int64_t shaped_send_wait_ms(const struct lane *lane)
{
	if (!shaper_of(lane))
		return 0;
	int64_t closed_ms = shaped_closed_ms(lane);
	int64_t pace_ms =
		pace_wait_ms(&lane->from->learned->pace, loop_now_ms(lane->lanes->options.loop));
	return closed_ms > pace_ms ? closed_ms : pace_ms;
}

void shaped_note_send(const struct lane *lane)
{
	if (shaper_of(lane))
		pace_note(&lane->from->learned->pace);
}

size_t shaped_sessions(const struct source_load *from)
{
	return from->learned ? learned_sessions(from->learned, &from->answer) : SIZE_MAX;
}

/* ---- what is in force changed ---- */

static void slow_to(const struct lane *lane, struct source_load *from)
{
	struct limits limits = *allowance_limits(from->load.allowance);
	conf_rate rate = loads_source_limits(lane).rate;
	int64_t most = from->answer.rate_per_day;
	if (most > 0 && (rate == 0 || most < rate))
		rate = most;
	if (rate == limits.rate)
		return;
	limits.rate = rate;
	allowance_set(from->load.allowance, &limits);
}

void shaped_refresh(struct lane *lane)
{
	struct source_load *from = lane->from;
	if (!from->learned || (!from->is_shaped && shaper_is_idle(shaper_of(lane))))
		return;
	shaper_ask(shaper_of(lane), lane->source->name, lane->site->key, &from->answer);
	from->is_shaped = !shaper_is_idle(shaper_of(lane));
	learned_heed(from->learned, &from->answer, loop_now_ms(lane->lanes->options.loop));
	slow_to(lane, from);
}

/* ---- what cannot be sent for a while waits elsewhere ---- */

static void put_off(struct transaction *transaction, int64_t wait_ms)
{
	(void)transaction_withdraw(transaction);
	transaction->handler->postponed(transaction,
					wait_ms < COME_BACK_MS ? wait_ms : COME_BACK_MS);
}

static int64_t hosts_closed_ms(const struct lane *lane)
{
	int64_t least_ms = INT64_MAX;
	for (size_t i = 0; i < lane->endpoint_count; i++) {
		int64_t ms = shaped_host_closed_ms(lane, &lane->endpoints[i].to);
		if (ms == 0)
			return 0;
		least_ms = ms < least_ms ? ms : least_ms;
	}
	return lane->endpoint_count > 0 ? least_ms : 0;
}

static int64_t line_closed_ms(void *owner, struct bytes tenant, struct bytes campaign)
{
	const struct lane *lane = owner;
	return shaper_line_closed_ms(shaper_of(lane), lane->site->key, tenant, campaign);
}

static void put_off_lines(struct lane *lane)
{
	struct transaction *transaction;
	int64_t wait_ms;
	while ((transaction = turns_first_closed(lane->waiting, line_closed_ms, lane, &wait_ms)) &&
	       transaction->handler->postponed)
		put_off(transaction, wait_ms);
}

/* A parked site with queues of its own gives its leases back by itself. */
bool shaped_put_off(struct lane *lane)
{
	struct transaction *transaction;
	if (!shaper_of(lane) || shaper_is_idle(shaper_of(lane)))
		return false;
	put_off_lines(lane);
	int64_t closed_ms = shaped_closed_ms(lane), hosts_ms = hosts_closed_ms(lane);
	int64_t wait_ms = closed_ms > hosts_ms ? closed_ms : hosts_ms;
	if (wait_ms == 0)
		return false;
	tap_wait(lane, "a shaping rule keeps it back", wait_ms);
	bool is_parked = lane->site->has_queue && lane->site->is_shared &&
			 shaper_site_closed_ms(shaper_of(lane), lane->site->key) > 0;
	while (wait_ms > SOON_MS && !is_parked && (transaction = turns_last(lane->waiting)) &&
	       transaction->handler->postponed)
		put_off(transaction, wait_ms);
	lane_wait(lane, wait_ms);
	return true;
}
