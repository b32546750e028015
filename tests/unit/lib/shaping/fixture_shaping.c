#include "tests/unit/lib/shaping/fixture_shaping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct site_form {
	const char *name;
	struct conf_items replies;
};
struct root_form {
	struct conf_items sites;
	struct shaping_settings shaping;
};

static const struct conf_child site_children[] = {
	{&shaping_replies_section, offsetof(struct site_form, replies)}};
static const struct conf_section sites_form = {
	.name = "sites",
	.help = "",
	.shape = CONF_MAP,
	.size = sizeof(struct site_form),
	.children = site_children,
	.child_count = 1,
};
static const struct conf_child root_children[] = {
	{&sites_form, offsetof(struct root_form, sites)},
	{&shaping_section, offsetof(struct root_form, shaping)},
};
static const struct conf_section root_form = {
	.name = "test",
	.help = "",
	.size = sizeof(struct root_form),
	.children = root_children,
	.child_count = 2,
};

struct shaping_fixture fixture_with(const char *yaml)
{
	struct shaping_fixture fixture = {0};
	struct shaping_site sites[8];
	struct why why = {""};
	size_t count = 0;
	if (conf_load_text(yaml, &root_form, &fixture.conf) != OK) {
		conf_print_faults(fixture.conf, stderr, false);
		abort();
	}
	const struct root_form *root = conf_root(fixture.conf);
	for (; count < root->sites.count; count++) {
		const struct site_form *site = CONF_ITEM(&root->sites, struct site_form, count);
		sites[count] = (struct shaping_site){site->name, &site->replies};
	}
	if (shaping_rules_new(&root->shaping, sites, count, &fixture.rules, stderr, &why) != OK) {
		(void)fprintf(stderr, "%s\n", why.text);
		abort();
	}
	fixture.scratch = shaping_scratch_new(fixture.rules);
	fixture.state = shaping_state_new();
	return fixture;
}

void fixture_done(struct shaping_fixture *fixture)
{
	shaping_state_free(&fixture->state);
	shaping_scratch_free(&fixture->scratch);
	shaping_rules_free(&fixture->rules);
	conf_free(&fixture->conf);
}

struct shaping_facts fixture_facts(const char *text, int64_t now_ms)
{
	struct shaping_facts facts = {
		.site = "gmail",
		.source = "out1",
		.host = "mx.example.com",
		.tenant = "acme",
		.campaign = "spring",
		.step = "rcpt",
		.now_ms = now_ms,
	};
	unsigned code = 0, numbers[3];
	int used = 0;
	if (sscanf(text, "%3u %n", &code, &used) == 1 && used == 4) {
		facts.code = code;
		text += used;
		used = 0;
		if (sscanf(text, "%u.%u.%u %n", &numbers[0], &numbers[1], &numbers[2], &used) ==
			    3 &&
		    used > 0) {
			for (size_t i = 0; i < 3; i++)
				facts.enhanced[i] = (uint16_t)numbers[i];
			text += used;
		}
	}
	facts.text = bytes_of(text);
	return facts;
}

void fixture_reply(struct shaping_fixture *fixture, struct shaping_facts facts)
{
	fixture->count = shaping_judge(fixture->scratch, &facts, fixture->state, fixture->fired);
}

const char *fixture_said(const struct shaping_fixture *fixture)
{
	static char text[1024];
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < fixture->count; i++) {
		const struct shaping_fired *fired = &fixture->fired[i];
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s ", i ? "; " : "",
					shaping_action_name(fired->action));
		if (fired->text[0])
			len += (size_t)snprintf(text + len, sizeof text - len, "%s", fired->text);
		else
			len += (size_t)snprintf(text + len, sizeof text - len, "%lld",
						(long long)fired->value);
		len += (size_t)snprintf(text + len, sizeof text - len, " by %s", fired->rule);
	}
	return text;
}

char *fixture_faults(const char *yaml)
{
	struct conf *conf = NULL;
	char *text = NULL;
	size_t size = 0;
	(void)!conf_load_text(yaml, &root_form, &conf);
	FILE *out = open_memstream(&text, &size);
	conf_print_faults(conf, out, false);
	(void)fclose(out);
	conf_free(&conf);
	return text;
}
