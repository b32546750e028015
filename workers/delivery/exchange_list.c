/* Order and choice of endpoints (RFC 5321 5.1, RFC 7505). Randomness comes from a seed, so that tests can repeat it. */
#include "workers/delivery/exchange_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SMTP_PORT 25

static void refuse(struct exchange_failure *failure, unsigned code, struct enhanced_code enhanced,
		   const char *format, ...) PRINTF_LIKE(4, 5);

static void refuse(struct exchange_failure *failure, unsigned code, struct enhanced_code enhanced,
		   const char *format, ...)
{
	va_list args;
	*failure = (struct exchange_failure){.code = code, .enhanced = enhanced};
	va_start(args, format);
	(void)vsnprintf(failure->text, sizeof failure->text, format, args);
	va_end(args);
}

static void refuse_loop(struct exchange_failure *failure)
{
	refuse(failure, 550, (struct enhanced_code){5, 4, 6},
	       "the best mail exchanger of the domain is this host: mail would loop");
}

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* ---- hosts ---- */

struct ranked {
	const struct mx_host *host;
	uint64_t lot;
};

static int by_rank(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	if (a->host->preference != b->host->preference)
		return a->host->preference < b->host->preference ? -1 : 1;
	return a->lot < b->lot ? -1 : a->lot > b->lot;
}

static bool is_null_mx(const struct mx_answer *answer)
{
	return answer->count == 1 && answer->hosts[0].name[0] == '\0';
}

/* The best preference at which we stand ourselves; 65536 when we do not. */
static unsigned own_preference(const struct mx_answer *answer, const char *own_name)
{
	unsigned best = UINT16_MAX + 1u;
	for (size_t i = 0; i < answer->count; i++)
		if (strcasecmp(answer->hosts[i].name, own_name) == 0 &&
		    answer->hosts[i].preference < best)
			best = answer->hosts[i].preference;
	return best;
}

static size_t rank(const struct mx_answer *answer, unsigned below, uint64_t seed,
		   struct ranked ranked[RESOLVER_MX_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < answer->count; i++)
		if (answer->hosts[i].preference < below && answer->hosts[i].name[0])
			ranked[count++] = (struct ranked){&answer->hosts[i], next_random(&seed)};
	qsort(ranked, count, sizeof *ranked, by_rank);
	return count;
}

void exchange_hosts(const struct mx_answer *answer, const struct exchange_rules *rules,
		    uint64_t seed, struct exchange_hosts *ret_hosts,
		    struct exchange_failure *ret_failure)
{
	struct ranked ranked[RESOLVER_MX_MAX];
	unsigned own = own_preference(answer, rules->own_name);
	size_t count = rank(answer, own, seed, ranked);

	memset(ret_hosts, 0, sizeof *ret_hosts);
	*ret_failure = (struct exchange_failure){0};
	ret_hosts->is_cut_at_self = own <= UINT16_MAX;
	for (size_t i = 0; i < count; i++) {
		struct exchange_host *host = &ret_hosts->hosts[ret_hosts->count++];
		(void)snprintf(host->name, sizeof host->name, "%s", ranked[i].host->name);
		host->preference = ranked[i].host->preference;
	}
	if (is_null_mx(answer))
		refuse(ret_failure, 556, (struct enhanced_code){5, 1, 10},
		       "the domain does not accept mail (null MX)");
	else if (count == 0 && ret_hosts->is_cut_at_self)
		refuse_loop(ret_failure);
	else if (count == 0)
		refuse(ret_failure, 550, (struct enhanced_code){5, 4, 4},
		       "the domain's MX records name no host");
}

void exchange_single_host(const char *name, struct exchange_hosts *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->count = 1;
	(void)snprintf(ret->hosts[0].name, sizeof ret->hosts[0].name, "%s", name);
}

/* The settings were checked to hold host:port. An IPv6 address keeps its brackets, for net_address_parse(). */
void exchange_route_hosts(const char *const *endpoints, size_t count, struct exchange_hosts *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < count && i < RESOLVER_MX_MAX; i++) {
		struct exchange_host *host = &ret->hosts[ret->count++];
		const char *colon = strrchr(endpoints[i], ':');
		uint64_t port = 0;
		int len = (int)(colon ? (size_t)(colon - endpoints[i]) : strlen(endpoints[i]));
		if (colon)
			(void)bytes_to_u64(bytes_of(colon + 1), UINT16_MAX, &port);
		(void)snprintf(host->name, sizeof host->name, "%.*s", len, endpoints[i]);
		host->preference = (uint16_t)i;
		host->port = (uint16_t)port;
	}
}

/* ---- addresses ---- */

static bool is_allowed(const struct net_address *address, const struct exchange_rules *rules)
{
	return rules->is_by_route || !net_address_is_special(address) ||
	       conf_cidrs_contain(rules->allowed, &address->sa.any);
}

/* A server on another port is not the one that mail comes in by. */
static bool is_own(const struct net_address *address, const struct exchange_rules *rules)
{
	if (rules->is_by_route || rules->port != SMTP_PORT)
		return false;
	for (size_t i = 0; i < rules->own_count; i++) {
		const struct net_address *own = &rules->own[i];
		if (own->sa.any.sa_family != address->sa.any.sa_family)
			continue;
		bool is_same =
			own->sa.any.sa_family == AF_INET
				? own->sa.v4.sin_addr.s_addr == address->sa.v4.sin_addr.s_addr
				: memcmp(&own->sa.v6.sin6_addr, &address->sa.v6.sin6_addr,
					 sizeof own->sa.v6.sin6_addr) == 0;
		if (is_same)
			return true;
	}
	return false;
}

void exchange_host_found(struct exchange_host *host, const struct exchange_rules *rules,
			 enum dns_outcome outcome, const struct net_address *addresses,
			 size_t count)
{
	host->outcome = outcome;
	for (size_t i = 0; i < count; i++) {
		if (!is_allowed(&addresses[i], rules))
			host->has_special = true;
		else if (is_own(&addresses[i], rules))
			host->is_own = true;
		else if (rules->family != AF_UNSPEC &&
			 addresses[i].sa.any.sa_family != rules->family)
			host->has_other_family = true;
		else if (host->count < EXCHANGE_HOST_ADDRESSES_MAX)
			host->addresses[host->count++] = addresses[i];
	}
}

static void set_port(struct net_address *address, uint16_t port)
{
	if (address->sa.any.sa_family == AF_INET6)
		address->sa.v6.sin6_port = htons(port);
	else
		address->sa.v4.sin_port = htons(port);
}

/* The next address of the family not taken yet, from a place that moves on; NULL when there is none. */
static const struct net_address *next_of(const struct exchange_host *host, size_t start, int family,
					 size_t *taken)
{
	while (*taken < host->count) {
		const struct net_address *address =
			&host->addresses[(start + (*taken)++) % host->count];
		if (address->sa.any.sa_family == family)
			return address;
	}
	return NULL;
}

/* Families take turns, so that a broken one cannot use up all that may be tried. */
static void add_host(struct exchange_answer *exchange, const struct exchange_host *host,
		     const struct exchange_rules *rules, uint64_t *seed)
{
	uint64_t lot = next_random(seed);
	size_t start = host->count > 0 ? (size_t)(lot >> 1) % host->count : 0;
	size_t taken[2] = {0, 0};
	static const int families[2] = {AF_INET6, AF_INET};
	size_t max = rules->endpoints_max < EXCHANGE_ENDPOINTS_MAX ? rules->endpoints_max
								   : EXCHANGE_ENDPOINTS_MAX;
	for (size_t turn = lot & 1; taken[0] < host->count || taken[1] < host->count; turn ^= 1) {
		const struct net_address *address =
			next_of(host, start, families[turn], &taken[turn]);
		if (!address)
			continue;
		if (exchange->count >= max)
			return;
		exchange->demands[exchange->count] = host->tls;
		exchange->accounts[exchange->count] = host->account;
		struct endpoint *endpoint = &exchange->endpoints[exchange->count++];
		endpoint->address = *address;
		set_port(&endpoint->address, host->port > 0 ? host->port : rules->port);
		memcpy(endpoint->host_name, host->name, sizeof endpoint->host_name);
	}
}

/* ---- nothing found ---- */

struct shortage {
	bool has_failed, has_special, has_other_family;
	const char *failed_name;
	const struct exchange_failure *tls_refusal;
};

static struct shortage shortage_of(const struct exchange_hosts *hosts)
{
	struct shortage shortage = {0};
	for (size_t i = 0; i < hosts->count; i++) {
		const struct exchange_host *host = &hosts->hosts[i];
		if (host->outcome == DNS_FAILED) {
			shortage.has_failed = true;
			shortage.failed_name = host->name;
		}
		if (host->tls_refusal.code && !shortage.tls_refusal)
			shortage.tls_refusal = &host->tls_refusal;
		shortage.has_special |= host->has_special;
		shortage.has_other_family |= host->has_other_family;
	}
	return shortage;
}

static void explain(const struct exchange_hosts *hosts, const struct exchange_rules *rules,
		    unsigned own, struct exchange_failure *failure)
{
	struct shortage shortage = shortage_of(hosts);
	const char *first = hosts->count > 0 ? hosts->hosts[0].name : "";
	if (shortage.tls_refusal)
		*failure = *shortage.tls_refusal;
	else if (shortage.has_failed)
		refuse(failure, 451, (struct enhanced_code){4, 4, 3},
		       "the look-up of %s failed for now", shortage.failed_name);
	else if (rules->is_by_route)
		refuse(failure, 451, (struct enhanced_code){4, 4, 4},
		       "the route's host %s has no usable address", first);
	else if (shortage.has_other_family)
		refuse(failure, 451, (struct enhanced_code){4, 4, 4},
		       "no address that the source can connect to");
	else if (hosts->is_cut_at_self || own <= UINT16_MAX)
		refuse(failure, 451, (struct enhanced_code){4, 4, 4},
		       "this host is an exchanger of the domain, and the better ones have no "
		       "address");
	else if (shortage.has_special)
		refuse(failure, 550, (struct enhanced_code){5, 4, 4},
		       "%s has only loopback, private or other special addresses", first);
	else
		refuse(failure, 550, (struct enhanced_code){5, 4, 4}, "%s has no address", first);
}

/* The best preference of a host with an address of ours; 65536 when there is none. Hosts that rank with or behind it are not asked: they
 * would hand the mail back to us. */
static unsigned own_host_preference(const struct exchange_hosts *hosts)
{
	unsigned best = UINT16_MAX + 1u;
	for (size_t i = 0; i < hosts->count; i++)
		if (hosts->hosts[i].is_own && hosts->hosts[i].preference < best)
			best = hosts->hosts[i].preference;
	return best;
}

void exchange_finish(const struct exchange_hosts *hosts, const struct exchange_rules *rules,
		     uint64_t seed, struct exchange_answer *ret)
{
	memset(ret, 0, sizeof *ret);
	unsigned own = own_host_preference(hosts);
	for (size_t i = 0; i < hosts->count; i++)
		if (!hosts->hosts[i].tls_refusal.code && hosts->hosts[i].preference < own)
			add_host(ret, &hosts->hosts[i], rules, &seed);
	if (ret->count == 0 && hosts->count > 0 && hosts->hosts[0].preference >= own)
		refuse_loop(&ret->failure);
	else if (ret->count == 0)
		explain(hosts, rules, own, &ret->failure);
}

void exchange_domain_failed(const char *domain, enum dns_outcome outcome,
			    struct exchange_failure *ret)
{
	if (outcome == DNS_NO_NAME)
		refuse(ret, 550, (struct enhanced_code){5, 1, 2}, "the domain %s does not exist",
		       domain);
	else
		refuse(ret, 451, (struct enhanced_code){4, 4, 3},
		       "the look-up of %s failed for now", domain);
}
