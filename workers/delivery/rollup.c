/* See rollup.h. The oldest finding makes room for a new one: what is in use is found again at the price of a look-up that the resolver
 * has cached. */
#include "workers/delivery/rollup.h"

#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "lib/base/memory.h"

struct entry {
	char *domain;
	struct rollup_finding finding;
	int64_t expires_at_ms;
	UT_hash_handle hh; /* in the order in which they were found */
};

struct rollup {
	struct loop *loop;
	struct resolver *resolver;
	const struct routing *routing;
	struct entry *entries;
};

struct rollup_question {
	struct rollup *rollup;
	struct lookup *lookup;
	char *domain;
	void (*done)(void *owner, struct rollup_finding *finding);
	void *owner;
};

const char *rollup_site_of(const struct routing *routing, const struct mx_answer *answer)
{
	struct routing_mx hosts[RESOLVER_MX_MAX];
	size_t count = answer->outcome == DNS_FOUND ? answer->count : 0;
	for (size_t i = 0; i < count; i++)
		hosts[i] = (struct routing_mx){answer->hosts[i].name, answer->hosts[i].preference};
	return routing_site_of_mx(routing, hosts, count);
}

/* ---- what is remembered ---- */

static void forget(struct rollup *rollup, struct entry *entry)
{
	HASH_DEL(rollup->entries, entry);
	free(entry->domain);
	free(entry);
}

static struct entry *find(struct rollup *rollup, const char *domain)
{
	struct entry *entry;
	HASH_FIND_STR(rollup->entries, domain, entry);
	return entry;
}

static struct rollup_finding *keep(struct rollup *rollup, const char *domain,
				   const struct rollup_finding *finding)
{
	struct entry *entry = find(rollup, domain);
	if (entry)
		forget(rollup, entry);
	else if (HASH_COUNT(rollup->entries) >= ROLLUP_DOMAINS_MAX)
		forget(rollup, rollup->entries);
	entry = memory_new(sizeof *entry);
	entry->domain = memory_text(domain);
	entry->finding = *finding;
	entry->expires_at_ms = loop_now_ms(rollup->loop) +
			       (finding->is_found ? ROLLUP_KNOWN_MS : ROLLUP_FAILED_MS);
	HASH_ADD_KEYPTR(hh, rollup->entries, entry->domain, strlen(entry->domain), entry);
	return &entry->finding;
}

struct rollup_finding *rollup_find(struct rollup *rollup, const char *domain)
{
	struct entry *entry = find(rollup, domain);
	return entry && entry->expires_at_ms > loop_now_ms(rollup->loop) ? &entry->finding : NULL;
}

/* ---- questions ---- */

static void question_free(struct rollup_question *question)
{
	free(question->domain);
	free(question);
}

static void on_mx(void *owner, const struct mx_answer *answer)
{
	struct rollup_question *question = owner;
	const struct rollup_finding finding = {
		.is_found = answer->outcome == DNS_FOUND,
		.site = rollup_site_of(question->rollup->routing, answer),
	};
	question->lookup = NULL;
	question->done(question->owner, keep(question->rollup, question->domain, &finding));
	question_free(question);
}

struct rollup_question *rollup_ask(struct rollup *rollup, const char *domain,
				   void (*done)(void *owner, struct rollup_finding *finding),
				   void *owner)
{
	struct rollup_question *question = memory_new(sizeof *question);
	*question = (struct rollup_question){
		.rollup = rollup, .domain = memory_text(domain), .done = done, .owner = owner};
	question->lookup = resolver_mx(rollup->resolver, domain, on_mx, question);
	return question;
}

void rollup_cancel(struct rollup_question **question)
{
	struct rollup_question *cancelled = *question;
	*question = NULL;
	if (!cancelled)
		return;
	lookup_cancel(&cancelled->lookup);
	question_free(cancelled);
}

struct rollup *rollup_new(struct loop *loop, struct resolver *resolver,
			  const struct routing *routing)
{
	struct rollup *rollup = memory_new(sizeof *rollup);
	*rollup = (struct rollup){.loop = loop, .resolver = resolver, .routing = routing};
	return rollup;
}

void rollup_free(struct rollup **rollup)
{
	struct rollup *freeing = *rollup;
	*rollup = NULL;
	if (!freeing)
		return;
	while (freeing->entries)
		forget(freeing, freeing->entries);
	free(freeing);
}
