/* leveret webhook list | test | pause | resume. `list` reads the bouncer's store, `test` makes the request itself, and the others are
 * directives to the bouncer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bouncer/telling/webhook_state.h"
#include "bouncer/telling/webhook_trial.h"
#include "leveret/bouncer_store.h"
#include "leveret/directing.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define LIMIT_MS  20000
#define BODY_ROOM 4096

static const struct webhook_settings *find(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->webhooks.count; i++) {
		const struct webhook_settings *one =
			CONF_ITEM(&settings->webhooks, struct webhook_settings, i);
		if (strcmp(one->name, name) == 0)
			return one;
	}
	(void)fprintf(stderr, "leveret: the settings have no webhook \"%s\"\n", name);
	return NULL;
}

/* ---- list ---- */

static struct webhook_state read_state(struct store *store, const char *name)
{
	struct webhook_state state = {.mode = WEBHOOK_ON};
	struct bytes value;
	if (!store)
		return state;
	struct store_txn *txn = store_read_begin(store);
	if (store_get(txn, store_database(store, WEBHOOKS_DATABASE), bytes_of(name), &value) ==
		    OK &&
	    webhook_state_read(value, &state) != OK)
		(void)fprintf(stderr, "leveret: what is kept of webhook %s cannot be read\n", name);
	store_read_end(&txn);
	return state;
}

static const char *time_text(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
	(void)snprintf(out, CLOCK_RFC3339_SIZE, "-");
	if (wall_ms > 0)
		clock_rfc3339(wall_ms, out);
	return out;
}

static void print_state(const struct webhook_settings *settings, const struct webhook_state *state,
			bool as_json)
{
	char ok_at[CLOCK_RFC3339_SIZE], fail_at[CLOCK_RFC3339_SIZE], since[CLOCK_RFC3339_SIZE];
	char url[4096], why[sizeof state->why * 6];
	(void)log_escape_json(bytes_of(settings->url), url, sizeof url);
	(void)log_escape_json(bytes_of(state->why), why, sizeof why);
	(void)time_text(state->ok_at_wall_ms, ok_at);
	(void)time_text(state->fail_at_wall_ms, fail_at);
	(void)time_text(state->mode_since_wall_ms, since);
	if (as_json)
		(void)printf("{\"name\":\"%s\",\"url\":\"%s\",\"state\":\"%s\",\"since\":\"%s\","
			     "\"events\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"failures\":%" PRIu64
			     ",\"failures_in_row\":%" PRIu64 ",\"given_up\":%" PRIu64
			     ",\"last_taken\":\"%s\",\"last_failure\":\"%s\",\"why\":\"%s\"}\n",
			     settings->name, url, webhook_mode_name(state->mode), since,
			     state->events, state->requests, state->failures,
			     state->failures_in_row, state->buried, ok_at, fail_at, why);
	else
		(void)printf("%s\t%s\t%" PRIu64 " events\t%" PRIu64
			     " failures in a row\t%s\t%s\t%s\n",
			     settings->name, webhook_mode_name(state->mode), state->events,
			     state->failures_in_row, ok_at, url, why);
}

static int run_list(const struct options *options)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	struct store *store = settings ? bouncer_store_open(settings) : NULL;
	for (size_t i = 0; settings && i < settings->webhooks.count; i++) {
		const struct webhook_settings *one =
			CONF_ITEM(&settings->webhooks, struct webhook_settings, i);
		struct webhook_state state = read_state(store, one->name);
		print_state(one, &state, options_has(options, "json"));
	}
	int code = settings ? EXIT_DONE : EXIT_USAGE;
	store_close(&store);
	conf_free(&conf);
	return code;
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
	}
	conf_free(&conf);
	return code;
}

/* ---- pause and resume ---- */

struct change {
	const char *name;
	struct directive directive;
	bool as_json;
};

static void on_kept(void *owner, enum err err)
{
	struct errand *errand = owner;
	const struct change *change = errand->owner;
	bool is_pause = change->directive.kind == DIRECTIVE_PAUSE_WEBHOOK;
	if (err)
		(void)fprintf(stderr, "leveret: the broker did not take the directive: %s\n",
			      err_text(err));
	else if (change->as_json)
		(void)printf("{\"name\":\"%.*s\",\"asked\":\"%s\"}\n",
			     BYTES_ARGS(change->directive.webhook), is_pause ? "pause" : "resume");
	else
		(void)printf("%.*s: the bouncer is asked to %s it\n",
			     BYTES_ARGS(change->directive.webhook), is_pause ? "pause" : "resume");
	errand_end(errand, err ? EXIT_FAILED : EXIT_DONE);
}

static void send_change(struct errand *errand)
{
	const struct change *change = errand->owner;
	struct buf out;
	if (!find(errand->settings, change->name)) {
		errand_end(errand, EXIT_NOT_FOUND);
		return;
	}
	buf_init(&out, BODY_ROOM);
	if (directive_encode(&change->directive, &out))
		abort(); /* it is short */
	const struct publication publication = {
		.exchange = EXCHANGE_INBOUND, .key = "directive", .head = buf_bytes(&out)};
	broker_publish(errand->broker, &publication, on_kept, errand);
	buf_done(&out);
}

static int run_change(const struct options *options, enum directive_kind kind)
{
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one webhook\n");
		return EXIT_USAGE;
	}
	struct change change = {
		.name = options->arguments[0],
		.directive = {.kind = kind,
			      .webhook = bytes_of(options->arguments[0]),
			      .by = bytes_of(directing_user())},
		.as_json = options_has(options, "json"),
	};
	struct errand errand = {.begin = send_change, .owner = &change};
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
		"URL, why the last failed one was not. Runs on the bouncer's host.",
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
