/* leveret shaping: what would follow from a reply. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/conf/text.h"
#include "lib/conf/units.h"
#include "lib/mail/reply.h"
#include "lib/report/reply_text.h"
#include "lib/routing/replies.h"
#include "lib/shaping/judge.h"

#define FITS_MAX 64

/* ---- the reply ---- */

/* As a host sends it, with all its lines; anything else is taken as text with its codes in front. */
static void read_reply(const char *given, struct reply *ret)
{
	struct buf lines;
	struct reply_parser parser;
	size_t used;
	buf_init(&lines, REPLY_LINE_MAX * 4);
	reply_parser_init(&parser);
	bool is_read = buf_append_text(&lines, given) == OK &&
		       buf_append_text(&lines, "\r\n") == OK &&
		       reply_parse(&parser, buf_bytes(&lines), &used, ret) == OK;
	buf_done(&lines);
	if (is_read)
		return;
	struct reply_codes codes = {0};
	struct bytes text = bytes_of(given);
	bool has_codes = reply_codes_find(text, &codes) && codes.at == 0;
	*ret = (struct reply){.code = has_codes ? codes.code : 0};
	if (has_codes)
		ret->enhanced = codes.enhanced;
	ret->text_len = bytes_first(text, REPLY_TEXT_MAX).len;
	memcpy(ret->text, text.data, ret->text_len);
}

static struct shaping_facts facts_of(const struct options *options, const struct reply *reply)
{
	return (struct shaping_facts){
		.site = options_value(options, "site", ""),
		.source = "",
		.host = options_value(options, "host", ""),
		.tenant = "",
		.campaign = "",
		.step = options_value(options, "step", ""),
		.code = reply->code,
		.enhanced = {reply->enhanced.class, reply->enhanced.subject,
			     reply->enhanced.detail},
		.text = bytes_from(reply->text, reply->text_len),
	};
}

/* ---- telling ---- */

static void write_value(const struct shaping_then *then, enum shaping_action action, FILE *out)
{
	char text[UNITS_TEXT_SIZE] = "yes";
	int64_t value = shaping_action_value(then, action);
	const char *word = shaping_action_text(then, action);
	if (action == SHAPING_SLOW_TO)
		units_write_rate(value, text);
	else if (action == SHAPING_SLOW_BY || action == SHAPING_CONNECTIONS_BY)
		units_write_percent(value, text);
	else if (action == SHAPING_RETRY_AFTER)
		units_write_duration(value, text);
	(void)fputs(word[0] ? word : text, out);
}

static void tell_action(const struct shaping_fit *fit, enum shaping_action action, bool is_taken)
{
	const struct shaping_then *then = &fit->settings->then;
	char period[UNITS_TEXT_SIZE], within[UNITS_TEXT_SIZE];
	units_write_duration(then->period, period);
	units_write_duration(then->within, within);
	(void)printf("%s\t%s: ", fit->rule, shaping_action_name(action));
	write_value(then, action, stdout);
	if (shaping_action_scope(action) != SCOPE_DELIVERY)
		(void)printf("\tfor %s", period);
	if (then->after > 1)
		(void)printf("\tafter %lld within %s", (long long)then->after, within);
	(void)printf("%s\n", is_taken ? "" : "\tnot taken: an earlier rule's is");
}

static void tell_action_json(const struct shaping_fit *fit, enum shaping_action action,
			     bool is_taken, bool is_first)
{
	const struct shaping_then *then = &fit->settings->then;
	(void)printf("%s{\"rule\":", is_first ? "" : ",");
	text_write_json(fit->rule, stdout);
	(void)printf(",\"action\":\"%s\",\"value\":\"", shaping_action_name(action));
	write_value(then, action, stdout);
	(void)printf("\",\"taken\":%s,\"for_ms\":%lld,\"after\":%lld,\"within_ms\":%lld}",
		     is_taken ? "true" : "false",
		     shaping_action_scope(action) == SCOPE_DELIVERY ? 0LL : (long long)then->period,
		     (long long)then->after, (long long)then->within);
}

static void tell(const struct shaping_fit *fits, size_t count, const struct reply *reply,
		 bool as_json)
{
	bool is_claimed[SHAPING_ACTION_COUNT] = {false}, is_taken[SHAPING_ACTION_COUNT];
	bool is_first = true;
	char status[16];
	enhanced_code_text(reply->enhanced, status);
	if (as_json)
		(void)printf("{\"code\":%u,\"status\":\"%s\",\"actions\":[", reply->code, status);
	for (size_t i = 0; i < count; i++) {
		shaping_claim(&fits[i].settings->then, is_claimed, is_taken);
		for (int k = 0; k < SHAPING_ACTION_COUNT; k++) {
			enum shaping_action action = (enum shaping_action)k;
			if (!shaping_action_is_asked(&fits[i].settings->then, action))
				continue;
			if (as_json)
				tell_action_json(&fits[i], action, is_taken[k], is_first);
			else
				tell_action(&fits[i], action, is_taken[k]);
			is_first = false;
		}
	}
	if (as_json)
		(void)printf("]}\n");
	else if (count == 0)
		(void)printf("no rule fits\n");
}

/* ---- the verb ---- */

/* Without a settings file where one is looked for by default, the built-in rules alone. */
static const struct settings *load(const struct options *options, struct conf **ret_conf)
{
	bool is_named = options_has(options, "config") || getenv("LEVERET_CONFIG");
	if (is_named || access(program_config_path(options), F_OK) == 0)
		return program_settings(options, ret_conf);
	return conf_load_text("", &settings_root, ret_conf) == OK ? conf_root(*ret_conf) : NULL;
}

static int check(const struct settings *settings, const struct options *options)
{
	struct shaping_rules *rules = NULL;
	struct why why = {""};
	if (replies_rules_new(&settings->shaping, &settings->routing.sites, &rules, stderr, &why) !=
	    OK) {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
		return EXIT_FAILED;
	}
	struct reply reply;
	struct shaping_fit fits[FITS_MAX];
	read_reply(options->arguments[0], &reply);
	struct shaping_facts facts = facts_of(options, &reply);
	struct shaping_scratch *scratch = shaping_scratch_new(rules);
	size_t count = shaping_fitting(scratch, &facts, fits, FITS_MAX);
	tell(fits, count, &reply, options_has(options, "json"));
	shaping_scratch_free(&scratch);
	shaping_rules_free(&rules);
	return count > 0 ? EXIT_DONE : EXIT_NOT_FOUND;
}

static int run_check(const struct options *options)
{
	struct conf *conf = NULL;
	if (options->argument_count == 0) {
		(void)fprintf(stderr, "leveret shaping check: which reply? See --help\n");
		return EXIT_USAGE;
	}
	const struct settings *settings = load(options, &conf);
	int code = settings ? check(settings, options) : EXIT_FAILED;
	conf_free(&conf);
	return code;
}

static const struct option_row rows[] = {
	{"site", 0, "NAME", "the site that it came from: its own rules are asked too"},
	{"host", 0, "NAME", "the MX host that gave the reply"},
	{"step", 's', "STEP", "what it answers: connect, greeting, ehlo, mail, rcpt, data, body"},

};

const struct verb verb_shaping_check = {
	.name = "shaping check",
	.synopsis = "REPLY",
	.argument_max = 1,
	.summary = "which shaping rules a reply fits, and what follows",
	.text = "Prints each rule that REPLY fits, in the order they are asked: the site's own, "
		"those of the site `default`, the built-in\n"
		"ones of the provider, the built-in ones for everybody; and what it does, for how "
		"long, after how many such replies.\n"
		"Exit code 3: no rule fits. Nothing is put in force.\n\n"
		"  leveret shaping check '421 4.7.28 unusual rate of unsolicited mail' --host "
		"gmail-smtp-in.l.google.com\n"
		"  leveret shaping check '451 4.7.1 Greylisting in action' --site gmx --step rcpt "
		"--json",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run_check,
};
