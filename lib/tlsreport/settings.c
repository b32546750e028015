/* The table of `tls_reports:`, and what its rows cannot check. */
#include "lib/tlsreport/settings.h"

#include <string.h>

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct tls_report_settings, __VA_ARGS__)
#include "lib/tlsreport/tls_reports.def"
#undef X
};

static bool is_address(const char *text)
{
	const char *at = strchr(text, '@');
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("<>,\"\\", *c))
			return false;
	return at && at > text && at[1] && !strchr(at + 1, '@');
}

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct tls_report_settings *settings = section;
	(void)path;
	if (settings->from[0] && !is_address(settings->from))
		conf_fault(conf, "tls_reports.from", "expected an address");
	if (settings->enabled && !settings->from[0])
		conf_fault(conf, "tls_reports.from", "is needed where tls_reports.enabled is set");
	if (settings->enabled && !settings->organization[0])
		conf_fault(conf, "tls_reports.organization",
			   "is needed where tls_reports.enabled is set");
}

const struct conf_section tls_reports_section = {
	.name = "tls_reports",
	.help = "Daily reports to domains that ask how TLS with them went (TLS-RPT, RFC 8460).",
	.shape = CONF_ONE,
	.size = sizeof(struct tls_report_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
