/*   taken -- malformed --> buried
 *         -- not due ----> put off
 *         -- triage -----> some recipients have their fate, the others go out in bundles
 *   all bundles done --> deferred recipients published again --> all results and publications kept --> acked
 *
 * A lease that is lost on the way is let go: what is under way ends, is journaled and reported; what waits is dropped, since whoever
 * has the lease now answers for it. */
#include "lib/base/memory.h"
#include "lib/obs/metrics.h"
#include "workers/delivery/request_inner.h"

#define EARLY_MS 1000

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
	request_drop_texts(request);
	rollup_cancel(&request->placing.question);
	TAILQ_REMOVE(&set->all, request, next);
	set->count--;
	arena_free(&arena);
}

void requests_tell_if_idle(struct requests *set)
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
	requests_tell_if_idle(set);
}

static bool put_off_whole(struct request *request)
{
	struct requests *set = request->set;
	int64_t retry_wall_ms;
	if (lease_is_lost(request->lease) || !deferral_is_whole(request, &retry_wall_ms))
		return false;
	count_held(request, -1);
	lease_retry(&request->lease, retry_wall_ms - loop_wall_ms(set->options.loop));
	request_free(request);
	requests_tell_if_idle(set);
	return true;
}

/* Goes on when nothing is open: first the retries are published; then, when all is kept, notices to the sender; when they are, it ends. */
void request_go_on(struct request *request)
{
	if (request->open_bundle_count > 0)
		return;
	if (!request->has_posted) {
		if (put_off_whole(request))
			return;
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
	request_go_on(request);
}

static bool is_wanted(void *owner)
{
	const struct request *request = owner;
	return !lease_is_lost(request->lease);
}

static void on_posted(void *owner, bool is_kept)
{
	(void)is_kept; /* if not, the lease is lost, and its next holder does it */
	request_note_kept(owner);
}

const struct posting_handler request_posting = {.is_wanted = is_wanted, .done = on_posted};

void request_release(struct request *request)
{
	count_held(request, -1);
	lease_release(&request->lease);
	request_free(request);
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

void request_begin(struct request *request)
{
	request_triage(request);
	if (!is_kept_back(request))
		request_send(request);
	request_go_on(request);
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
	if (!request_place(request))
		request_begin(request);
}
/* ---- birth and end ---- */

struct requests *requests_new(const struct requests_options *options)
{
	struct requests *requests = memory_new(sizeof *requests);
	requests->options = *options;
	requests->rewriter = rewriter_new(options->loop);
	TAILQ_INIT(&requests->all);
	return requests;
}

/* Leases that are still held were lost with the broker's closing: acking them only gives their memory back. */
void requests_free(struct requests **requests)
{
	struct request *request;
	if (!*requests)
		return;
	rewriter_free(&(*requests)->rewriter);
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
