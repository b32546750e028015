/* What of a request is to be sent: cut into bundles, each to its lane, and what the lanes tell of them. */
#include <assert.h>

#include "workers/delivery/bundles.h"
#include "workers/delivery/marks.h"
#include "workers/delivery/request_inner.h"

/* FORM_GIVEN: it wants none. Skeletons are in 7 bits as they are written. */
static enum text_form wanted_form(const struct request *request, const struct smtp_outcome *outcome)
{
	if (request->rendering)
		return FORM_GIVEN;
	if (outcome->wants_lines)
		return FORM_LINES;
	bool is_converted = request->set->options.eightbit == EIGHTBIT_CONVERT;
	return outcome->wants_seven_bit && is_converted ? FORM_SEVEN_BIT : FORM_GIVEN;
}

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	struct bundle *bundle = (struct bundle *)transaction;
	struct request *request = bundle->request;
	if (request->fates[bundle->indexes[index]].kind != FATE_OPEN)
		return; /* it had its answer before the mail was written again for the others */
	enum text_form wanted = wanted_form(request, attempt->outcome);
	bool wants_data = attempt->outcome->wants_data && !transaction->mail.avoids_chunks;
	if (wanted > bundle->form)
		bundle->wanted_form = wanted;
	if (wants_data)
		bundle->wants_data = true;
	if (wanted <= bundle->form && !wants_data)
		report_attempt(request, bundle->indexes[index], attempt, &transaction->mail);
}

/* The same mail once more, in a form that more hosts take, or by DATA where the host offered CHUNKING without knowing it. What it said was
 * no answer to the mail. */
static void send_otherwise(struct bundle *bundle)
{
	if (bundle->wanted_form > bundle->form)
		bundle->form = bundle->wanted_form;
	if (bundle->wants_data)
		bundle->transaction.mail.avoids_chunks = true;
	bundle->wants_data = false;
	lanes_submit(bundle->request->set->options.lanes, &bundle->lane, &bundle->transaction);
}

static void on_transaction_done(struct transaction *transaction)
{
	struct bundle *bundle = (struct bundle *)transaction;
	bundle_close(bundle);
	if (bundle->wanted_form > bundle->form || bundle->wants_data) {
		send_otherwise(bundle);
		return;
	}
	bundle->is_open = false;
	bundle->request->open_bundle_count--;
	request_go_on(bundle->request);
}

void bundle_set_fates(const struct bundle *bundle, enum fate_kind kind, int64_t retry_wall_ms)
{
	for (size_t i = 0; i < bundle->transaction.mail.recipient_count; i++) {
		struct fate *fate = &bundle->request->fates[bundle->indexes[i]];
		if (fate->kind != FATE_OPEN)
			continue;
		fate->kind = kind;
		fate->retry_wall_ms = retry_wall_ms;
	}
}

/* What cannot go by its source may go by another, that takes as many recipients at once. */
static bool leaves_elsewhere(struct bundle *bundle)
{
	struct request *request = bundle->request;
	if (!request_source_is_closed(request, bundle->lane.source))
		return false;
	const struct source *source = request_source(request);
	int64_t max = source->recipients_per_transaction;
	if (request_source_is_closed(request, source) ||
	    (max > 0 && bundle->transaction.mail.recipient_count > (size_t)max))
		return false;
	bundle->lane.source = source;
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
	bundle_set_fates(bundle, FATE_POSTPONED,
			 loop_wall_ms(request->set->options.loop) + delay_ms);
	request_go_on(request);
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

static void submit(struct request *request, const struct addressee *addressees, size_t count,
		   const struct source *source)
{
	struct arena *arena = request->arena;
	struct bundle *bundle = arena_zalloc(arena, 1, sizeof *bundle);
	struct bytes *recipients = arena_zalloc(arena, count, sizeof *recipients);
	struct smtp_recipient_wishes *wishes = arena_zalloc(arena, count, sizeof *wishes);
	struct bytes *ids = arena_zalloc(arena, count, sizeof *ids);
	bundle->request = request;
	bundle->indexes = arena_zalloc(arena, count, sizeof *bundle->indexes);
	for (size_t i = 0; i < count; i++) {
		const struct recipient *recipient = &request->mail.recipients[addressees[i].index];
		bundle->indexes[i] = addressees[i].index;
		recipients[i] = recipient->address;
		ids[i] = recipient->id.len > 0 ? recipient->id : request->mail.id;
		wishes[i] = (struct smtp_recipient_wishes){recipient->notify, recipient->original};
	}
	bundle->transaction = (struct transaction){
		.mail = {.sender =
				 sender_for(request, &request->mail.recipients[addressees->index]),
			 .recipients = recipients,
			 .recipient_count = count,
			 .smtputf8 = request->mail.smtputf8,
			 .eightbit = request->mail.eightbit,
			 .is_binary = request->mail.binary,
			 .wishes = wishes_of(&request->mail),
			 .recipient_wishes = wishes,
			 .require_tls = request->mail.wishes.require_tls,
			 .content = request->rendering ? BYTES_NONE : request->mail.content},
		.handler = &transaction_handler,
		.unsent = arena_zalloc(arena, count, 1),
		.tenant = request->mail.labels.tenant,
		.campaign = request->mail.labels.campaign,
		.ids = ids,
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
		.heeds_no_tls = request->mail.wishes.heeds_no_tls_policy,
		.site = request->site,
		.source = source,
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

static int64_t lower(int64_t limit, int64_t other)
{
	return other > 0 && other < limit ? other : limit;
}

/* By its site, its tenant and its campaign. */
static int64_t recipients_max_of(const struct request *request)
{
	const struct requests_options *options = &request->set->options;
	struct site_settings settings = *request->site_settings;
	if (options->limits) {
		char told[ROUTING_NAME_MAX + 2] = "";
		int64_t now = loop_wall_ms(options->loop);
		(void)bytes_to_cstr(request->told_site, told, sizeof told);
		site_limits_fill(options->limits, request->site, now, &settings);
		site_limits_fill(options->limits, told, now, &settings);
	}
	int64_t max = settings.recipients_per_transaction;
	if (request->mail.labels.tenant.len > 0)
		max = lower(max, settings.recipients_per_transaction_per_tenant);
	if (request->mail.labels.campaign.len > 0)
		max = lower(max, settings.recipients_per_transaction_per_campaign);
	return max;
}

void request_send(struct request *request)
{
	size_t recipient_count = request->mail.recipient_count, count = 0, run;
	struct addressee *addressees =
		arena_zalloc(request->arena, recipient_count, sizeof *addressees);
	for (size_t i = 0; i < recipient_count; i++)
		if (request->fates[i].kind == FATE_OPEN &&
		    find_next_hop(request, i, &addressees[count]))
			count++;
	if (count == 0)
		return;
	request->is_marked = marks_are_wanted(request->set->options.returns, &request->mail);
	int64_t max = request->rendering || request->is_marked ? 1 : recipients_max_of(request);
	bundles_sort(addressees, count);
	request->bundles = arena_zalloc(request->arena, count, sizeof(struct bundle *));
	for (size_t at = 0; at < count; at += run) {
		const struct source *source = request_source(request);
		size_t here = (size_t)lower(max, source->recipients_per_transaction);
		run = bundles_run(&addressees[at], count - at, here);
		submit(request, &addressees[at], run, source);
	}
}
