/* What goes back to its queue, or is put off, before it was sent: its site is parked, it is suspended, its lease is old or lost, the
 * worker stops. What is on the wire ends in peace. */
#include <string.h>

#include "workers/delivery/request_inner.h"

#define HOLD_MAX_MS (8 * 60 * 1000) /* a lease is to be settled within ten minutes */
#define POSTPONE_MS 30000

/* ---- what has not begun ---- */

static void withdraw_bundle(struct bundle *bundle, enum fate_kind kind, int64_t retry_wall_ms)
{
	if (!bundle->is_open || !transaction_withdraw(&bundle->transaction))
		return;
	bundle->is_open = false;
	bundle->request->open_bundle_count--;
	bundle_set_fates(bundle, kind, retry_wall_ms);
}

/* Returns how many bundles are still under way. */
static size_t withdraw(struct request *request, enum fate_kind kind, int64_t retry_wall_ms)
{
	for (size_t i = 0; i < request->bundle_count; i++)
		withdraw_bundle(request->bundles[i], kind, retry_wall_ms);
	return request->open_bundle_count;
}

/* ---- leases that grow old or are lost ---- */

static void review(struct request *request)
{
	const struct loop *loop = request->set->options.loop;
	if (request->open_bundle_count == 0)
		return;
	if (lease_is_lost(request->lease))
		(void)withdraw(request, FATE_DROPPED, 0);
	else if (loop_now_ms(loop) - request->taken_at_ms >= HOLD_MAX_MS)
		(void)withdraw(request, FATE_POSTPONED, loop_wall_ms(loop) + POSTPONE_MS);
	request_go_on(request);
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
	if (request->open_bundle_count == 0 && !request->placing.question)
		return;
	size_t open_count = withdraw(request, FATE_POSTPONED, 0);
	if (open_count > 0 || request->has_begun || lease_is_lost(request->lease)) {
		request_go_on(request);
		return;
	}
	request_release(request);
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

static void relocate(struct request *request, const char *to)
{
	if (request->open_bundle_count == 0)
		return;
	size_t open_count = withdraw(request, FATE_POSTPONED, 0);
	if (open_count > 0 || request->has_begun || lease_is_lost(request->lease))
		request_go_on(request);
	else
		request_forward(request, to);
}

void requests_relocate(struct requests *requests, const char *site, const char *to)
{
	struct request *request, *next;
	for (request = TAILQ_FIRST(&requests->all); request; request = next) {
		next = TAILQ_NEXT(request, next);
		if (strcmp(request->site, site) == 0)
			relocate(request, to);
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
	request_go_on(request);
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
	request_go_on(request);
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
	requests_tell_if_idle(requests);
}
