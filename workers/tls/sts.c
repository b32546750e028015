/* One search per domain at a time; all who ask for the domain wait for it.
 *
 *   record in DNS -- none, or the id of the policy that is kept ----------------------------------> the kept one, or none
 *                 -- another id --> addresses of mta-sts.<domain> --> the policy by HTTPS --good--> kept, and told
 *                                                                                         --bad---> the kept one, or none
 *
 * After a policy that could not be had, its host is left in peace for five minutes (RFC 8461 3.3). */
#include "workers/tls/sts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"
#include "lib/net/http_client.h"
#include "lib/obs/log.h"

#define FETCHES_MAX	1000 /* under way and waiting */
#define FETCHES_AT_ONCE 20
#define FAILED_KEPT_MAX 10000
#define FAILED_WAIT_MS	(5 * 60 * 1000)
#define REFRESH_AGE_MS	(24 * 3600 * 1000LL)
#define ADDRESSES_MAX	6
#define PINNED_SIZE	(300 + ADDRESSES_MAX * NET_ADDRESS_SIZE)

struct failed { /* an entry of `failed`, by domain */
	int64_t until_ms;
	enum sts_fault fault;
};

struct search {
	struct sts *sts;
	char *domain;
	char host[264];
	char id[STS_ID_MAX + 1];
	enum sts_fault fault;
	bool is_refresh; /* nobody waits, and a policy that did not change is fetched too */
	struct lookup *lookup;
	struct http_call *call;
	LIST_HEAD(, sts_question) questions;
	LIST_ENTRY(search) link;
};

struct sts_question {
	void (*done)(void *owner, const struct sts_policy *policy, enum sts_fault fault);
	void *owner;
	LIST_ENTRY(sts_question) link;
};

struct sts {
	struct sts_options options;
	struct sts_cache cache;
	struct http_client *client;
	struct recents *failed;
	LIST_HEAD(, search) searches;
	struct timer *refresh_timer;
	char refreshed[256]; /* up to this domain */
};

/* ---- the end of a search ---- */

static void search_free(struct search *search)
{
	LIST_REMOVE(search, link);
	lookup_cancel(&search->lookup);
	http_call_cancel(&search->call);
	free(search->domain);
	free(search);
}

static void tell(struct search *search, const struct sts_policy *policy)
{
	LIST_REMOVE(search, link);
	while (!LIST_EMPTY(&search->questions)) {
		struct sts_question *question = LIST_FIRST(&search->questions);
		LIST_REMOVE(question, link);
		question->done(question->owner, policy, policy ? STS_FAULT_NONE : search->fault);
		free(question);
	}
	free(search->domain);
	free(search);
}

static bool find_kept(const struct search *search, struct sts_kept *ret)
{
	const struct sts *sts = search->sts;
	return sts_cache_find(&sts->cache, search->domain, loop_wall_ms(sts->options.loop), ret);
}

static void tell_kept(struct search *search)
{
	struct sts_kept kept;
	tell(search, find_kept(search, &kept) ? &kept.policy : NULL);
}

static void fail_search(struct search *search, enum sts_fault fault, const char *reason)
{
	struct sts *sts = search->sts;
	struct failed *failed = recents_use(sts->failed, bytes_of(search->domain));
	failed->until_ms = loop_now_ms(sts->options.loop) + FAILED_WAIT_MS;
	failed->fault = search->fault = fault;
	log_event(EV_mta_sts_finished, F_TEXT("outcome", "failed"),
		  F_TEXT("domain", search->domain), F_TEXT("reason", reason));
	tell_kept(search);
}

/* ---- the policy by HTTPS ---- */

static const char *fault_of(enum err err, const struct http_response *response,
			    const struct why *why)
{
	if (err != OK)
		return why->text;
	if (response->status != 200)
		return "the answer's status is not 200";
	struct bytes type = bytes_of(response->content_type);
	ptrdiff_t end = bytes_find(type, ';');
	if (end >= 0)
		type = bytes_first(type, (size_t)end);
	return bytes_is_nocase(bytes_trim(type), "text/plain") ? NULL
							       : "the answer is not text/plain";
}

static void on_fetched(void *owner, enum err err, const struct http_response *response,
		       const struct why *why)
{
	struct search *search = owner;
	const struct sts *sts = search->sts;
	struct sts_kept kept;
	search->call = NULL;
	const char *fault = fault_of(err, response, why);
	if (fault) {
		fail_search(search, err == E_TLS ? STS_FAULT_WEBPKI : STS_FAULT_FETCH, fault);
		return;
	}
	if (!sts_policy_parse(response->body, &kept.policy)) {
		fail_search(search, STS_FAULT_INVALID, "the policy is malformed");
		return;
	}
	memcpy(kept.id, search->id, sizeof kept.id);
	kept.fetched_wall_ms = loop_wall_ms(sts->options.loop);
	kept.ends_wall_ms = kept.fetched_wall_ms + kept.policy.max_age_s * 1000;
	sts_cache_keep(&sts->cache, search->domain, &kept, response->body);
	log_event(EV_mta_sts_finished, F_TEXT("outcome", "fetched"),
		  F_TEXT("domain", search->domain), F_TEXT("id", kept.id));
	tell(search, &kept.policy);
}

static bool is_allowed(const struct sts *sts, const struct net_address *address)
{
	return !net_address_is_special(address) ||
	       conf_cidrs_contain(sts->options.allowed, &address->sa.any);
}

/* "host:port:address,address" for the HTTP client; false: nowhere to go. */
static bool pin(const struct search *search, const struct address_answer *answer,
		char out[PINNED_SIZE])
{
	const struct sts *sts = search->sts;
	size_t len = (size_t)snprintf(out, PINNED_SIZE, "%s:%d:", search->host,
				      (int)sts->options.settings->port);
	size_t count = 0;
	for (size_t i = 0; i < answer->count && count < ADDRESSES_MAX; i++) {
		char text[NET_ADDRESS_SIZE];
		if (!is_allowed(sts, &answer->addresses[i]))
			continue;
		net_address_ip_text(&answer->addresses[i], text);
		bool is_v6 = strchr(text, ':') != NULL;
		len += (size_t)snprintf(out + len, PINNED_SIZE - len, "%s%s%s%s",
					count > 0 ? "," : "", is_v6 ? "[" : "", text,
					is_v6 ? "]" : "");
		count++;
	}
	return count > 0;
}

static void on_addresses(void *owner, const struct address_answer *answer)
{
	struct search *search = owner;
	const struct mta_sts_settings *settings = search->sts->options.settings;
	char pinned[PINNED_SIZE], url[400], port[8] = "";
	search->lookup = NULL;
	if (!pin(search, answer, pinned)) {
		fail_search(search, STS_FAULT_FETCH,
			    "the policy host has no address that we may connect to");
		return;
	}
	if (settings->port != 443)
		(void)snprintf(port, sizeof port, ":%u", (unsigned)(uint16_t)settings->port);
	(void)snprintf(url, sizeof url, "https://%s%s/.well-known/mta-sts.txt", search->host, port);
	const struct http_call_options options = {
		.url = url, .timeout_ms = settings->timeout, .pinned = pinned};
	enum err err =
		http_call_start(search->sts->client, &options, on_fetched, search, &search->call);
	if (err != OK)
		fail_search(search, STS_FAULT_FETCH, err_text(err));
}

/* ---- the record in DNS ---- */

/* Records that do not begin as ours are none; of several nobody knows which counts (RFC 8461 3.1). */
static bool find_id(const struct txt_answer *answer, char ret_id[STS_ID_MAX + 1])
{
	static const char prefix[] = "v=STSv1;";
	size_t found = SIZE_MAX, count = 0;
	for (size_t i = 0; answer->outcome == DNS_FOUND && i < answer->count; i++) {
		struct bytes text = bytes_from(answer->records[i].text, answer->records[i].len);
		if (!bytes_is(bytes_first(text, strlen(prefix)), prefix))
			continue;
		found = i;
		count++;
	}
	return count == 1 &&
	       sts_record_parse(bytes_from(answer->records[found].text, answer->records[found].len),
				ret_id);
}

enum sts_step sts_step_of(const struct txt_answer *answer, const struct sts_kept *kept,
			  bool is_refresh, char ret_id[STS_ID_MAX + 1])
{
	if (!find_id(answer, ret_id))
		return STS_USE_KEPT;
	bool is_new = !kept || strcmp(kept->id, ret_id) != 0;
	return is_new || is_refresh ? STS_FETCH : STS_USE_KEPT;
}

static bool is_left_in_peace(struct search *search)
{
	const struct sts *sts = search->sts;
	const struct failed *failed = recents_find(sts->failed, bytes_of(search->domain));
	if (!failed || loop_now_ms(sts->options.loop) >= failed->until_ms)
		return false;
	search->fault = failed->fault;
	return true;
}

static void on_record(void *owner, const struct txt_answer *answer)
{
	struct search *search = owner;
	struct sts_kept kept;
	search->lookup = NULL;
	bool has_kept = find_kept(search, &kept);
	enum sts_step step =
		sts_step_of(answer, has_kept ? &kept : NULL, search->is_refresh, search->id);
	if (step == STS_USE_KEPT || is_left_in_peace(search)) {
		tell(search, has_kept ? &kept.policy : NULL);
		return;
	}
	search->lookup = resolver_addresses(search->sts->options.resolver, search->host,
					    on_addresses, search);
}

/* ---- asking ---- */

static struct search *search_of(struct sts *sts, const char *domain)
{
	struct search *search;
	LIST_FOREACH(search, &sts->searches, link)
	{
		if (strcasecmp(search->domain, domain) == 0)
			return search;
	}
	return NULL;
}

static struct search *search_new(struct sts *sts, const char *domain, bool is_refresh)
{
	char name[272];
	struct search *search = memory_new(sizeof *search);
	search->sts = sts;
	search->domain = memory_text(domain);
	search->is_refresh = is_refresh;
	LIST_INIT(&search->questions);
	LIST_INSERT_HEAD(&sts->searches, search, link);
	(void)snprintf(search->host, sizeof search->host, "mta-sts.%.250s", domain);
	(void)snprintf(name, sizeof name, "_mta-sts.%.250s", domain);
	search->lookup = resolver_txt(sts->options.resolver, name, on_record, search);
	return search;
}

struct sts_question *sts_ask(struct sts *sts, const char *domain,
			     void (*done)(void *owner, const struct sts_policy *policy,
					  enum sts_fault fault),
			     void *owner)
{
	struct search *search = search_of(sts, domain);
	struct sts_question *question = memory_new(sizeof *question);
	question->done = done;
	question->owner = owner;
	if (!search)
		search = search_new(sts, domain, false);
	LIST_INSERT_HEAD(&search->questions, question, link);
	return question;
}

/* The search goes on: what it finds is kept. */
void sts_question_cancel(struct sts_question **question)
{
	struct sts_question *q = *question;
	*question = NULL;
	if (!q)
		return;
	LIST_REMOVE(q, link);
	free(q);
}

/* ---- fetching again ---- */

static void on_refresh_timer(void *owner)
{
	struct sts *sts = owner;
	int64_t every_ms = sts->options.settings->refresh;
	int64_t now = loop_wall_ms(sts->options.loop);
	struct sts_due due;
	sts_cache_due(&sts->cache, now, now + 2 * every_ms, now - REFRESH_AGE_MS, sts->refreshed,
		      &due);
	for (size_t i = 0; i < due.count; i++)
		if (!search_of(sts, due.domains[i]))
			(void)search_new(sts, due.domains[i], true);
	bool is_all = due.count < STS_DUE_MAX;
	(void)snprintf(sts->refreshed, sizeof sts->refreshed, "%s",
		       is_all ? "" : due.domains[due.count - 1]);
	int64_t soon_ms = sts->options.settings->timeout;
	timer_start(sts->refresh_timer, is_all || soon_ms > every_ms ? every_ms : soon_ms);
}

/* ---- all of it ---- */

struct sts *sts_new(const struct sts_options *options)
{
	static const struct recents_type failed_type = {.size = sizeof(struct failed),
							.max = FAILED_KEPT_MAX};
	struct sts *sts = memory_new(sizeof *sts);
	sts->options = *options;
	sts->cache = (struct sts_cache){.store = options->store,
					.database = store_database(options->store, STS_DATABASE),
					.loop = options->loop};
	LIST_INIT(&sts->searches);
	sts->failed = recents_new(&failed_type);
	sts->client = http_client_new(&(const struct http_client_options){
		.loop = options->loop,
		.at_once = FETCHES_AT_ONCE,
		.calls_max = FETCHES_MAX,
		.answer_max = STS_POLICY_SIZE,
		.ca_file = options->settings->ca,
	});
	sts->refresh_timer = timer_new(options->loop, on_refresh_timer, sts);
	timer_start(sts->refresh_timer, options->settings->refresh);
	return sts;
}

void sts_free(struct sts **sts)
{
	struct sts *s = *sts;
	*sts = NULL;
	if (!s)
		return;
	while (!LIST_EMPTY(&s->searches))
		search_free(LIST_FIRST(&s->searches));
	http_client_free(&s->client);
	timer_free(&s->refresh_timer);
	recents_free(&s->failed);
	store_drain(s->options.loop);
	free(s);
}
