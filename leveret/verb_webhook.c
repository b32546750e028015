/* leveret webhook list | test | pause | resume | replay. `list` and `replay` ask every bouncer, `test` makes the request itself, and the others
 * are directives to the bouncer. */
#include <stdio.h>
#include <string.h>

#include "bouncer/asked.h"
#include "bouncer/telling/webhook_state.h"
#include "bouncer/telling/webhook_trial.h"
#include "leveret/asking.h"
#include "leveret/directing.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/arena.h"
#include "lib/obs/log.h"

#define LIMIT_MS 20000

static const struct webhook_settings *find(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->webhooks.count; i++) {
		const struct webhook_settings *one =
			CONF_ITEM(&settings->webhooks, struct webhook_settings, i);
		if (strcmp(one->name, name) == 0)
			return one;
	}
	return NULL;
}

/* ---- list ---- */

static int run_list(const struct options *options)
{
	return bouncers_print(options, ASKED_WEBHOOKS);
}

/* ---- replay ---- */

struct replaying {
	bool has_failed;
};

static int on_replay_answer(void *owner, struct bytes answer)
{
	struct replaying *replaying = owner;
	if (bytes_is(answer, "?"))
		return 1;
	if (answer.len == 0)
		return 0;
	replaying->has_failed |= answer.data[0] != '+';
	(void)printf("%.*s", BYTES_ARGS(bytes_skip(answer, 1)));
	return -1;
}

/* Words are lines of the question: none may hold a line's end. */
static int run_replay(const struct options *options)
{
	struct replaying replaying = {false};
	struct arena *arena = arena_new();
	const char *words[] = {
		options_has(options, "json") ? "json" : "text",
		options->argument_count == 1 ? options->arguments[0] : "",
		options_value(options, "since", ""),
		options_value(options, "until", ""),
		options_value(options, "type", ""),
		options_has(options, "dry-run") ? "dry" : "",
	};
	const char *text = ASKED_REPLAY;
	bool is_good = words[1][0] && words[2][0];
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		is_good = is_good && !strchr(words[i], '\n') && strlen(words[i]) < 500;
		if (is_good)
			text = arena_printf(arena, "%s\n%s", text, words[i]);
	}
	int code = EXIT_USAGE;
	const struct bouncers_question question = {
		.text = text, .answered = on_replay_answer, .owner = &replaying};
	if (is_good)
		code = bouncers_ask(options, &question);
	else
		(void)fprintf(stderr, "leveret: give one webhook, and --since\n");
	arena_free(&arena);
	if (code == EXIT_NO_SERVER)
		(void)fprintf(stderr, "leveret: no bouncer answered\n");
	return code == EXIT_DONE && replaying.has_failed ? EXIT_FAILED : code;
}

/* ---- test ---- */

struct trial {
	struct loop *loop;
	const struct webhook_settings *settings;
	bool as_json;
	int code;
};

static void on_posted(void *owner, const struct webhook_outcome *outcome)
{
	struct trial *trial = owner;
	bool is_taken = webhook_judge(outcome->err, outcome->status) == WEBHOOK_TAKEN;
	char why[1024];
	(void)log_escape_json(bytes_of(outcome->why), why, sizeof why);
	if (trial->as_json)
		(void)printf("{\"name\":\"%s\",\"taken\":%s,\"status\":%ld,\"answer\":\"%s\"}\n",
			     trial->settings->name, is_taken ? "true" : "false", outcome->status,
			     why);
	else
		(void)printf("%s: %s: %s\n", trial->settings->name,
			     is_taken ? "taken" : "not taken", why);
	trial->code = is_taken ? EXIT_DONE : EXIT_FAILED;
	loop_stop(trial->loop);
}

static void try_out(struct trial *trial, struct resolver *resolver)
{
	(void)webhook_trial_start(trial->loop, resolver, trial->settings, on_posted, trial);
	loop_run(trial->loop);
}

static int run_trial(const struct settings *settings, const struct webhook_settings *webhook,
		     bool as_json)
{
	struct trial trial = {
		.loop = loop_new(), .settings = webhook, .as_json = as_json, .code = EXIT_FAILED};
	const struct resolver_options options = {
		.servers = settings->resolver.servers.items,
		.server_count = settings->resolver.servers.count,
		.timeout_ms = settings->resolver.timeout,
		.validation = (enum dns_validation)settings->resolver.dnssec,
		.trust_anchor = settings->resolver.trust_anchor,
	};
	struct resolver *resolver = NULL;
	struct why why = {""};
	if (resolver_new(trial.loop, &options, &resolver, &why) == OK)
		try_out(&trial, resolver);
	else
		(void)fprintf(stderr, "leveret: %s\n", why.text);
	resolver_free(&resolver);
	loop_free(&trial.loop);
	return trial.code;
}

static int run_test(const struct options *options)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	int code = EXIT_USAGE;
	if (settings) {
		const struct webhook_settings *webhook =
			find(settings, options->argument_count == 1 ? options->arguments[0] : "");
		code = webhook ? run_trial(settings, webhook, options_has(options, "json"))
			       : EXIT_NOT_FOUND;
		if (!webhook)
			(void)fprintf(stderr,
				      "leveret: the settings have no such webhook; one made by "
				      "the HTTP API is tested there\n");
	}
	conf_free(&conf);
	return code;
}

/* ---- pause and resume ---- */

static void tell_change(const struct directing *change)
{
	bool is_pause = change->directive.kind == DIRECTIVE_PAUSE_WEBHOOK;
	if (change->as_json)
		(void)printf("{\"name\":\"%.*s\",\"asked\":\"%s\"}\n",
			     BYTES_ARGS(change->directive.webhook), is_pause ? "pause" : "resume");
	else
		(void)printf("%.*s: the bouncer is asked to %s it\n",
			     BYTES_ARGS(change->directive.webhook), is_pause ? "pause" : "resume");
}

struct seeking {
	char name[300]; /* as it stands in an answer */
	bool is_found;
};

static int seek(void *owner, struct bytes answer)
{
	struct seeking *seeking = owner;
	seeking->is_found |= answer.len > strlen(seeking->name) &&
			     memcmp(answer.data, seeking->name, strlen(seeking->name)) == 0;
	return 0;
}

/* In the settings, or by the word of a bouncer. */
static bool is_known(const struct options *options, const char *name)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	bool is_there = settings && find(settings, name);
	struct seeking seeking = {.is_found = is_there};
	conf_free(&conf);
	(void)snprintf(seeking.name, sizeof seeking.name, "{\"name\":\"%.200s\",", name);
	const struct bouncers_question question = {
		.text = ASKED_WEBHOOKS "\njson", .answered = seek, .owner = &seeking};
	if (settings && !is_there)
		(void)bouncers_ask(options, &question);
	return seeking.is_found;
}

static int run_change(const struct options *options, enum directive_kind kind)
{
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one webhook\n");
		return EXIT_USAGE;
	}
	const char *name = options->arguments[0];
	struct directing change = {
		.directive = {.kind = kind,
			      .webhook = bytes_of(name),
			      .by = bytes_of(directing_user())},
		.told = tell_change,
		.as_json = options_has(options, "json"),
	};
	struct errand errand = {.begin = directing_begin, .owner = &change};
	if (!is_known(options, name)) {
		(void)fprintf(stderr, "leveret: there is no webhook \"%s\"\n", name);
		return EXIT_NOT_FOUND;
	}
	return errand_run(&errand, options, LIMIT_MS);
}

static int run_pause(const struct options *options)
{
	return run_change(options, DIRECTIVE_PAUSE_WEBHOOK);
}

static int run_resume(const struct options *options)
{
	return run_change(options, DIRECTIVE_RESUME_WEBHOOK);
}

const struct verb verb_webhook_list = {
	.name = "webhook list",
	.synopsis = "",
	.summary = "webhooks, and whether their endpoints take events",
	.text = "One line each: name, `on`, `paused` (by an operator) or `disabled` (its endpoint "
		"answered 410), events taken, failures in a row, when a request was last taken, "
		"URL, bouncer, why the last failed one was not. Every bouncer that runs answers, "
		"from "
		"any host, for those of its settings and those made by the HTTP API.",
	.run = run_list,
};
const struct verb verb_webhook_test = {
	.name = "webhook test",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "post a signed test event to a webhook",
	.text = "Makes one request from this host, with an event of kind `alert` named "
		"`webhook_test`, and prints what came of it. Exit code 1 when it was not taken.",
	.run = run_test,
};
const struct verb verb_webhook_pause = {
	.name = "webhook pause",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "post nothing to a webhook for now",
	.text = "Its events wait in its queue until `leveret webhook resume`, also when the "
		"bouncer is started again.",
	.run = run_pause,
};
const struct verb verb_webhook_resume = {
	.name = "webhook resume",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "let a paused or disabled webhook go on",
	.text = "What waited in its queue is posted, however old it is: once at least.",
	.run = run_resume,
};

static const struct option_row replay_rows[] = {
	{"since", 0, "TIME", "events at or after: 2h, or 2026-11-21T09:00:00Z"},
	{"until", 0, "TIME", "events before (default: now)"},
	{"type", 0, "KINDS", "only these, with commas (default: those the webhook wants)"},
	{"dry-run", 0, NULL, "only count them"},
};
const struct verb verb_webhook_replay = {
	.name = "webhook replay",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "tell a webhook again what was told before",
	.text = "Every bouncer that runs posts what it told itself, as far as it is kept "
		"(`bouncer.keep_events`), beside what is told meanwhile. Events have the ids that "
		"they had, so "
		"that receivers can drop what they know. One line from each bouncer; how far it "
		"is, "
		"its log and the HTTP API tell.",
	.rows = replay_rows,
	.row_count = 4,
	.run = run_replay,
};
