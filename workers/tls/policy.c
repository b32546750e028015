/* See the table in policy.h. */
#include "workers/tls/policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/memory.h"

/* ---- the settings ---- */

struct tls_wish tls_wish_of(const struct conf_items *tls_domains, const struct site_settings *site,
			    const char *domain)
{
	for (size_t i = 0; tls_domains && domain[0] && i < tls_domains->count; i++) {
		const struct tls_domain_settings *entry =
			CONF_ITEM(tls_domains, struct tls_domain_settings, i);
		if (routing_pattern_matches(entry->domain, domain))
			return (struct tls_wish){(enum smtp_tls)entry->tls, entry->dane,
						 entry->mta_sts};
	}
	return (struct tls_wish){(enum smtp_tls)site->tls, site->tls_dane, site->tls_mta_sts};
}

/* ---- where TLSA records may be ---- */

static void add_candidate(struct tlsa_candidates *candidates, const char *name)
{
	(void)snprintf(candidates->names[candidates->count++], sizeof candidates->names[0], "%s",
		       name);
}

void tlsa_candidates_of(const char *host, bool is_proven, const struct address_answer *addresses,
			struct tlsa_candidates *ret)
{
	bool is_alias = addresses->canonical[0] && strcasecmp(addresses->canonical, host) != 0;
	memset(ret, 0, sizeof *ret);
	if (!is_proven || addresses->outcome != DNS_FOUND)
		return;
	if (addresses->security == DNS_SECURE) {
		if (is_alias)
			add_candidate(ret, addresses->canonical);
		add_candidate(ret, host);
	} else if (is_alias) {
		ret->asks_for_alias = true;
	}
}

/* ---- the ruling ---- */

static size_t usable_records(const struct tlsa_finding *tlsa, struct tlsa_record *out)
{
	size_t count = 0;
	for (size_t i = 0; i < tlsa->count; i++)
		if (tlsa_is_usable(&tlsa->records[i]))
			out[count++] = tlsa->records[i];
	return count;
}

/* The name in the certificate matters only below a DANE-TA: without it, domains share sessions with a host. */
static const char *further_name(const struct tls_case *c, const struct tlsa_record *records,
				size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].usage == TLSA_DANE_TA)
			return c->domain;
	return NULL;
}

static bool rule_by_records(const struct tls_case *c, struct tls_ruling *ret)
{
	struct tlsa_record *usable = memory_array(c->tlsa->count, sizeof *usable);
	size_t count = usable_records(c->tlsa, usable);
	if (count > 0)
		ret->demand = tls_demand_new(&(const struct tls_demand){
			.level = SMTP_TLS_REQUIRED,
			.authority = TLS_BY_DANE,
			.host_name = c->tlsa->base,
			.domain = further_name(c, usable, count),
			.records = usable,
			.record_count = count,
		});
	free(usable);
	return count > 0;
}

static void leave_out(struct tls_ruling *ret, enum tls_refusal refusal, struct enhanced_code code)
{
	ret->refusal = refusal;
	ret->enhanced = code;
}

/* What is left: certificates that end in an authority, or none. */
static void rule_by_authority(const struct tls_case *c, struct tls_ruling *ret)
{
	enum sts_mode mode = c->sts && c->wish.mta_sts ? c->sts->mode : STS_NONE;
	bool has_records = c->tlsa && c->tlsa->outcome == TLSA_FOUND;
	struct tls_demand demand = {.level = c->wish.level, .host_name = c->host};
	if (mode == STS_ENFORCE && !sts_policy_names(c->sts, c->host)) {
		leave_out(ret, TLS_REFUSED_STS, (struct enhanced_code){4, 7, 5});
		(void)snprintf(ret->text, sizeof ret->text,
			       "the MTA-STS policy of %.128s does not name the host %.200s",
			       c->domain, c->host);
		return;
	}
	if (has_records && demand.level < SMTP_TLS_REQUIRED) {
		demand.level = SMTP_TLS_REQUIRED;
		demand.authority = TLS_BY_DANE;
	}
	if (mode == STS_ENFORCE) {
		demand.level = SMTP_TLS_VERIFIED;
		demand.authority = TLS_BY_STS;
	} else if (mode == STS_TESTING && demand.level < SMTP_TLS_VERIFIED) {
		demand.is_observed = true;
	}
	ret->demand = tls_demand_new(&demand);
}

void tls_policy_rule(const struct tls_case *c, struct tls_ruling *ret)
{
	memset(ret, 0, sizeof *ret);
	enum tlsa_outcome tlsa = c->tlsa ? c->tlsa->outcome : TLSA_ABSENT;
	if (c->wish.level == SMTP_TLS_NONE) {
		ret->demand = tls_demand_new(
			&(const struct tls_demand){.level = SMTP_TLS_NONE, .host_name = c->host});
	} else if (tlsa == TLSA_FAILED) {
		leave_out(ret, TLS_REFUSED_TLSA, (struct enhanced_code){4, 4, 3});
		(void)snprintf(ret->text, sizeof ret->text,
			       "the look-up of the TLSA records of %.250s failed for now",
			       c->tlsa->base);
	} else if (tlsa != TLSA_FOUND || !rule_by_records(c, ret)) {
		rule_by_authority(c, ret);
	}
}
