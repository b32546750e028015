/* POST /v1/webhooks/{name}/test, pause, resume. */
#include <stdio.h>

#include "bouncer/http/parts.h"
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
