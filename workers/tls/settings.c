/* The tables of `tls_domains:` and `mta_sts:`, and what their rows cannot check. */
#include "workers/tls/settings.h"

#include <stdio.h>

static const struct conf_field domain_fields[] = {
#define X(...) CONF_ROW(struct tls_domain_settings, __VA_ARGS__)
#include "workers/tls/tls_domain.def"
#undef X
};
static const struct conf_field mta_sts_fields[] = {
#define X(...) CONF_ROW(struct mta_sts_settings, __VA_ARGS__)
#include "workers/tls/mta_sts.def"
#undef X
};

static void check_domain(struct conf *conf, const void *section, const char *path)
{
	const struct tls_domain_settings *entry = section;
	char setting[256];
	(void)snprintf(setting, sizeof setting, "%s.domain", path);
	if (!routing_is_pattern(entry->domain))
		conf_fault(conf, setting, "expected a domain, *.domain or *, not \"%.60s\"",
			   entry->domain);
}

const struct conf_section tls_domains_section = {
	.name = "tls_domains",
	.help = "TLS for single domains, where it is to be another than their site's "
		"(docs/tls.md).",
	.shape = CONF_LIST,
	.size = sizeof(struct tls_domain_settings),
	.fields = domain_fields,
	.field_count = CONF_COUNT(domain_fields),
	.check = check_domain,
};
const struct conf_section mta_sts_section = {
	.name = "mta_sts",
	.help = "How MTA-STS policies of domains are fetched (docs/tls.md).",
	.shape = CONF_ONE,
	.size = sizeof(struct mta_sts_settings),
	.fields = mta_sts_fields,
	.field_count = CONF_COUNT(mta_sts_fields),
};
