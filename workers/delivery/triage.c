/* What is known before anything is sent: malformed, expired, recalled, suppressed, or sent already. */
#include "workers/delivery/request_inner.h"

#include <string.h>

#include "lib/base/random.h"

#define WINDOW_ROUNDS_MAX 20
#define GUNZIPPED_MAX	  (64u << 20)

/* ---- decoding ---- */

static enum err unpack_body(struct request *request, struct bytes *ret, struct why *why)
{
	const char *encoding = lease_content_encoding(request->lease);
	*ret = lease_body(request->lease);
	if (encoding[0] == '\0' || strcmp(encoding, "identity") == 0)
		return OK;
	if (strcmp(encoding, "gzip") != 0)
		return fail(why, E_MALFORMED, "content_encoding %.40s is not known", encoding);
	return gunzip(request->arena, *ret, GUNZIPPED_MAX, ret, why);
}

bool request_domain(struct bytes address, char out[ADDRESS_DOMAIN_MAX + 1])
{
	struct address parsed;
	return !address_parse(address, true, &parsed) && !parsed.is_null &&
	       !domain_canonical(parsed.domain, out);
}

/* Mail that was held back ages from the time it was to be sent. That it was tried since, or put off, changes nothing of it. */
static void fill_in_times(struct request *request)
{
	struct delivery_request *mail = &request->mail;
	if (mail->accepted_wall_ms <= 0)
		mail->accepted_wall_ms = loop_wall_ms(request->set->options.loop);
	bool is_held = mail->not_before_wall_ms > mail->accepted_wall_ms;
	if (mail->begin_wall_ms <= 0)
		mail->begin_wall_ms = is_held ? mail->not_before_wall_ms : mail->accepted_wall_ms;
	request->expires_wall_ms = mail->expires_wall_ms > 0
					   ? mail->expires_wall_ms
					   : mail->begin_wall_ms + request->retry->give_up;
}

/* Direct publishers may leave out what ingest fills in, and may name a pool that is gone from the settings. */
static void fill_in(struct request *request, const char *pool)
{
	const struct requests_options *options = &request->set->options;
	struct delivery_request *mail = &request->mail;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	const char *asked = arena_cstr(request->arena, mail->pool);

	request->pool = routing_pool(options->routing, asked) ? asked : pool;
	request->site = arena_cstr(request->arena, mail->site);
	request->told_site = mail->site;
	mail->pool = bytes_of(request->pool);
	request->from_domain = request_domain(mail->sender, domain)
				       ? arena_cstr(request->arena, bytes_of(domain))
				       : "";
	request->site_settings = routing_site_settings(options->routing, request->site);
	request->retry = retry_chosen(options->retry, mail->retry, request->site_settings->retry);
	request->random = random_unit();
	request->journal_id =
		bytes_of(arena_printf(request->arena, "%.*s %lld", BYTES_ARGS(mail->id),
				      (long long)mail->accepted_wall_ms));
	fill_in_times(request);
	request->fates =
		arena_zalloc(request->arena, mail->recipient_count, sizeof *request->fates);
}

enum err request_decode(struct request *request, const char *pool, struct why *why)
{
	struct bytes body;
	enum err err = unpack_body(request, &body, why);
	if (!err)
		err = delivery_request_decode(request->arena, body, &request->mail, why);
	if (!err && rendering_is_needed(&request->mail))
		err = rendering_read(request->arena, &request->mail, &request->rendering, why);
	if (!err)
		fill_in(request, pool);
	return err;
}

/* ---- each recipient ---- */

/* The journal knows what an earlier holder sent. A retry, or what was forwarded, is looked up too: its request may have come again meanwhile, when the ack of the
 * first was lost with the connection. */
static bool was_sent(struct request *request, size_t index, struct journal_entry *ret)
{
	const struct recipient *recipient = &request->mail.recipients[index];
	if (!lease_is_redelivered(request->lease) && recipient->attempt == 0 &&
	    request->mail.forwards == 0)
		return false;
	return journal_find(request->set->options.journal, request->journal_id, recipient->address,
			    request->arena, ret);
}

static void check_suppression(struct request *request, size_t index)
{
	const struct requests_options *options = &request->set->options;
	const struct mail_owner whose = {.tenant = request->mail.labels.tenant,
					 .stream = request->mail.pool};
	struct suppression found;
	switch (suppressions_find(options->suppressions, &whose,
				  request->mail.recipients[index].address,
				  loop_wall_ms(options->loop), request->arena, &found)) {
	case OK:
		report_suppressed(request, index, &found);
		break;
	case E_NOT_FOUND:
		break;
	case E_MALFORMED:
		report_local(request, index, "rcpt", 553, (struct enhanced_code){5, 1, 3},
			     "not a mail address");
		break;
	default: /* nobody can say whether it may be mailed */
		report_local(request, index, "suppression", 451, (struct enhanced_code){4, 3, 0},
			     "the suppressions cannot be read");
		break;
	}
}

enum err request_find_recall(struct request *request)
{
	return recalls_find(request->set->options.directives, &request->mail.labels,
			    request->mail.accepted_wall_ms, request->arena);
}

/* ---- sending windows ---- */

static struct bytes zone_in(const struct labels *labels)
{
	for (size_t i = 0; i < labels->metadata_count; i++)
		if (bytes_is(labels->metadata[i].name, WINDOW_ZONE_METADATA))
			return labels->metadata[i].value;
	return BYTES_NONE;
}

#define WINDOWS_MAX 3 /* of the message, its pool, its site */

static size_t find_windows(const struct request *request, const struct window *out[WINDOWS_MAX])
{
	const struct requests_options *options = &request->set->options;
	bool is_urgent = request->mail.wishes.priority >= ROUTING_URGENT_PRIORITY;
	const struct pool_settings *pool = routing_pool(options->routing, request->pool);
	const struct window *windows[WINDOWS_MAX] = {
		windows_find(options->windows, request->mail.window),
		is_urgent || !pool ? NULL : windows_find(options->windows, bytes_of(pool->window)),
		is_urgent
			? NULL
			: windows_find(options->windows, bytes_of(request->site_settings->window)),
	};
	size_t count = 0;
	for (size_t i = 0; i < WINDOWS_MAX; i++)
		if (windows[i])
			out[count++] = windows[i];
	return count;
}

/* When all of them are open; each may move the time past the end of another. */
static int64_t opening_ms(const struct window *windows, size_t count, int64_t now)
{
	int64_t at = now, before;
	unsigned rounds = 0;
	do {
		before = at;
		for (size_t i = 0; at != WINDOW_NEVER && i < count; i++)
			at = window_opening_ms(&windows[i], at);
	} while (at != before && ++rounds < WINDOW_ROUNDS_MAX);
	return at == before ? at : WINDOW_NEVER;
}

static int64_t opening_for(const struct request *request, size_t index,
			   const struct window *const *windows, size_t count, int64_t now)
{
	const struct bytes zones[] = {
		zone_in(&request->mail.recipients[index].labels),
		zone_in(&request->mail.labels),
		bytes_of(request->site_settings->zone),
	};
	struct window own[WINDOWS_MAX];
	for (size_t i = 0; i < count; i++)
		own[i] = windows_for(request->set->options.windows, windows[i], zones, 3);
	return opening_ms(own, count, now);
}

/* What may not be sent yet is no attempt; what would be too late then is so now. */
static void keep_for_window(struct request *request, size_t index, int64_t opening)
{
	if (opening >= request->expires_wall_ms) {
		report_expired(request, index);
		return;
	}
	request->fates[index].kind = FATE_POSTPONED;
	request->fates[index].retry_wall_ms = opening;
	request->has_begun = true;
}

static void heed_windows(struct request *request, int64_t now)
{
	const struct window *windows[WINDOWS_MAX];
	size_t count = find_windows(request, windows);
	for (size_t i = 0; count > 0 && i < request->mail.recipient_count; i++) {
		int64_t opening = opening_for(request, i, windows, count, now);
		if (request->fates[i].kind == FATE_OPEN && opening > now)
			keep_for_window(request, i, opening);
	}
}

void request_triage(struct request *request)
{
	int64_t now = loop_wall_ms(request->set->options.loop);
	enum err recall = request_find_recall(request);
	for (size_t i = 0; i < request->mail.recipient_count; i++) {
		struct journal_entry entry;
		if (was_sent(request, i, &entry))
			report_journaled(request, i, &entry);
		else if (request->expires_wall_ms <= now)
			report_expired(request, i);
		else if (recall != E_NOT_FOUND)
			report_recall(request, i, recall);
		else
			check_suppression(request, i);
	}
	heed_windows(request, now);
}
