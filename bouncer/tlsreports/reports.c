/* each minute: reports that are due --> sending, some at a time --> state written: sent to all, or when to try again, or given up */
#include "bouncer/tlsreports/reports.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "bouncer/tlsreports/counting.h"
#include "bouncer/tlsreports/due.h"
#include "bouncer/tlsreports/sending.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define LOOK_MS	       60000
#define LOOK_SOON_MS   1000
#define SENDINGS_MAX   4
#define DAYS_LOOKED_AT 3
#define GIVE_UP_MS     TLS_DAY_MS /* RFC 8460 5.4 */
#define ANSWER_MAX     ((size_t)64 << 10)
#define WAIT_FIRST_MS  INT64_C(300000)
#define WAIT_MOST_MS   INT64_C(7200000)

struct outgoing { /* a report in work */
	struct tls_reports *reports;
	struct tls_sending *sending;
	uint32_t day;
	char domain[256];
	struct tls_sent sent;
	int64_t now_wall_ms;
	void (*done)(void *owner, enum err err); /* NULL: nobody asked */
	void *owner;
	LIST_ENTRY(outgoing) next;
};

struct tls_reports {
	struct loop *loop;
	struct broker *broker;
	struct tls_keep keep;
	struct tls_sending_tools tools;
	struct resolver *resolver;
	struct http_client *client;
	struct tls_counting *counting;
	struct timer *look;
	bool is_stopped, is_forgetting;
	uint32_t forget_before;
	void (*store_failed)(enum err err);
	size_t outgoing_count;
	struct tls_due_list due;
	size_t due_next; /* of it, to be started */
	LIST_HEAD(, outgoing) outgoings;
};

static uint32_t today_of(const struct tls_reports *reports)
{
	return (uint32_t)(loop_wall_ms(reports->loop) / TLS_DAY_MS);
}

/* ---- sending ---- */

int64_t tls_report_wait_ms(uint32_t tries)
{
	int64_t wait = WAIT_FIRST_MS;
	for (uint32_t i = 1; i < tries && wait < WAIT_MOST_MS; i++)
		wait *= 2;
	return wait < WAIT_MOST_MS ? wait : WAIT_MOST_MS;
}

static void outgoing_free(struct outgoing *outgoing)
{
	outgoing->reports->outgoing_count--;
	LIST_REMOVE(outgoing, next);
	free(outgoing);
}

static void start_due(struct tls_reports *reports);

static void on_noted(void *owner, enum err err)
{
	struct outgoing *outgoing = owner;
	struct tls_reports *reports = outgoing->reports;
	if (err == E_IO)
		reports->store_failed(err);
	if (outgoing->done)
		outgoing->done(outgoing->owner, outgoing->sent.err);
	outgoing_free(outgoing);
	start_due(reports);
}

static void judge(struct tls_report_state *state, const struct tls_sent *sent, int64_t now)
{
	uint32_t all = (UINT32_C(1) << state->ruas.count) - 1;
	state->done |= sent->done | sent->refused;
	if (state->first_wall_ms == 0)
		state->first_wall_ms = now;
	state->tries++;
	state->next_wall_ms = now + tls_report_wait_ms(state->tries);
	state->is_closed =
		(state->done & all) == all || sent->err || now - state->first_wall_ms >= GIVE_UP_MS;
}

static enum err note_sent(void *owner, struct store_txn *txn)
{
	struct outgoing *outgoing = owner;
	const struct tls_keep *keep = &outgoing->reports->keep;
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct tls_report_state state;
	struct bytes at =
		bytes_from(key, tls_report_key(outgoing->day, bytes_of(outgoing->domain), key));
	enum err err = tls_report_state_read(txn, keep, at, &state);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	judge(&state, &outgoing->sent, outgoing->now_wall_ms);
	return tls_report_state_write(txn, keep, at, &state);
}

static void on_sent(void *owner, const struct tls_sent *sent)
{
	struct outgoing *outgoing = owner;
	struct tls_reports *reports = outgoing->reports;
	outgoing->sending = NULL;
	outgoing->sent = *sent;
	outgoing->now_wall_ms = loop_wall_ms(reports->loop);
	if (outgoing->day >= today_of(reports))
		on_noted(outgoing, OK);
	else
		store_write(reports->keep.store, note_sent, reports->loop, on_noted, outgoing);
}

static bool is_under_way(const struct tls_reports *reports, uint32_t day, struct bytes domain)
{
	const struct outgoing *outgoing;
	LIST_FOREACH(outgoing, &reports->outgoings, next)
	{
		if (outgoing->day == day && bytes_is(domain, outgoing->domain))
			return true;
	}
	return false;
}

static struct outgoing *start(struct tls_reports *reports, uint32_t day, struct bytes domain,
			      const struct tls_ruas *ruas, uint32_t passed_over)
{
	struct outgoing *outgoing = memory_new(sizeof *outgoing);
	outgoing->reports = reports;
	outgoing->day = day;
	(void)bytes_to_cstr(domain, outgoing->domain, sizeof outgoing->domain);
	LIST_INSERT_HEAD(&reports->outgoings, outgoing, next);
	reports->outgoing_count++;
	outgoing->sending = tls_sending_start(&reports->tools, day, domain, ruas, passed_over,
					      on_sent, outgoing);
	return outgoing;
}

/* ---- what is due ---- */

static enum err read_state(struct tls_reports *reports, uint32_t day, struct bytes domain,
			   struct tls_report_state *ret)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct store_txn *txn = store_read_begin(reports->keep.store);
	enum err err = tls_report_state_read(
		txn, &reports->keep, bytes_from(key, tls_report_key(day, domain, key)), ret);
	store_read_end(&txn);
	return err;
}

static void start_due(struct tls_reports *reports)
{
	struct tls_report_state state;
	while (!reports->is_stopped && reports->due_next < reports->due.count &&
	       reports->outgoing_count < SENDINGS_MAX) {
		size_t i = reports->due_next++;
		uint32_t day = reports->due.items[i].day;
		struct bytes domain = bytes_of(reports->due.items[i].domain);
		if (!is_under_way(reports, day, domain) &&
		    read_state(reports, day, domain, &state) == OK &&
		    tls_due_is(&state, loop_wall_ms(reports->loop)))
			(void)start(reports, day, domain, &state.ruas, state.done);
	}
}

static void find_due(struct tls_reports *reports)
{
	uint32_t today = today_of(reports);
	struct store_txn *txn = store_read_begin(reports->keep.store);
	enum err err = tls_due_find(txn, &reports->keep, today - DAYS_LOOKED_AT, today,
				    loop_wall_ms(reports->loop), &reports->due);
	store_read_end(&txn);
	reports->due_next = 0;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
}

static enum err forget(void *owner, struct store_txn *txn)
{
	struct tls_reports *reports = owner;
	return tls_keep_forget(txn, &reports->keep, reports->forget_before);
}

static void on_forgotten(void *owner, enum err err)
{
	struct tls_reports *reports = owner;
	reports->is_forgetting = false;
	if (err == E_IO)
		reports->store_failed(err);
}

static void on_look(void *owner)
{
	struct tls_reports *reports = owner;
	const struct tls_keep *keep = &reports->keep;
	timer_start(reports->look, LOOK_MS);
	if (broker_state(reports->broker) != BROKER_READY)
		return;
	if (reports->due_next == reports->due.count)
		find_due(reports);
	start_due(reports);
	if (reports->is_forgetting)
		return;
	reports->is_forgetting = true;
	reports->forget_before = today_of(reports) - TLS_DAYS_KEPT;
	store_write(keep->store, forget, reports->loop, on_forgotten, reports);
}

/* ---- entry points ---- */

void tls_reports_send_now(struct tls_reports *reports, uint32_t day, struct bytes domain,
			  void (*done)(void *owner, enum err err), void *owner)
{
	struct tls_report_state state;
	enum err err = reports->keep.settings->enabled ? OK : E_REFUSED;
	if (!err && is_under_way(reports, day, domain))
		err = E_BLOCKED;
	if (!err)
		err = read_state(reports, day, domain, &state);
	if (err) {
		done(owner, err);
		return;
	}
	struct outgoing *outgoing = start(reports, day, domain, &state.ruas, 0);
	outgoing->done = done;
	outgoing->owner = owner;
}

static enum err open_tools(struct tls_reports *reports, const struct tls_reports_options *options,
			   struct why *why)
{
	const struct http_client_options client = {
		.loop = reports->loop,
		.at_once = SENDINGS_MAX,
		.calls_max = 2 * SENDINGS_MAX,
		.answer_max = ANSWER_MAX,
		.ca_file = options->settings->ca,
	};
	enum err err = resolver_new(reports->loop, options->resolver, &reports->resolver, why);
	if (err)
		return err;
	reports->client = http_client_new(&client);
	reports->tools = (struct tls_sending_tools){
		.loop = reports->loop,
		.broker = options->broker,
		.routing = options->node->routing,
		.resolver = reports->resolver,
		.client = reports->client,
		.keep = &reports->keep,
	};
	timer_start(reports->look, LOOK_SOON_MS);
	return OK;
}

enum err tls_reports_new(const struct tls_reports_options *options, struct tls_reports **ret,
			 struct why *why)
{
	struct tls_reports *reports = memory_new(sizeof *reports);
	reports->loop = options->node->loop;
	reports->broker = options->broker;
	reports->store_failed = options->store_failed;
	tls_keep_init(&reports->keep, options->store, options->settings);
	LIST_INIT(&reports->outgoings);
	reports->look = timer_new(reports->loop, on_look, reports);
	enum err err = options->settings->enabled ? open_tools(reports, options, why) : OK;
	if (err) {
		tls_reports_free(&reports);
		return err;
	}
	reports->counting = tls_counting_new(&(struct tls_counting_options){
		.loop = reports->loop,
		.broker = options->broker,
		.keep = &reports->keep,
		.store_failed = options->store_failed,
	});
	*ret = reports;
	return OK;
}

void tls_reports_stop(struct tls_reports *reports)
{
	reports->is_stopped = true;
	timer_stop(reports->look);
	if (reports->counting)
		tls_counting_stop(reports->counting);
}

void tls_reports_free(struct tls_reports **reports)
{
	struct tls_reports *freeing = *reports;
	*reports = NULL;
	if (!freeing)
		return;
	tls_reports_stop(freeing);
	store_drain(freeing->loop);
	tls_counting_free(&freeing->counting);
	while (!LIST_EMPTY(&freeing->outgoings)) {
		struct outgoing *outgoing = LIST_FIRST(&freeing->outgoings);
		tls_sending_cancel(&outgoing->sending);
		if (outgoing->done)
			outgoing->done(outgoing->owner, E_CANCELLED);
		outgoing_free(outgoing);
	}
	http_client_free(&freeing->client);
	resolver_free(&freeing->resolver);
	timer_free(&freeing->look);
	free(freeing);
}
