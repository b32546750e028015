/* POST /v1/webhooks/{name}/test, pause, resume, replay. */
#include <stdio.h>

#include "bouncer/http/parts.h"
#include "bouncer/telling/replays.h"
#include "bouncer/telling/webhook_rules.h"
#include "bouncer/telling/webhook_trial.h"
#include "lib/obs/log.h"

/* ---- test ---- */

static void on_tried(void *owner, const struct webhook_outcome *outcome)
{
	struct bouncer_visit *visit = owner;
	bool is_taken = webhook_judge(outcome->err, outcome->status) == WEBHOOK_TAKEN;
	char why[1024];
	(void)log_escape_json(bytes_of(outcome->why), why, sizeof why);
	const char *text =
		arena_printf(visit->api.arena, "{\"taken\":%s,\"status\":%ld,\"answer\":\"%s\"}\n",
			     is_taken ? "true" : "false", outcome->status, why);
	api_answer(&visit->api, 200, bytes_of(text));
	bouncer_visit_end(visit);
}

static void on_left(struct bouncer_visit *visit)
{
	struct webhook_trial *trial = visit->work;
	webhook_trial_cancel(&trial);
	bouncer_visit_end(visit);
}

/* With settings of its own, since the webhook may change meanwhile. */
void http_webhooks_test(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	const struct webhooks *webhooks = visit->of->options.webhooks;
	struct webhook_view view;
	if (!webhook_of_path(visit, &view))
		return;
	const struct webhook_settings *settings =
		view.row ? webhook_row_settings(api->arena, view.row, webhooks_place(webhooks))
			 : view.settings;
	bouncer_visit_begin(visit);
	visit->left = on_left;
	visit->work = webhook_trial_start(visit->of->options.node.loop, webhooks_resolver(webhooks),
					  settings, on_tried, visit);
}

/* ---- pause and resume ---- */

static void on_set(void *owner, enum err err)
{
	struct bouncer_visit *visit = owner;
	if (err)
		api_fail(&visit->api, err, "it was not kept, try again later");
	else
		webhook_answer(visit, bytes_of(visit->api.argument), NULL);
	bouncer_visit_end(visit);
}

static void set_mode(struct api_visit *api, enum webhook_mode mode)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct webhook_view view;
	if (!webhook_of_path(visit, &view))
		return;
	const char *by = arena_printf(api->arena, "API key %s", api->key->settings->name);
	bouncer_visit_begin(visit);
	enum err err = webhooks_set_mode(visit->of->options.webhooks, bytes_of(api->argument), mode,
					 bytes_of(by), on_set, visit);
	if (err)
		on_set(visit, err);
}

void http_webhooks_pause(struct api_visit *api)
{
	set_mode(api, WEBHOOK_PAUSED);
}

void http_webhooks_resume(struct api_visit *api)
{
	set_mode(api, WEBHOOK_ON);
}

/* ---- replay ---- */

static void answer_replay(struct bouncer_visit *visit, uint64_t count, bool is_dry)
{
	const char *text = arena_printf(visit->api.arena, "{\"count\":%llu,\"dry_run\":%s}\n",
					(unsigned long long)count, is_dry ? "true" : "false");
	api_answer(&visit->api, 200, bytes_of(text));
}

static void on_counted(void *owner, enum err err, uint64_t count)
{
	struct bouncer_visit *visit = owner;
	if (err)
		api_refuse(&visit->api, 503, "what was kept cannot be read now");
	else
		answer_replay(visit, count, true);
	bouncer_visit_end(visit);
}

static bool read_order(struct bouncer_visit *visit, struct replay_order *ret)
{
	struct bytes since = BYTES_NONE, until = BYTES_NONE, kinds = BYTES_NONE,
		     dry = BYTES("false");
	struct why why;
	(void)api_query(&visit->api, "since", &since);
	(void)api_query(&visit->api, "until", &until);
	(void)api_query(&visit->api, "kinds", &kinds);
	(void)api_query(&visit->api, "dry_run", &dry);
	int64_t now = loop_wall_ms(visit->of->options.node.loop);
	enum err err = replay_order_read(since, until, kinds, now, ret, &why);
	if (!err && !bytes_is(dry, "true") && !bytes_is(dry, "false"))
		err = fail(&why, E_MALFORMED, "dry_run is true or false");
	if (err)
		api_fail(&visit->api, err, why.text);
	ret->is_dry = bytes_is(dry, "true");
	return !err;
}

void http_webhooks_replay(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct webhook_view view;
	struct replay_order order;
	struct why why = {""};
	if (!webhook_of_path(visit, &view) || !read_order(visit, &order))
		return;
	enum err err = replays_start(visit->of->options.replays, bytes_of(api->argument), &order,
				     order.is_dry ? on_counted : NULL, visit, &why);
	if (err)
		api_refuse(api, 409, why.text);
	else if (order.is_dry)
		bouncer_visit_begin(visit);
	else
		answer_replay(visit, 0, false);
}
