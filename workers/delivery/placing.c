/* A request before its triage: it stays, or it goes on, published again under another site's key and only then acked. Nothing was tried,
 * so no attempt is counted. One that is leased again stays: what was done before is known where it is.
 *
 *   taken -- stays ------------------------------------------> triage
 *         -- by MX, not remembered --> asked -- stays, unknown --> triage
 *                                            -- elsewhere ------> told to the bouncer, published there -- kept --> acked */
#include "workers/delivery/placing.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/learned_sites.h"
#include "lib/obs/log.h"
#include "workers/delivery/lesson.h"
#include "workers/delivery/request_inner.h"

enum placing placing_of(const struct placing_case *c, const char **ret_key)
{
	bool is_tail = strcmp(c->key, c->own_key) == 0, is_lent = lent_index(c->key) >= 0;
	bool is_learned = c->learned && strcmp(c->learned, c->key) == 0;
	*ret_key = c->listed ? c->listed : is_lent ? c->own_key : c->learned;
	if (c->listed)
		return is_tail || is_lent ? PLACING_GOES : PLACING_STAYS;
	if (is_lent)
		return is_learned ? PLACING_STAYS : PLACING_GOES;
	if (is_tail && c->learned && lent_index(c->learned) >= 0)
		return PLACING_GOES;
	return is_tail || is_learned ? PLACING_BY_MX : PLACING_STAYS;
}

/* The one domain of all recipients. */
static bool find_domain(const struct request *request, char out[ADDRESS_DOMAIN_MAX + 1])
{
	char other[ADDRESS_DOMAIN_MAX + 1];
	for (size_t i = 0; i < request->mail.recipient_count; i++)
		if (!request_domain(request->mail.recipients[i].address, i == 0 ? out : other) ||
		    (i > 0 && strcmp(out, other) != 0))
			return false;
	return out[0] != '[';
}

/* No route says where it goes. */
static bool goes_by_mx(const struct request *request)
{
	const struct route_settings *route = routing_route(
		request->set->options.routing, request->from_domain, request->placing.domain);
	return !(route && (route->host[0] || route->action != ROUTE_SEND));
}

/* ---- telling the bouncer ---- */

/* Once for as long as the finding is remembered. */
static void tell_once(const struct request *request, const char *domain,
		      struct rollup_finding *finding)
{
	const struct requests_options *options = &request->set->options;
	const char *site = finding->site ? finding->site : "";
	if (finding->is_told)
		return;
	finding->is_told = true;
	if (learned_site_is_news(options->sites, domain, site, loop_wall_ms(options->loop)))
		lesson_tell(options->postings, domain, site, 0, options->worker_name);
}

/* ---- going on ---- */

/* Urgent mail stays urgent: the pool's word in its key, where that is one of its pool. */
static const char *forward_key(struct request *request, const char *key)
{
	const char *of = lease_key(request->lease);
	size_t pool_len = strlen(request->pool), word_len = strcspn(of, ".");
	bool is_of_pool = strncmp(of, request->pool, pool_len) == 0 &&
			  (of[pool_len] == '.' || of[pool_len] == '~');
	return is_of_pool ? arena_printf(request->arena, "%.*s.%s", (int)word_len, of, key)
			  : arena_printf(request->arena, "%s.%s", request->pool, key);
}

void request_forward(struct request *request, const char *key)
{
	struct delivery_request mail = request->mail;
	struct blob *content = blob_from_bytes(mail.content);
	struct buf head;
	mail.site = bytes_of(key);
	mail.forwards++;
	buf_init(&head, 2 * SCHEMA_HEAD_MAX);
	enum err err = delivery_request_encode_head(&mail, mail.content.len, &head);
	assert(!err); /* no more in it than was decoded, but for a site's name */
	request->has_posted = true;
	request->unkept_count++;
	log_event(EV_mail_forwarded, F_BYTES("message", mail.id), F_TEXT("from", request->site),
		  F_TEXT("to", key));
	postings_add(request->set->options.postings,
		     &(const struct publication){
			     .exchange = EXCHANGE_DELIVER,
			     .key = forward_key(request, key),
			     .message_id = lease_message_id(request->lease),
			     .head = buf_bytes(&head),
			     .tail = content,
		     },
		     &request_posting, request);
	buf_done(&head);
	blob_unref(&content);
}

/* False: it stays. */
static bool follow_finding(struct request *request, struct rollup_finding *finding)
{
	if (!finding->is_found)
		return false;
	const char *key = finding->site ? finding->site : request->placing.own_key;
	bool stays = strcmp(key, request->site) == 0;
	if (!stays || finding->site)
		tell_once(request, request->placing.domain, finding);
	if (stays)
		return false;
	request_forward(request, key);
	return true;
}

static void on_finding(void *owner, struct rollup_finding *finding)
{
	struct request *request = owner;
	request->placing.question = NULL;
	if (!follow_finding(request, finding))
		request_begin(request);
}

static bool go_by_mx(struct request *request)
{
	struct rollup *rollup = request->set->options.rollup;
	struct rollup_finding *finding = rollup_find(rollup, request->placing.domain);
	if (finding)
		return follow_finding(request, finding);
	request->placing.question =
		rollup_ask(rollup, request->placing.domain, on_finding, request);
	return true;
}

/* Mail under a site that is lent is told of, and suspended, by its domain. That it is the domain's now, and no straggler of another, is what
 * the site is asked for again by. */
static void note_lent(struct request *request, const struct placing_case *c)
{
	const struct requests_options *options = &request->set->options;
	if (lent_index(c->key) < 0)
		return;
	request->told_site = bytes_of(c->own_key);
	if (options->heat && c->learned && strcmp(c->learned, c->key) == 0)
		heat_see(options->heat, c->key, request->placing.domain);
}

/* The domain that it is placed by, and the key that this has in the tail. False: there is no one domain. */
static bool find_own_key(struct request *request)
{
	char domain[ADDRESS_DOMAIN_MAX + 1] = "";
	if (!find_domain(request, domain))
		return false;
	bool has_dot = strchr(domain, '.') != NULL;
	request->placing.domain = arena_cstr(request->arena, bytes_of(domain));
	request->placing.own_key = arena_printf(request->arena, "%s%s", domain, has_dot ? "" : ".");
	return true;
}

static struct placing_case case_of(const struct request *request)
{
	const struct requests_options *options = &request->set->options;
	const char *domain = request->placing.domain;
	return (struct placing_case){
		.key = request->site,
		.own_key = request->placing.own_key,
		.listed = routing_named_site(options->routing, domain),
		.learned = learned_site_find(options->sites, options->routing, domain,
					     loop_wall_ms(options->loop)),
	};
}

/* A site of the settings has it by their word; where a route says otherwise it stays. */
static bool go_to(struct request *request, const struct placing_case *c, const char *key)
{
	if (c->listed && !goes_by_mx(request))
		return false;
	request_forward(request, key);
	return true;
}

bool request_place(struct request *request)
{
	const struct requests_options *options = &request->set->options;
	const char *key;
	if (!options->sites || !find_own_key(request))
		return false;
	const struct placing_case c = case_of(request);
	note_lent(request, &c);
	if (lease_is_redelivered(request->lease) || request->mail.forwards >= PLACING_FORWARDS_MAX)
		return false;
	switch (placing_of(&c, &key)) {
	case PLACING_STAYS:
		break;
	case PLACING_GOES:
		return go_to(request, &c, key);
	case PLACING_BY_MX:
		return options->rollup && goes_by_mx(request) && go_by_mx(request);
	}
	return false;
}
