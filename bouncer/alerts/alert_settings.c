/* The table of `alerts:`. */
#include "bouncer/alerts/alert_settings.h"

#include "bouncer/alerts/alert_rule.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct alert_settings, __VA_ARGS__)
#include "bouncer/alerts/alert.def"
#undef X
};

static void check_alert(struct conf *conf, const void *section, const char *path)
{
	struct alert_rule rule;
	struct why why;
	if (alert_rule_make(section, &rule, &why) != OK)
		conf_fault(conf, path, "%s", why.text);
}

const struct conf_section alerts_section = {
	.name = "alerts",
	.help = "By name: rates of bounces, complaints, refusals and deferrals that raise an alert "
		"(docs/alerts.md has what is shipped).",
	.shape = CONF_MAP,
	.size = sizeof(struct alert_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check_alert,
	.always = "hard_bounces", /* as shipped, where it gives nothing */
};
