/* candidates known --> TLSA of the first --> TLSA of the second --> done      an alias that leads out of what is proven is asked first */
#include "workers/tls/tlsa_search.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

struct tlsa_search {
	struct resolver *resolver;
	struct lookup *lookup;
	char host[256];
	uint16_t port;
	struct tlsa_candidates candidates;
	size_t at;
	void (*done)(void *owner, const struct tlsa_finding *finding);
	void *owner;
};

static void finish(struct tlsa_search *search, struct tlsa_finding *finding)
{
	(void)snprintf(finding->base, sizeof finding->base, "%s",
		       search->candidates.names[search->at]);
	search->done(search->owner, finding);
	free(search);
}

static void ask_next(struct tlsa_search *search);

/* Records that nothing proves are as if they were not there; so is their absence, proven or not (RFC 7672 2.1). */
static void on_tlsa(void *owner, const struct tlsa_answer *answer)
{
	struct tlsa_search *search = owner;
	struct tlsa_finding finding = {.outcome = TLSA_ABSENT};
	bool is_last = search->at + 1 >= search->candidates.count;
	search->lookup = NULL;
	if (answer->outcome == DNS_FAILED) {
		finding.outcome = TLSA_FAILED;
	} else if (answer->outcome == DNS_FOUND && answer->security == DNS_SECURE) {
		finding.outcome = TLSA_FOUND;
		finding.count = answer->count;
		finding.records = (struct tlsa_record *)(uintptr_t)answer->records;
	} else if (!is_last) {
		search->at++;
		ask_next(search);
		return;
	}
	finish(search, &finding);
}

static void ask_next(struct tlsa_search *search)
{
	char name[300];
	(void)snprintf(name, sizeof name, "_%u._tcp.%s", (unsigned)search->port,
		       search->candidates.names[search->at]);
	search->lookup = resolver_tlsa(search->resolver, name, on_tlsa, search);
}

static void on_alias(void *owner, enum dns_outcome outcome, enum dns_security security)
{
	struct tlsa_search *search = owner;
	struct tlsa_finding finding = {.outcome = TLSA_ABSENT};
	search->lookup = NULL;
	(void)snprintf(search->candidates.names[0], sizeof search->candidates.names[0], "%s",
		       search->host);
	search->candidates.count = 1;
	if (outcome == DNS_FOUND && security == DNS_SECURE) {
		ask_next(search);
		return;
	}
	if (outcome == DNS_FAILED)
		finding.outcome = TLSA_FAILED;
	finish(search, &finding);
}

struct tlsa_search *tlsa_search_start(struct resolver *resolver, const char *host, uint16_t port,
				      bool is_proven, const struct address_answer *addresses,
				      void (*done)(void *owner, const struct tlsa_finding *finding),
				      void *owner)
{
	struct tlsa_candidates candidates;
	tlsa_candidates_of(host, is_proven, addresses, &candidates);
	if (candidates.count == 0 && !candidates.asks_for_alias)
		return NULL;
	struct tlsa_search *search = memory_new(sizeof *search);
	search->resolver = resolver;
	search->port = port;
	search->candidates = candidates;
	search->done = done;
	search->owner = owner;
	(void)snprintf(search->host, sizeof search->host, "%s", host);
	if (candidates.asks_for_alias)
		search->lookup = resolver_alias(resolver, host, on_alias, search);
	else
		ask_next(search);
	return search;
}

void tlsa_search_cancel(struct tlsa_search **search)
{
	struct tlsa_search *s = *search;
	*search = NULL;
	if (!s)
		return;
	lookup_cancel(&s->lookup);
	free(s);
}

struct tlsa_finding *tlsa_finding_copy(const struct tlsa_finding *finding)
{
	struct tlsa_finding *copy = memory_new(sizeof *copy);
	*copy = *finding;
	copy->records = memory_array(finding->count, sizeof *copy->records);
	for (size_t i = 0; i < finding->count; i++)
		copy->records[i] = finding->records[i];
	return copy;
}

void tlsa_finding_free(struct tlsa_finding **finding)
{
	if (*finding)
		free((*finding)->records);
	free(*finding);
	*finding = NULL;
}
