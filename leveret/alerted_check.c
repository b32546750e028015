/* See alerted_check.h. */
#include "leveret/alerted_check.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/alerts/alert_rule.h"
#include "lib/routing/lent.h"
#include "lib/shaping/alerted.h"

#define SOME	     "x" /* a name that would be there */
#define DEFAULT_SITE "default"

static const struct alert_rule *find(const struct alert_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->count; i++)
		if (strcmp(rules->items[i].name, name) == 0)
			return &rules->items[i];
	return NULL;
}

static const char *some(const struct alert_rule *alert, enum alert_by by)
{
	return alert->by & 1u << by ? SOME : "";
}

static struct shaping_facts facts_of(const struct alert_rule *alert, const char *site)
{
	bool has_site = strcmp(site, DEFAULT_SITE) != 0;
	return (struct shaping_facts){
		.site = has_site ? site : some(alert, BY_SITE),
		.source = some(alert, BY_SOURCE),
		.tenant = some(alert, BY_TENANT),
		.campaign = some(alert, BY_CAMPAIGN),
	};
}

static void check_actions(struct conf *conf, const struct shaping_rule_settings *rule,
			  const struct alert_rule *alert, const char *site, const char *path)
{
	const struct shaping_facts facts = facts_of(alert, site);
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
		enum shaping_action action = (enum shaping_action)i;
		if (!shaping_action_is_asked(&rule->then, action))
			continue;
		const char *missing = shaping_alert_lacks(action, &facts);
		if (missing && strcmp(missing, "reply") != 0)
			conf_fault(conf, path,
				   "%s is of a %s, and the alert \"%s\" is not `per` %s",
				   shaping_action_name(action), missing, alert->name, missing);
	}
}

static void check_site(struct conf *conf, const struct site_settings *site,
		       const struct alert_rules *alerts)
{
	for (size_t i = 0; i < site->replies.count; i++) {
		const struct shaping_rule_settings *rule =
			CONF_ITEM(&site->replies, struct shaping_rule_settings, i);
		char path[256];
		(void)snprintf(path, sizeof path, "sites.%s.replies[%zu].when.alert", site->name,
			       i);
		const struct alert_rule *alert = find(alerts, rule->when.alert);
		if (alert)
			check_actions(conf, rule, alert, site->name, path);
		else if (rule->when.alert[0])
			conf_fault(conf, path, "there is no alert \"%s\", or it is off",
				   rule->when.alert);
	}
}

void alerted_check(struct conf *conf, const struct conf_items *sites,
		   const struct conf_items *alerts)
{
	struct alert_rules rules;
	alert_rules_init(&rules, alerts);
	for (size_t i = 0; i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (lent_index(site->name) < 0) /* theirs are those of `default` */
			check_site(conf, site, &rules);
	}
	alert_rules_done(&rules);
}
