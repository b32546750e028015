/* Look-ups by libunbound on the loop. A look-up is one or two questions to libunbound; it is done when all are answered or
 * its deadline has come, and says so at the end of the turn, because libunbound answers from its cache inside the call.
 *
 * A question lives until libunbound answers it, even when nobody waits any longer (cancelled, past the deadline): the late
 * answer fills the cache. Owns the libunbound context; failures are outcomes, but for the settings it is made from. */
#include "lib/net/resolver.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <unbound.h>

#include <unbound-event.h>

#include "lib/base/memory.h"
#include "lib/net/dns_answer.h"
#include "lib/net/dns_events.h"

struct question {
	struct lookup *lookup; /* NULL: nobody waits */
	LIST_ENTRY(question) link;
};

struct lookup {
	struct resolver *resolver;
	struct question *questions[2]; /* NULL: answered, or not asked */
	struct timer *deadline;
	struct task finish;
	void (*mx_done)(void *owner, const struct mx_answer *answer); /* one of the three */
	void (*addresses_done)(void *owner, const struct address_answer *answer);
	void (*txt_done)(void *owner, const struct txt_answer *answer);
	void *owner;
	union {
		struct mx_answer mx;
		struct address_answer addresses;
		struct txt_answer *txt; /* large, and seldom asked for */
	} answer;
	LIST_ENTRY(lookup) link;
};

struct resolver {
	struct loop *loop;
	struct ub_event_base *events;
	struct ub_ctx *unbound;
	int64_t timeout_ms;
	LIST_HEAD(, lookup) lookups;
	LIST_HEAD(, question) questions;
};

/* ---- libunbound's settings ---- */

static const struct {
	char *name, *value;
} settings[] = {
	/* No trust anchor yet: without one the validator only costs. */
	{"module-config:", "iterator"},
	/* A resolver on this machine is the usual one. */
	{"do-not-query-localhost:", "no"},
	/* Zones it would otherwise answer by itself, and which private networks do serve. */
	{"local-zone:", "test. transparent"},
	{"local-zone:", "localhost. transparent"},
	{"local-zone:", "home.arpa. transparent"},
	/* A server that was away is tried again, and not only after a quarter of an hour. */
	{"infra-keep-probing:", "yes"},
	{"infra-host-ttl:", "60"},
	/* The library's defaults (16 sockets, 1 MB caches) are for one question now and then. */
	{"outgoing-range:", "256"},
	{"num-queries-per-thread:", "1024"},
	{"msg-cache-size:", "4m"},
	{"rrset-cache-size:", "8m"},
};

static enum err configure(struct ub_ctx *unbound, struct why *why)
{
	(void)ub_ctx_debugout(unbound, NULL); /* it would print to stderr */
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		int error = ub_ctx_set_option(unbound, settings[i].name, settings[i].value);
		if (error != 0)
			return fail(why, E_IO, "resolver setting %s %s: %s", settings[i].name,
				    settings[i].value, ub_strerror(error));
	}
	return OK;
}

static enum err add_server(struct ub_ctx *unbound, const char *text, struct why *why)
{
	struct net_address address;
	if (!net_address_parse(text, 53, &address))
		return fail(why, E_MALFORMED, "DNS server \"%s\": not address:port", text);
	char ip[NET_ADDRESS_SIZE], server[NET_ADDRESS_SIZE + 8];
	net_address_ip_text(&address, ip);
	(void)snprintf(server, sizeof server, "%s@%u", ip, (unsigned)net_address_port(&address));
	int error = ub_ctx_set_fwd(unbound, server);
	if (error != 0)
		return fail(why, E_MALFORMED, "DNS server \"%s\": %s", text, ub_strerror(error));
	return OK;
}

static enum err set_servers(struct ub_ctx *unbound, const struct resolver_options *options,
			    struct why *why)
{
	for (size_t i = 0; i < options->server_count; i++) {
		enum err err = add_server(unbound, options->servers[i], why);
		if (err != OK)
			return err;
	}
	if (options->server_count == 0)
		(void)ub_ctx_resolvconf(unbound, NULL); /* without one: from the roots */
	return OK;
}

enum err resolver_new(struct loop *loop, const struct resolver_options *options,
		      struct resolver **ret, struct why *why)
{
	assert(options->timeout_ms > 0);
	struct resolver *resolver = memory_new(sizeof *resolver);
	resolver->loop = loop;
	resolver->timeout_ms = options->timeout_ms;
	LIST_INIT(&resolver->lookups);
	LIST_INIT(&resolver->questions);
	resolver->events = dns_events_new(loop);
	resolver->unbound = ub_ctx_create_ub_event(resolver->events);
	if (!resolver->unbound)
		abort();
	enum err err = configure(resolver->unbound, why);
	if (err == OK)
		err = set_servers(resolver->unbound, options, why);
	if (err != OK) {
		resolver_free(&resolver);
		return err;
	}
	*ret = resolver;
	return OK;
}

/* ---- the life of a look-up ---- */

static void abandon_questions(struct lookup *lookup)
{
	for (size_t i = 0; i < 2; i++) {
		if (lookup->questions[i])
			lookup->questions[i]->lookup = NULL;
		lookup->questions[i] = NULL;
	}
}

/* Nothing refers to the look-up any more but its caller. */
static void detach(struct lookup *lookup)
{
	abandon_questions(lookup);
	timer_free(&lookup->deadline);
	task_cancel(&lookup->finish, lookup->resolver->loop);
	LIST_REMOVE(lookup, link);
}

static void release(struct lookup *lookup)
{
	if (lookup->txt_done)
		free(lookup->answer.txt);
	free(lookup);
}

static bool is_answered(const struct lookup *lookup)
{
	return !lookup->questions[0] && !lookup->questions[1];
}

static void finish(void *owner)
{
	struct lookup *lookup = owner;
	if (!is_answered(lookup))
		return; /* the cache answered one question before the other was even asked */
	detach(lookup);
	if (lookup->mx_done)
		lookup->mx_done(lookup->owner, &lookup->answer.mx);
	else if (lookup->txt_done)
		lookup->txt_done(lookup->owner, lookup->answer.txt);
	else
		lookup->addresses_done(lookup->owner, &lookup->answer.addresses);
	release(lookup);
}

static void add_outcome(struct lookup *lookup, enum dns_outcome outcome)
{
	if (lookup->mx_done)
		lookup->answer.mx.outcome = outcome;
	else if (lookup->txt_done)
		lookup->answer.txt->outcome = outcome;
	else
		lookup->answer.addresses.outcome =
			dns_outcome_join(lookup->answer.addresses.outcome, outcome);
}

static void read_packet(struct lookup *lookup, struct bytes packet)
{
	if (lookup->mx_done)
		dns_answer_mx(packet, &lookup->answer.mx);
	else if (lookup->txt_done)
		dns_answer_txt(packet, lookup->answer.txt);
	else
		add_outcome(lookup, dns_answer_addresses(packet, &lookup->answer.addresses));
}

static void on_deadline(void *owner)
{
	struct lookup *lookup = owner;
	add_outcome(lookup, DNS_FAILED);
	abandon_questions(lookup);
	loop_defer(lookup->resolver->loop, &lookup->finish);
}

/* libunbound's callback. An rcode other than 0 comes without a packet. */
static void on_answer(void *argument, int rcode, void *packet, int packet_len, int security,
		      char *why_bogus, int was_ratelimited)
{
	(void)why_bogus;
	(void)was_ratelimited;
	struct question *question = argument;
	struct lookup *lookup = question->lookup;
	LIST_REMOVE(question, link);
	if (lookup) {
		const int bogus = 1;
		if (rcode == ns_r_nxdomain)
			add_outcome(lookup, DNS_NO_NAME);
		else if (rcode != ns_r_noerror || security == bogus || packet_len <= 0)
			add_outcome(lookup, DNS_FAILED);
		else
			read_packet(lookup, bytes_from(packet, (size_t)packet_len));
		lookup->questions[lookup->questions[0] == question ? 0 : 1] = NULL;
		if (is_answered(lookup))
			loop_defer(lookup->resolver->loop, &lookup->finish);
	}
	free(question);
}

static void ask(struct lookup *lookup, size_t slot, const char *name, int type)
{
	struct resolver *resolver = lookup->resolver;
	struct question *question = memory_new(sizeof *question);
	question->lookup = lookup;
	lookup->questions[slot] = question;
	LIST_INSERT_HEAD(&resolver->questions, question, link);
	int error =
		ub_resolve_event(resolver->unbound, name, type, ns_c_in, question, on_answer, NULL);
	if (error == 0)
		return;
	/* A name that cannot be written as a question cannot exist (a label of 64 bytes, say). */
	add_outcome(lookup, error == UB_SYNTAX ? DNS_NO_NAME : DNS_FAILED);
	LIST_REMOVE(question, link);
	free(question);
	lookup->questions[slot] = NULL;
}

static struct lookup *lookup_new(struct resolver *resolver, void *owner)
{
	struct lookup *lookup = memory_new(sizeof *lookup);
	lookup->resolver = resolver;
	lookup->owner = owner;
	lookup->finish = (struct task){.run = finish, .owner = lookup};
	lookup->deadline = timer_new(resolver->loop, on_deadline, lookup);
	timer_start(lookup->deadline, resolver->timeout_ms);
	LIST_INSERT_HEAD(&resolver->lookups, lookup, link);
	return lookup;
}

struct lookup *resolver_mx(struct resolver *resolver, const char *name,
			   void (*done)(void *owner, const struct mx_answer *answer), void *owner)
{
	struct lookup *lookup = lookup_new(resolver, owner);
	lookup->mx_done = done;
	ask(lookup, 0, name, ns_t_mx);
	if (is_answered(lookup))
		loop_defer(resolver->loop, &lookup->finish);
	return lookup;
}

struct lookup *resolver_addresses(struct resolver *resolver, const char *name,
				  void (*done)(void *owner, const struct address_answer *answer),
				  void *owner)
{
	struct lookup *lookup = lookup_new(resolver, owner);
	lookup->addresses_done = done;
	lookup->answer.addresses.outcome = DNS_NO_NAME; /* until an answer says more */
	ask(lookup, 0, name, ns_t_a);
	ask(lookup, 1, name, ns_t_aaaa);
	if (is_answered(lookup))
		loop_defer(resolver->loop, &lookup->finish);
	return lookup;
}

struct lookup *resolver_txt(struct resolver *resolver, const char *name,
			    void (*done)(void *owner, const struct txt_answer *answer), void *owner)
{
	struct lookup *lookup = lookup_new(resolver, owner);
	lookup->txt_done = done;
	lookup->answer.txt = memory_new(sizeof *lookup->answer.txt);
	ask(lookup, 0, name, ns_t_txt);
	if (is_answered(lookup))
		loop_defer(resolver->loop, &lookup->finish);
	return lookup;
}

void lookup_cancel(struct lookup **lookup)
{
	if (!*lookup)
		return;
	detach(*lookup);
	release(*lookup);
	*lookup = NULL;
}

void resolver_free(struct resolver **resolver)
{
	struct resolver *r = *resolver;
	if (!r)
		return;
	*resolver = NULL;
	while (!LIST_EMPTY(&r->lookups)) {
		struct lookup *lookup = LIST_FIRST(&r->lookups);
		lookup_cancel(&lookup);
	}
	ub_ctx_delete(r->unbound); /* drops its questions without a word */
	while (!LIST_EMPTY(&r->questions)) {
		struct question *question = LIST_FIRST(&r->questions);
		LIST_REMOVE(question, link);
		free(question);
	}
	dns_events_free(&r->events);
	free(r);
}
