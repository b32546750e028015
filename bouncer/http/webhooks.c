/* GET /v1/webhooks and /v1/webhooks/{name}: what there is, and what became of its requests on this bouncer. Secrets are not told. */
#include <inttypes.h>
#include <stdio.h>

#include "bouncer/http/parts.h"
#include "bouncer/telling/replays.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define TEXT_ROOM  ((size_t)16000) /* of one webhook */
#define LIST_ROOM  ((size_t)8 << 20)
#define ESCAPE_MAX 6

/* ---- as JSON ---- */

/* What is absent is left out. */
static enum err put_text(struct buf *out, const char *name, const char *value)
{
	char escaped[2000 * ESCAPE_MAX + 1];
	if (!value || !value[0])
		return OK;
	(void)log_escape_json(bytes_of(value), escaped, sizeof escaped);
	return buf_printf(out, "\"%s\":\"%s\",", name, escaped);
}

static enum err put_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	if (wall_ms <= 0)
		return OK;
	clock_rfc3339(wall_ms, text);
	return buf_printf(out, "\"%s\":\"%s\",", name, text);
}

static enum err put_events(struct buf *out, const struct webhook_settings *settings)
{
	enum err err = buf_append_text(out, "\"events\":[");
	for (size_t i = 0; i < settings->events.count && !err; i++)
		err = buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", settings->events.items[i]);
	return err ? err : buf_append_text(out, "],");
}

static enum err put_numbers(struct buf *out, const struct webhook_settings *settings)
{
	return buf_printf(out,
			  "\"batch_max\":%" PRId64 ",\"batch_every_ms\":%" PRId64
			  ",\"requests\":%" PRId64 ",\"timeout_ms\":%" PRId64
			  ",\"give_up_ms\":%" PRId64 ",",
			  settings->batch.max, settings->batch.every, settings->requests,
			  settings->timeout, settings->give_up);
}

static enum err put_told(struct buf *out, const struct webhook_state *state)
{
	enum err err = buf_append_text(out, "\"told\":{");
	if (!err)
		err = put_time(out, "last_taken", state->ok_at_wall_ms);
	if (!err)
		err = put_time(out, "last_failure", state->fail_at_wall_ms);
	if (!err)
		err = put_text(out, "why", state->why);
	if (!err)
		err = buf_printf(out,
				 "\"events\":%" PRIu64 ",\"requests\":%" PRIu64
				 ",\"failures\":%" PRIu64 ",\"failures_in_row\":%" PRIu64
				 ",\"given_up\":%" PRIu64 "}",
				 state->events, state->requests, state->failures,
				 state->failures_in_row, state->buried);
	return err;
}

static enum err put_replay(struct buf *out, const struct replays *replays, const char *name)
{
	struct replay_state state;
	if (!replays_last(replays, name, &state))
		return OK;
	enum err err = buf_append_text(out, "\"replay\":{");
	if (!err)
		err = put_time(out, "since", state.order.since_wall_ms);
	if (!err)
		err = put_time(out, "until", state.order.until_wall_ms);
	if (!err)
		err = put_time(out, "begun", state.begun_wall_ms);
	if (!err)
		err = put_time(out, "ended", state.ended_wall_ms);
	if (!err)
		err = put_text(out, "why", state.why);
	return err ? err
		   : buf_printf(out,
				"\"events\":%" PRIu64 ",\"requests\":%" PRIu64
				",\"refused\":%" PRIu64 "},",
				state.events, state.requests, state.refused);
}

static enum err put_identity(struct buf *out, const struct webhook_view *view)
{
	enum err err = put_text(out, "name", view->settings->name);
	if (!err)
		err = put_text(out, "url", view->settings->url);
	if (!err)
		err = put_text(out, "tenant", view->settings->tenant);
	return err ? err : put_text(out, "from", view->row ? "api" : "settings");
}

static enum err put_state(struct buf *out, const struct webhook_view *view)
{
	enum err err = put_text(out, "state", webhook_mode_name(view->state->mode));
	if (!err)
		err = put_time(out, "since", view->state->mode_since_wall_ms);
	return err ? err : put_time(out, "created", view->row ? view->row->created_wall_ms : 0);
}

static enum err put_webhook(struct buf *out, const struct replays *replays,
			    const struct webhook_view *view, const char *secret)
{
	enum err err = buf_append_text(out, "{");
	if (!err)
		err = put_identity(out, view);
	if (!err)
		err = put_state(out, view);
	if (!err)
		err = put_text(out, "secret", secret);
	if (!err)
		err = put_events(out, view->settings);
	if (!err)
		err = put_numbers(out, view->settings);
	if (!err)
		err = put_replay(out, replays, view->settings->name);
	if (!err)
		err = put_told(out, view->state);
	return err ? err : buf_append_text(out, "}");
}

/* ---- which ---- */

bool webhook_of_path(struct bouncer_visit *visit, struct webhook_view *ret)
{
	if (webhooks_find(visit->of->options.webhooks, bytes_of(visit->api.argument), ret) &&
	    visit_may_see(visit, bytes_of(ret->settings->tenant)))
		return true;
	api_refuse(&visit->api, 404, "there is no such webhook");
	return false;
}

void webhook_answer(struct bouncer_visit *visit, struct bytes name, const char *secret)
{
	struct webhook_view view;
	struct buf out;
	buf_init(&out, TEXT_ROOM);
	if (!webhooks_find(visit->of->options.webhooks, name, &view))
		api_refuse(&visit->api, 503,
			   "it is kept, and not here yet: ask for it again later");
	else if (!visit_may_see(visit, bytes_of(view.settings->tenant)))
		api_refuse(&visit->api, 409, "the name was taken meanwhile");
	else if (put_webhook(&out, visit->of->options.replays, &view, secret) ||
		 buf_append_text(&out, "\n"))
		api_refuse(&visit->api, 500, "the webhook is too long to be told");
	else
		api_answer(&visit->api, 200, buf_bytes(&out));
	buf_done(&out);
}

void http_webhooks_get(struct api_visit *api)
{
	struct webhook_view view;
	if (webhook_of_path(bouncer_visit_of(api), &view))
		webhook_answer(bouncer_visit_of(api), bytes_of(view.settings->name), NULL);
}

void http_webhooks_list(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct webhook_view view;
	struct buf out;
	size_t told = 0;
	buf_init(&out, LIST_ROOM);
	enum err err = buf_append_text(&out, "{\"webhooks\":[");
	for (size_t i = 0; !err && webhooks_at(visit->of->options.webhooks, i, &view); i++) {
		if (!visit_may_see(visit, bytes_of(view.settings->tenant)))
			continue;
		err = told++ > 0 ? buf_append_text(&out, ",") : OK;
		if (!err)
			err = put_webhook(&out, visit->of->options.replays, &view, NULL);
	}
	if (!err)
		err = buf_append_text(&out, "]}\n");
	if (err)
		api_refuse(api, 500, "the webhooks are too many to be told");
	else
		api_answer(api, 200, buf_bytes(&out));
	buf_done(&out);
}
