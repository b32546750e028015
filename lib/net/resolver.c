/* The resolver: libunbound's contexts, which of them is asked, and whether it validates. Owns them; failures are outcomes of look-ups,
 * but for the settings it is made from.
 *
 *   NEVER, no anchor --> plain
 *   ALWAYS ------------> validating
 *   IF_POSSIBLE -------> plain, held --(a candidate proves the root's keys)--> validating
 *                                    --(it cannot)--> plain, and another candidate every ten minutes
 *
 * A context that validates behind servers that strip signatures finds everything bogus: hence the trial. */
#include <arpa/nameser.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/net/dns_events.h"
#include "lib/net/resolver_inner.h"

#define PROBE_MS       5000
#define PROBE_AGAIN_MS (10 * 60 * 1000)

/* ---- libunbound's settings ---- */

static const struct {
	char *name, *value;
} settings[] = {
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

static enum err set_option(struct ub_ctx *unbound, char *name, char *value, struct why *why)
{
	int error = ub_ctx_set_option(unbound, name, value);
	if (error != 0)
		return fail(why, E_IO, "resolver setting %s %s: %s", name, value,
			    ub_strerror(error));
	return OK;
}

/* Without an anchor the validator would only cost. */
static enum err configure(struct ub_ctx *unbound, const char *anchor, struct why *why)
{
	(void)ub_ctx_debugout(unbound, NULL); /* it would print to stderr */
	enum err err = set_option(
		unbound, "module-config:", anchor ? "validator iterator" : "iterator", why);
	for (size_t i = 0; err == OK && i < sizeof settings / sizeof *settings; i++)
		err = set_option(unbound, settings[i].name, settings[i].value, why);
	if (err == OK && anchor) {
		int error = ub_ctx_add_ta_file(unbound, anchor);
		if (error != 0)
			err = fail(why, E_IO, "trust anchor %s: %s", anchor, ub_strerror(error));
	}
	return err;
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

static enum err context_new(struct resolver *resolver, const char *anchor, struct ub_ctx **ret,
			    struct why *why)
{
	struct ub_ctx *unbound = ub_ctx_create_ub_event(resolver->events);
	if (!unbound)
		abort();
	enum err err = configure(unbound, anchor, why);
	for (size_t i = 0; err == OK && i < resolver->server_count; i++)
		err = add_server(unbound, resolver->servers[i], why);
	if (resolver->server_count == 0)
		(void)ub_ctx_resolvconf(unbound, NULL); /* without one: from the roots */
	if (err == OK)
		*ret = unbound;
	else
		ub_ctx_delete(unbound);
	return err;
}

/* ---- the trust anchor ---- */

static const char *const system_anchors[] = {
	"/usr/share/dns/root.key",
	"/var/lib/unbound/root.key",
	"/etc/unbound/root.key",
};

/* libunbound reads the file at the first question, when nobody could be told that it cannot. */
static enum err find_anchor(const struct resolver_options *options, const char **ret,
			    struct why *why)
{
	const char *given = options->trust_anchor;
	if (given && *given) {
		if (access(given, R_OK) != 0)
			return fail(why, E_NOT_FOUND, "trust anchor %s cannot be read", given);
		*ret = given;
		return OK;
	}
	for (size_t i = 0; i < sizeof system_anchors / sizeof *system_anchors; i++) {
		if (access(system_anchors[i], R_OK) == 0) {
			*ret = system_anchors[i];
			return OK;
		}
	}
	return fail(why, E_NOT_FOUND, "there is no trust anchor (%s: package dns-root-data)",
		    system_anchors[0]);
}

static void on_told(void *owner)
{
	struct resolver *resolver = owner;
	if (resolver->validation_known)
		resolver->validation_known(resolver->owner, resolver->is_validating,
					   resolver->fault);
}

/* Also frees what could not be freed inside its own callback. */
static void on_probe_over(void *owner)
{
	struct resolver *resolver = owner;
	if (resolver->candidate)
		ub_ctx_delete(resolver->candidate);
	resolver->candidate = NULL;
	on_told(resolver);
	if (!resolver->is_held)
		return;
	resolver->is_held = false;
	lookups_ask(resolver);
}

static void probe_succeeded(struct resolver *resolver)
{
	resolver->retired = resolver->unbound;
	resolver->unbound = resolver->candidate;
	resolver->candidate = NULL;
	resolver->is_validating = true;
	resolver->fault[0] = '\0';
	timer_stop(resolver->probe_timer);
	loop_defer(resolver->loop, &resolver->told);
}

static void probe_failed(struct resolver *resolver, const char *reason)
{
	(void)snprintf(resolver->fault, sizeof resolver->fault, "%s", reason);
	timer_start(resolver->probe_timer, PROBE_AGAIN_MS);
	loop_defer(resolver->loop, &resolver->told);
}

static void on_probe_answer(void *owner, int rcode, void *packet, int packet_len, int security,
			    char *why_bogus, int was_ratelimited)
{
	(void)packet;
	(void)packet_len;
	(void)was_ratelimited;
	struct resolver *resolver = owner;
	const int secure = 2;
	char reason[200];
	if (rcode == ns_r_noerror && security == secure) {
		probe_succeeded(resolver);
		return;
	}
	(void)snprintf(reason, sizeof reason, "the DNS servers do not prove the root's keys: %s",
		       why_bogus ? why_bogus : "no answer that is signed");
	probe_failed(resolver, reason);
}

static void probe(struct resolver *resolver)
{
	struct why why;
	if (context_new(resolver, resolver->anchor, &resolver->candidate, &why) != OK) {
		probe_failed(resolver, why.text);
		return;
	}
	timer_start(resolver->probe_timer, PROBE_MS);
	int error = ub_resolve_event(resolver->candidate, ".", ns_t_dnskey, ns_c_in, resolver,
				     on_probe_answer, NULL);
	if (error != 0)
		probe_failed(resolver, ub_strerror(error));
}

static void on_probe_timer(void *owner)
{
	struct resolver *resolver = owner;
	if (resolver->candidate)
		probe_failed(resolver, "the DNS servers gave no keys of the root in time");
	else
		probe(resolver);
}

/* ---- the beginning and the end ---- */

static void keep_options(struct resolver *resolver, const struct resolver_options *options)
{
	resolver->timeout_ms = options->timeout_ms;
	resolver->validation_known = options->validation_known;
	resolver->owner = options->owner;
	resolver->server_count = options->server_count;
	resolver->servers = memory_array(options->server_count, sizeof(char *));
	for (size_t i = 0; i < options->server_count; i++)
		resolver->servers[i] = memory_text(options->servers[i]);
	LIST_INIT(&resolver->lookups);
	LIST_INIT(&resolver->questions);
}

static enum err open_contexts(struct resolver *resolver, const struct resolver_options *options,
			      struct why *why)
{
	const char *anchor = NULL;
	struct why no_anchor = {"switched off by the settings"};
	enum err err = E_NOT_FOUND;
	bool is_given = options->trust_anchor && *options->trust_anchor;
	if (options->validation != DNS_VALIDATE_NEVER)
		err = find_anchor(options, &anchor, &no_anchor);
	if (err != OK && (options->validation == DNS_VALIDATE_ALWAYS ||
			  (is_given && options->validation != DNS_VALIDATE_NEVER)))
		return fail(why, err, "%s", no_anchor.text);
	if (anchor)
		resolver->anchor = memory_text(anchor);
	resolver->is_validating = options->validation == DNS_VALIDATE_ALWAYS;
	err = context_new(resolver, resolver->is_validating ? anchor : NULL, &resolver->unbound,
			  why);
	if (err != OK)
		return err;
	resolver->is_held = anchor && !resolver->is_validating;
	if (resolver->is_held) {
		probe(resolver);
	} else {
		(void)snprintf(resolver->fault, sizeof resolver->fault, "%s",
			       resolver->is_validating ? "" : no_anchor.text);
		loop_defer(resolver->loop, &resolver->told);
	}
	return OK;
}

enum err resolver_new(struct loop *loop, const struct resolver_options *options,
		      struct resolver **ret, struct why *why)
{
	assert(options->timeout_ms > 0);
	struct resolver *resolver = memory_new(sizeof *resolver);
	resolver->loop = loop;
	resolver->told = (struct task){.run = on_probe_over, .owner = resolver};
	resolver->probe_timer = timer_new(loop, on_probe_timer, resolver);
	resolver->events = dns_events_new(loop);
	keep_options(resolver, options);
	enum err err = open_contexts(resolver, options, why);
	if (err != OK) {
		resolver_free(&resolver);
		return err;
	}
	*ret = resolver;
	return OK;
}

bool resolver_is_validating(const struct resolver *resolver)
{
	return resolver->is_validating;
}

static void delete_contexts(struct resolver *resolver)
{
	/* They drop their questions without a word. */
	if (resolver->candidate)
		ub_ctx_delete(resolver->candidate);
	if (resolver->retired)
		ub_ctx_delete(resolver->retired);
	if (resolver->unbound)
		ub_ctx_delete(resolver->unbound);
	while (!LIST_EMPTY(&resolver->questions)) {
		struct question *question = LIST_FIRST(&resolver->questions);
		LIST_REMOVE(question, link);
		free(question);
	}
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
	delete_contexts(r);
	task_cancel(&r->told, r->loop);
	timer_free(&r->probe_timer);
	dns_events_free(&r->events);
	for (size_t i = 0; i < r->server_count; i++)
		free(r->servers[i]);
	free(r->servers);
	free(r->anchor);
	free(r);
}
