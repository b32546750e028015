/* Look-ups by libunbound on the loop. A look-up is one or two questions to libunbound; it is done when all are answered or
 * its deadline has come, and says so at the end of the turn, because libunbound answers from its cache inside the call.
 *
 * A question lives until libunbound answers it, even when nobody waits any longer (cancelled, past the deadline): the late
 * answer fills the cache. */
#include <arpa/nameser.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/dns_answer.h"
#include "lib/net/resolver_inner.h"

enum kind { ASK_MX, ASK_ADDRESSES, ASK_TXT, ASK_TLSA, ASK_ALIAS };

struct alias_answer {
	enum dns_outcome outcome;
	enum dns_security security;
};

struct lookup {
	struct resolver *resolver;
	enum kind kind;
	char *name;
	struct question *questions[2]; /* NULL: answered, or not asked */
	bool is_asked, has_security;
	struct timer *deadline;
	struct task finish;
	union {
		void (*mx)(void *owner, const struct mx_answer *answer);
		void (*addresses)(void *owner, const struct address_answer *answer);
		void (*txt)(void *owner, const struct txt_answer *answer);
		void (*tlsa)(void *owner, const struct tlsa_answer *answer);
		void (*alias)(void *owner, enum dns_outcome outcome, enum dns_security security);
	} done;
	void *owner;
	enum dns_outcome *outcome; /* of the answer */
	enum dns_security *security;
	union {
		struct mx_answer mx;
		struct address_answer addresses;
		struct alias_answer alias;
		struct txt_answer *txt; /* large, and seldom asked for */
		struct tlsa_answer *tlsa;
	} answer;
	LIST_ENTRY(lookup) link;
};

/* ---- the end ---- */

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
	if (lookup->kind == ASK_TXT)
		free(lookup->answer.txt);
	if (lookup->kind == ASK_TLSA)
		free(lookup->answer.tlsa);
	free(lookup->name);
	free(lookup);
}

static bool is_answered(const struct lookup *lookup)
{
	return lookup->is_asked && !lookup->questions[0] && !lookup->questions[1];
}

static void tell(struct lookup *lookup)
{
	switch (lookup->kind) {
	case ASK_MX:
		lookup->done.mx(lookup->owner, &lookup->answer.mx);
		break;
	case ASK_ADDRESSES:
		lookup->done.addresses(lookup->owner, &lookup->answer.addresses);
		break;
	case ASK_TXT:
		lookup->done.txt(lookup->owner, lookup->answer.txt);
		break;
	case ASK_TLSA:
		lookup->done.tlsa(lookup->owner, lookup->answer.tlsa);
		break;
	case ASK_ALIAS:
		lookup->done.alias(lookup->owner, lookup->answer.alias.outcome,
				   lookup->answer.alias.security);
		break;
	}
}

static void finish(void *owner)
{
	struct lookup *lookup = owner;
	if (!is_answered(lookup))
		return; /* the cache answered one question before the other was even asked */
	detach(lookup);
	tell(lookup);
	release(lookup);
}

/* ---- answers ---- */

static void add_outcome(struct lookup *lookup, enum dns_outcome outcome)
{
	if (lookup->kind == ASK_ADDRESSES)
		outcome = dns_outcome_join(*lookup->outcome, outcome);
	*lookup->outcome = outcome;
}

static void add_security(struct lookup *lookup, enum dns_security security)
{
	bool is_weaker = security != DNS_SECURE && *lookup->security != DNS_BOGUS;
	if (!lookup->has_security || is_weaker)
		*lookup->security = security;
	lookup->has_security = true;
}

static void read_packet(struct lookup *lookup, struct bytes packet)
{
	switch (lookup->kind) {
	case ASK_MX:
		dns_answer_mx(packet, &lookup->answer.mx);
		break;
	case ASK_ADDRESSES:
		add_outcome(lookup, dns_answer_addresses(packet, &lookup->answer.addresses));
		break;
	case ASK_TXT:
		dns_answer_txt(packet, lookup->answer.txt);
		break;
	case ASK_TLSA:
		dns_answer_tlsa(packet, lookup->answer.tlsa);
		break;
	case ASK_ALIAS:
		add_outcome(lookup, dns_answer_alias(packet));
		break;
	}
}

static void on_deadline(void *owner)
{
	struct lookup *lookup = owner;
	add_outcome(lookup, DNS_FAILED);
	abandon_questions(lookup);
	lookup->is_asked = true;
	loop_defer(lookup->resolver->loop, &lookup->finish);
}

/* What libunbound calls "bogus" it gives with or without a packet. */
static void take_answer(struct lookup *lookup, int rcode, struct bytes packet, int security)
{
	static const enum dns_security levels[] = {DNS_INSECURE, DNS_BOGUS, DNS_SECURE};
	assert(security >= 0 && security < 3);
	enum dns_security level = levels[security];
	if (level == DNS_BOGUS) {
		add_security(lookup, level);
		add_outcome(lookup, DNS_FAILED);
		return;
	}
	if (rcode == ns_r_nxdomain)
		add_outcome(lookup, DNS_NO_NAME);
	else if (rcode != ns_r_noerror || packet.len == 0)
		add_outcome(lookup, DNS_FAILED);
	else
		read_packet(lookup, packet);
	bool is_known = rcode == ns_r_nxdomain || rcode == ns_r_noerror;
	if (is_known)
		add_security(lookup, lookup->resolver->is_validating ? level : DNS_INSECURE);
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
		size_t len = packet && packet_len > 0 ? (size_t)packet_len : 0;
		take_answer(lookup, rcode, bytes_from(packet, len), security);
		lookup->questions[lookup->questions[0] == question ? 0 : 1] = NULL;
		if (is_answered(lookup))
			loop_defer(lookup->resolver->loop, &lookup->finish);
	}
	free(question);
}

/* ---- asking ---- */

static void ask(struct lookup *lookup, size_t slot, int type)
{
	struct resolver *resolver = lookup->resolver;
	struct question *question = memory_new(sizeof *question);
	question->lookup = lookup;
	lookup->questions[slot] = question;
	LIST_INSERT_HEAD(&resolver->questions, question, link);
	int error = ub_resolve_event(resolver->unbound, lookup->name, type, ns_c_in, question,
				     on_answer, NULL);
	if (error == 0)
		return;
	/* A name that cannot be written as a question cannot exist (a label of 64 bytes, say). */
	add_outcome(lookup, error == UB_SYNTAX ? DNS_NO_NAME : DNS_FAILED);
	LIST_REMOVE(question, link);
	free(question);
	lookup->questions[slot] = NULL;
}

static void ask_all(struct lookup *lookup)
{
	static const int types[] = {
		[ASK_MX] = ns_t_mx,	[ASK_ADDRESSES] = ns_t_a, [ASK_TXT] = ns_t_txt,
		[ASK_TLSA] = ns_t_tlsa, [ASK_ALIAS] = ns_t_cname,
	};
	lookup->is_asked = true;
	ask(lookup, 0, types[lookup->kind]);
	if (lookup->kind == ASK_ADDRESSES)
		ask(lookup, 1, ns_t_aaaa);
	if (is_answered(lookup))
		loop_defer(lookup->resolver->loop, &lookup->finish);
}

void lookups_ask(struct resolver *resolver)
{
	struct lookup *lookup;
	LIST_FOREACH(lookup, &resolver->lookups, link)
	{
		if (!lookup->is_asked)
			ask_all(lookup);
	}
}

static struct lookup *lookup_new(struct resolver *resolver, enum kind kind, const char *name,
				 void *owner)
{
	struct lookup *lookup = memory_new(sizeof *lookup);
	lookup->resolver = resolver;
	lookup->kind = kind;
	lookup->name = memory_text(name);
	lookup->owner = owner;
	lookup->finish = (struct task){.run = finish, .owner = lookup};
	lookup->deadline = timer_new(resolver->loop, on_deadline, lookup);
	timer_start(lookup->deadline, resolver->timeout_ms);
	LIST_INSERT_HEAD(&resolver->lookups, lookup, link);
	return lookup;
}

static struct lookup *begin(struct lookup *lookup, enum dns_outcome *outcome,
			    enum dns_security *security)
{
	lookup->outcome = outcome;
	lookup->security = security;
	if (!lookup->resolver->is_held)
		ask_all(lookup);
	return lookup;
}

struct lookup *resolver_mx(struct resolver *resolver, const char *name,
			   void (*done)(void *owner, const struct mx_answer *answer), void *owner)
{
	struct lookup *lookup = lookup_new(resolver, ASK_MX, name, owner);
	lookup->done.mx = done;
	return begin(lookup, &lookup->answer.mx.outcome, &lookup->answer.mx.security);
}

struct lookup *resolver_addresses(struct resolver *resolver, const char *name,
				  void (*done)(void *owner, const struct address_answer *answer),
				  void *owner)
{
	struct lookup *lookup = lookup_new(resolver, ASK_ADDRESSES, name, owner);
	struct address_answer *answer = &lookup->answer.addresses;
	lookup->done.addresses = done;
	answer->outcome = DNS_NO_NAME; /* until an answer says more */
	return begin(lookup, &answer->outcome, &answer->security);
}

struct lookup *resolver_txt(struct resolver *resolver, const char *name,
			    void (*done)(void *owner, const struct txt_answer *answer), void *owner)
{
	struct lookup *lookup = lookup_new(resolver, ASK_TXT, name, owner);
	lookup->done.txt = done;
	lookup->answer.txt = memory_new(sizeof *lookup->answer.txt);
	return begin(lookup, &lookup->answer.txt->outcome, &lookup->answer.txt->security);
}

struct lookup *resolver_tlsa(struct resolver *resolver, const char *name,
			     void (*done)(void *owner, const struct tlsa_answer *answer),
			     void *owner)
{
	struct lookup *lookup = lookup_new(resolver, ASK_TLSA, name, owner);
	lookup->done.tlsa = done;
	lookup->answer.tlsa = memory_new(sizeof *lookup->answer.tlsa);
	return begin(lookup, &lookup->answer.tlsa->outcome, &lookup->answer.tlsa->security);
}

struct lookup *resolver_alias(struct resolver *resolver, const char *name,
			      void (*done)(void *owner, enum dns_outcome outcome,
					   enum dns_security security),
			      void *owner)
{
	struct lookup *lookup = lookup_new(resolver, ASK_ALIAS, name, owner);
	lookup->done.alias = done;
	return begin(lookup, &lookup->answer.alias.outcome, &lookup->answer.alias.security);
}

void lookup_cancel(struct lookup **lookup)
{
	if (!*lookup)
		return;
	detach(*lookup);
	release(*lookup);
	*lookup = NULL;
}
