/* A question goes through some rounds of look-ups; the MTA-STS policy is asked for meanwhile.
 *
 *   domain  -- MX found ------> addresses of all hosts at once, and of each its TLSA records --> done, when the policy is known
 *           -- no MX ---------> addresses of the domain, and its TLSA records -----------------> done, when the policy is known
 *           -- none, failed, null MX ----------------------------------------------------------> done
 *   route with names ---------> their addresses, and their TLSA records -----------------------> done
 *   literal, route with addresses -------------- end of the turn ------------------------------> done */
#include "workers/delivery/exchanger.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/net/own_addresses.h"
#include "lib/obs/log.h"
#include "workers/tls/tlsa_search.h"

#define SMTP_PORT 25
#define DAY_MS	  INT64_C(86400000)

struct exchanger {
	struct exchanger_options options;
	struct net_address *own;
	size_t own_count;
};

struct host_lookup {
	struct exchange_question *question;
	struct lookup *lookup; /* NULL once answered */
	struct tlsa_search *search;
	struct tlsa_finding *tlsa; /* NULL: not asked for */
};

struct exchange_question {
	struct exchanger *exchanger;
	char name[300];
	struct exchange_rules rules;
	uint64_t seed;
	struct lookup *mx;
	struct tls_wish wish;
	bool is_proven; /* DNSSEC proves which hosts there are */
	struct sts_question *sts;
	struct sts_policy *policy; /* NULL: none */
	enum sts_fault sts_fault;
	struct lookup *record; /* of TLS-RPT */
	struct tls_ruas ruas;  /* none: nothing is counted */
	struct exchange_hosts hosts;
	struct host_lookup lookups[RESOLVER_MX_MAX];
	size_t open_count; /* of what is asked for and not known */
	struct exchange_failure failure;
	struct task finish_task;
	void (*done)(void *owner, const struct exchange_answer *exchange);
	void *owner;
};

struct exchanger *exchanger_new(const struct exchanger_options *options)
{
	struct exchanger *exchanger = memory_new(sizeof *exchanger);
	exchanger->options = *options;
	exchanger->own_count = own_addresses(&exchanger->own);
	return exchanger;
}

void exchanger_free(struct exchanger **exchanger)
{
	if (*exchanger)
		free((*exchanger)->own);
	free(*exchanger);
	*exchanger = NULL;
}

static void question_free(struct exchange_question *question)
{
	sts_question_cancel(&question->sts);
	lookup_cancel(&question->record);
	free(question->policy);
	for (size_t i = 0; i < question->hosts.count; i++) {
		lookup_cancel(&question->lookups[i].lookup);
		tlsa_search_cancel(&question->lookups[i].search);
		tlsa_finding_free(&question->lookups[i].tlsa);
		tls_demand_unref(&question->hosts.hosts[i].tls);
		tls_account_unref(&question->hosts.hosts[i].account);
	}
	free(question);
}

/* Where sessions with the host are counted; those that there will not be are counted now. */
static void open_account(struct exchange_question *question, struct exchange_host *host,
			 const struct tls_case *c, const struct tls_ruling *ruling)
{
	const struct exchanger_options *options = &question->exchanger->options;
	const struct tls_account_facts facts = {
		.c = c,
		.ruling = ruling,
		.ruas = &question->ruas,
		.sts_fault = question->sts_fault,
	};
	if (question->ruas.count == 0)
		return;
	host->account = tls_account_new(&facts);
	if (ruling->demand || !host->account)
		return;
	const struct tls_session none = {.day = (uint32_t)(loop_wall_ms(options->loop) / DAY_MS),
					 .reason = ""};
	(void)tls_tallies_count(options->tallies, host->account, &none);
}

static void rule_tls(struct exchange_question *question, size_t index)
{
	struct exchange_host *host = &question->hosts.hosts[index];
	const struct tls_case c = {
		.wish = question->wish,
		.domain = question->rules.is_by_route ? NULL : question->name,
		.host = host->name,
		.tlsa = question->lookups[index].tlsa,
		.sts = question->policy,
	};
	struct tls_ruling ruling;
	tls_policy_rule(&c, &ruling);
	host->tls = ruling.demand;
	open_account(question, host, &c, &ruling);
	if (ruling.demand)
		return;
	host->tls_refusal = (struct exchange_failure){.code = 451, .enhanced = ruling.enhanced};
	(void)snprintf(host->tls_refusal.text, sizeof host->tls_refusal.text, "%s", ruling.text);
	log_event(EV_tls_host_refused, F_TEXT("domain", question->name), F_TEXT("host", host->name),
		  F_TEXT("reason", ruling.text));
}

static void finish(void *owner)
{
	struct exchange_question *question = owner;
	struct exchange_answer exchange = {.failure = question->failure};
	for (size_t i = 0; question->failure.code == 0 && i < question->hosts.count; i++)
		if (question->hosts.hosts[i].count > 0)
			rule_tls(question, i);
	if (question->failure.code == 0)
		exchange_finish(&question->hosts, &question->rules, question->seed, &exchange);
	if (exchange.failure.code >= 400 && exchange.failure.code < 500)
		log_event(EV_resolver_failed, F_TEXT("name", question->name),
			  F_TEXT("text", exchange.failure.text));
	question->done(question->owner, &exchange);
	question_free(question);
}

static void one_is_known(struct exchange_question *question)
{
	if (--question->open_count == 0)
		finish(question);
}

/* ---- TLS ---- */

static void on_tlsa(void *owner, const struct tlsa_finding *finding)
{
	struct host_lookup *lookup = owner;
	lookup->search = NULL;
	lookup->tlsa = tlsa_finding_copy(finding);
	one_is_known(lookup->question);
}

/* False: there is nothing to ask for. */
static bool ask_tlsa(struct host_lookup *lookup, const struct address_answer *answer)
{
	struct exchange_question *question = lookup->question;
	const struct exchange_host *host = &question->hosts.hosts[lookup - question->lookups];
	if (!question->wish.dane || question->wish.level == SMTP_TLS_NONE || host->count == 0)
		return false;
	lookup->search = tlsa_search_start(question->exchanger->options.resolver, host->name,
					   host->port > 0 ? host->port : question->rules.port,
					   question->is_proven, answer, on_tlsa, lookup);
	return lookup->search != NULL;
}

static void on_policy(void *owner, const struct sts_policy *policy, enum sts_fault fault)
{
	struct exchange_question *question = owner;
	question->sts = NULL;
	question->sts_fault = fault;
	if (policy) {
		question->policy = memory_new(sizeof *question->policy);
		*question->policy = *policy;
	}
	one_is_known(question);
}

static void ask_policy(struct exchange_question *question)
{
	const struct exchanger_options *options = &question->exchanger->options;
	if (!options->sts || !question->wish.mta_sts || question->wish.level == SMTP_TLS_NONE)
		return;
	question->open_count++;
	question->sts = sts_ask(options->sts, question->name, on_policy, question);
}

/* ---- whom to tell of it ---- */

static void on_record(void *owner, const struct txt_answer *answer)
{
	struct exchange_question *question = owner;
	size_t found = SIZE_MAX, count = 0;
	question->record = NULL;
	for (size_t i = 0; answer->outcome == DNS_FOUND && i < answer->count; i++) {
		if (!tls_record_is_one(bytes_from(answer->records[i].text, answer->records[i].len)))
			continue;
		found = i;
		count++;
	}
	if (count != 1 ||
	    !tls_record_parse(bytes_from(answer->records[found].text, answer->records[found].len),
			      &question->ruas))
		question->ruas.count = 0;
	one_is_known(question);
}

static void ask_record(struct exchange_question *question, bool heeds_no_tls)
{
	const struct exchanger_options *options = &question->exchanger->options;
	char name[300];
	if (!options->tallies || heeds_no_tls || question->wish.level == SMTP_TLS_NONE)
		return;
	(void)snprintf(name, sizeof name, "_smtp._tls.%.280s", question->name);
	question->open_count++;
	question->record = resolver_txt(options->resolver, name, on_record, question);
}

/* ---- addresses ---- */

static void on_addresses(void *owner, const struct address_answer *answer)
{
	struct host_lookup *lookup = owner;
	struct exchange_question *question = lookup->question;
	lookup->lookup = NULL;
	exchange_host_found(&question->hosts.hosts[lookup - question->lookups], &question->rules,
			    answer->outcome, answer->addresses, answer->count);
	if (!ask_tlsa(lookup, answer))
		one_is_known(question);
}

static void ask_addresses(struct exchange_question *question)
{
	for (size_t i = 0; i < question->hosts.count; i++) {
		struct host_lookup *lookup = &question->lookups[i];
		struct exchange_host *host = &question->hosts.hosts[i];
		struct net_address address;
		if (question->rules.is_by_route &&
		    net_address_parse(host->name, SMTP_PORT, &address)) {
			exchange_host_found(host, &question->rules, DNS_FOUND, &address, 1);
			continue;
		}
		question->open_count++;
		lookup->question = question;
		lookup->lookup = resolver_addresses(question->exchanger->options.resolver,
						    host->name, on_addresses, lookup);
	}
}

/* ---- MX ---- */

static void on_mx(void *owner, const struct mx_answer *answer)
{
	struct exchange_question *question = owner;
	question->mx = NULL;
	question->is_proven = answer->security == DNS_SECURE;
	switch (answer->outcome) {
	case DNS_FOUND:
		exchange_hosts(answer, &question->rules, question->seed, &question->hosts,
			       &question->failure);
		break;
	case DNS_NO_DATA:
		exchange_single_host(question->name, &question->hosts);
		break;
	case DNS_NO_NAME:
	case DNS_FAILED:
		exchange_domain_failed(question->name, answer->outcome, &question->failure);
		break;
	}
	if (question->failure.code) {
		finish(question);
		return;
	}
	ask_addresses(question);
	one_is_known(question); /* this one */
}

/* ---- what needs no DNS ---- */

static void take_address(struct exchange_question *question, const char *host_name,
			 const struct net_address *address)
{
	exchange_single_host(host_name, &question->hosts);
	exchange_host_found(&question->hosts.hosts[0], &question->rules, DNS_FOUND, address, 1);
	loop_defer(question->exchanger->options.loop, &question->finish_task);
}

/* RFC 5321 4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]". Any other tag is a literal that nobody can deliver to. */
static bool parse_literal(const char *name, struct net_address *ret)
{
	char text[80];
	size_t len = strlen(name);
	if (len < 3 || len >= sizeof text || name[0] != '[' || name[len - 1] != ']')
		return false;
	if (strncasecmp(name, "[IPv6:", 6) == 0)
		(void)snprintf(text, sizeof text, "[%s", name + 6);
	else
		(void)snprintf(text, sizeof text, "%.*s", (int)(len - 2), name + 1);
	return net_address_parse(text, SMTP_PORT, ret);
}

static void start_literal(struct exchange_question *question)
{
	struct net_address address;
	if (parse_literal(question->name, &address)) {
		take_address(question, question->name, &address);
		return;
	}
	question->failure = (struct exchange_failure){
		.code = 550, .enhanced = {5, 1, 2}, .text = "not an address that mail can go to"};
	loop_defer(question->exchanger->options.loop, &question->finish_task);
}

/* Addresses are hosts that need no look-up. */
static void start_route(struct exchange_question *question, const struct route_settings *route)
{
	const char *endpoints[RESOLVER_MX_MAX] = {route->host};
	size_t count = 1;
	for (size_t i = 0; i < route->fallbacks.count && count < RESOLVER_MX_MAX; i++)
		endpoints[count++] = route->fallbacks.items[i];
	exchange_route_hosts(endpoints, count, &question->hosts);
	question->is_proven = true; /* by the settings */
	ask_addresses(question);
	if (question->open_count == 0)
		loop_defer(question->exchanger->options.loop, &question->finish_task);
}

static void ask_domain(struct exchange_question *question, bool heeds_no_tls)
{
	ask_policy(question);
	ask_record(question, heeds_no_tls);
	question->open_count++;
	question->mx =
		resolver_mx(question->exchanger->options.resolver, question->name, on_mx, question);
}

/* ---- entry points ---- */

struct exchange_question *
exchanger_ask(struct exchanger *exchanger, const struct next_hop *hop,
	      void (*done)(void *owner, const struct exchange_answer *exchange), void *owner)
{
	const struct exchanger_options *options = &exchanger->options;
	struct exchange_question *question = memory_new(sizeof *question);
	question->exchanger = exchanger;
	(void)snprintf(question->name, sizeof question->name, "%s", hop->name);
	question->rules = (struct exchange_rules){
		.own_name = options->own_name,
		.allowed = &options->settings->allow_special_addresses,
		.own = exchanger->own,
		.own_count = exchanger->own_count,
		.endpoints_max = (size_t)options->settings->max_mx_attempts,
		.port = hop->port,
		.family = hop->family,
		.is_by_route = hop->route != NULL,
	};
	question->wish =
		tls_wish_of(options->tls_domains, hop->site, hop->route ? "" : question->name);
	if (hop->require_tls)
		question->wish.level = SMTP_TLS_VERIFIED;
	else if (hop->heeds_no_tls && !hop->route && question->wish.level != SMTP_TLS_NONE)
		question->wish = (struct tls_wish){.level = SMTP_TLS_OPPORTUNISTIC};
	question->seed = random_u64();
	question->finish_task = (struct task){.run = finish, .owner = question};
	question->done = done;
	question->owner = owner;
	if (hop->route)
		start_route(question, hop->route);
	else if (hop->name[0] == '[')
		start_literal(question);
	else
		ask_domain(question, hop->heeds_no_tls);
	return question;
}

void exchange_question_cancel(struct exchange_question **question)
{
	struct exchange_question *q = *question;
	*question = NULL;
	if (!q)
		return;
	lookup_cancel(&q->mx);
	task_cancel(&q->finish_task, q->exchanger->options.loop);
	question_free(q);
}
