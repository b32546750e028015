/* POST /v1/webhooks; PUT, DELETE /v1/webhooks/{name}; POST /v1/webhooks/{name}/secret.
 *
 *   read and checked -> its host looked up: no special address only -> in the table -> its queue is there -> answered
 *
 * Done again, each leads to the same. A secret of ours is in the answer that made it, and in no other. */
#include <stdio.h>

#include "bouncer/http/parts.h"
#include "lib/net/url_reach.h"
#include "lib/obs/log.h"

struct making {
	struct webhook_row row;
	struct url_target target;
	uint64_t version;	 /* of what it changes; 0: nothing is there */
	struct url_reach *reach; /* NULL: none is under way */
	const char *shown;	 /* the secret; NULL: it is not shown */
	const char *what;	 /* for the log */
};

static const char *url_of(struct bouncer_visit *visit, const struct making *making)
{
	return arena_cstr(visit->api.arena, making->row.url);
}

/* ---- keeping it ---- */

static void on_kept(void *owner, enum err err)
{
	struct bouncer_visit *visit = owner;
	const struct making *making = visit->work;
	if (err) {
		api_fail(&visit->api, err, "it was not kept, try again later");
	} else {
		log_event(EV_webhook_changed, F_BYTES("webhook", making->row.name),
			  F_TEXT("change", making->what),
			  F_TEXT("by", visit->api.key->settings->name));
		webhook_answer(visit, making->row.name, making->shown);
	}
	bouncer_visit_end(visit);
}

/* DNS takes its time, and so does the broker: somebody else, another tenant even, may have taken the name meanwhile, or changed what is
 * there. */
static bool is_as_it_was(const struct bouncer_visit *visit, const struct making *making)
{
	struct webhook_view view;
	if (!webhooks_find(visit->of->options.webhooks, making->row.name, &view))
		return making->version == 0 &&
		       webhooks_count(visit->of->options.webhooks) < WEBHOOKS_ALL_MAX;
	return view.row && view.row->version == making->version;
}

static void keep(struct bouncer_visit *visit)
{
	const struct making *making = visit->work;
	struct webhooks *webhooks = visit->of->options.webhooks;
	visit->left = NULL;
	if (webhooks_is_changing(webhooks, making->row.name))
		api_refuse(&visit->api, 503, "it is being changed now: try again later");
	else if (!is_as_it_was(visit, making))
		api_refuse(&visit->api, 409, "it was changed meanwhile: look, and try again");
	else {
		webhooks_put(webhooks, &making->row, on_kept, visit);
		return;
	}
	bouncer_visit_end(visit);
}

/* ---- where it is ---- */

/* A host that DNS does not know yet is let through: it is asked about again before each request. */
static void on_reached(void *owner, const struct url_reached *reached)
{
	struct bouncer_visit *visit = owner;
	struct making *making = visit->work;
	making->reach = NULL;
	if (reached->err != E_REFUSED) {
		keep(visit);
		return;
	}
	api_refuse(&visit->api, 422, "url: its host has special addresses only");
	bouncer_visit_end(visit);
}

static void on_left(struct bouncer_visit *visit)
{
	struct making *making = visit->work;
	url_reach_cancel(&making->reach);
	bouncer_visit_end(visit);
}

static void begin(struct bouncer_visit *visit, struct making *making)
{
	visit->work = making;
	bouncer_visit_begin(visit);
	if (url_target_parse(url_of(visit, making), &making->target, NULL) != OK ||
	    making->target.is_address) {
		keep(visit);
		return;
	}
	visit->left = on_left;
	struct webhooks *webhooks = visit->of->options.webhooks;
	const struct url_reach_options reach = {.loop = visit->of->options.node.loop,
						.resolver = webhooks_resolver(webhooks),
						.target = &making->target,
						.allowed =
							webhooks_place(webhooks)->allow_networks};
	making->reach = url_reach_start(&reach, on_reached, visit);
}

/* ---- what is wanted ---- */

static bool read_body(struct bouncer_visit *visit, struct webhook_row *ret)
{
	struct why why = {""};
	struct bytes body = BYTES_NONE;
	bool is_packed;
	if (!api_coding(&visit->api, &is_packed))
		return false;
	enum err err = api_unpack(&visit->api, is_packed, &body, &why);
	if (!err && visit->api.argument)
		body = json_with(visit, "name", bytes_of(visit->api.argument), body);
	if (!err)
		err = webhook_row_from_json(visit->api.arena, body, ret, &why);
	if (!err && (ret->mode || ret->mode_since_wall_ms || ret->created_wall_ms || ret->version))
		err = fail(&why, E_MALFORMED,
			   "mode, mode_since, created and version are not for clients to give");
	if (!err && ret->tenant.len == 0)
		ret->tenant = visit_tenant(visit);
	if (!err && !visit_may_see(visit, ret->tenant))
		err = fail(&why, E_REFUSED, "the API key is of another tenant");
	if (!err)
		err = webhook_row_check(ret, webhooks_place(visit->of->options.webhooks), &why);
	if (err)
		api_fail(&visit->api, err, why.text);
	return !err;
}

/* What a client need not repeat, and what only we know. */
static void complete(struct bouncer_visit *visit, struct making *making,
		     const struct webhook_row *present)
{
	struct webhook_row *row = &making->row;
	struct arena *arena = visit->api.arena;
	making->what = present ? "changed" : "made";
	making->version = present ? present->version : 0;
	row->created_wall_ms =
		present ? present->created_wall_ms : loop_wall_ms(visit->of->options.node.loop);
	row->mode = present ? present->mode : WEBHOOK_ROW_ON;
	row->mode_since_wall_ms = present ? present->mode_since_wall_ms : row->created_wall_ms;
	if (row->secret.len == 0 && present) {
		row->secret = arena_copy(arena, present->secret);
		if (row->old_secret.len == 0)
			row->old_secret = arena_copy(arena, present->old_secret);
	} else if (row->secret.len == 0) {
		char *secret = arena_alloc(arena, WEBHOOK_SECRET_SIZE);
		webhook_secret_new(secret);
		row->secret = bytes_of(secret);
		making->shown = secret;
	}
}

static bool has_room(struct bouncer_visit *visit)
{
	if (webhooks_count(visit->of->options.webhooks) < WEBHOOKS_ALL_MAX)
		return true;
	api_refuse(&visit->api, 409, "there are as many webhooks as may be");
	return false;
}

/* May a webhook of that name be made, or changed? Else 409 was answered. */
static bool is_free(struct bouncer_visit *visit, const struct webhook_view *view)
{
	if (!view->row)
		api_refuse(&visit->api, 409, "the webhook stands in the settings: change it there");
	else if (!visit_may_see(visit, bytes_of(view->settings->tenant)))
		api_refuse(&visit->api, 409, "the name is taken");
	else
		return true;
	return false;
}

static void make(struct api_visit *api, bool may_change)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct making *making = arena_zalloc(api->arena, 1, sizeof *making);
	struct webhook_view view;
	if (!read_body(visit, &making->row))
		return;
	bool is_there = webhooks_find(visit->of->options.webhooks, making->row.name, &view);
	if (is_there ? !is_free(visit, &view) : !has_room(visit))
		return;
	complete(visit, making, is_there ? view.row : NULL);
	bool is_same = is_there && webhook_row_same(&making->row, view.row);
	if (is_same)
		webhook_answer(visit, making->row.name, NULL);
	else if (is_there && !may_change)
		api_refuse(api, 409, "there is another webhook of that name: PUT changes it");
	else
		begin(visit, making);
}

void http_webhooks_post(struct api_visit *api)
{
	make(api, false);
}

void http_webhooks_put(struct api_visit *api)
{
	make(api, true);
}

/* ---- another secret ---- */

static struct webhook_row copy_of(struct arena *arena, const struct webhook_row *row)
{
	struct webhook_row copy = *row;
	copy.name = arena_copy(arena, row->name);
	copy.url = arena_copy(arena, row->url);
	copy.secret = arena_copy(arena, row->secret);
	copy.old_secret = arena_copy(arena, row->old_secret);
	copy.tenant = arena_copy(arena, row->tenant);
	copy.events = arena_zalloc(arena, row->event_count, sizeof copy.events[0]);
	for (size_t i = 0; i < row->event_count; i++)
		copy.events[i] = arena_copy(arena, row->events[i]);
	return copy;
}

/* Both sign until the next time, but for keep_old=false: then receivers have to know the new one at once. */
void http_webhooks_secret(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct webhook_view view;
	struct bytes keep_old = BYTES("true");
	(void)api_query(api, "keep_old", &keep_old);
	if (!bytes_is(keep_old, "true") && !bytes_is(keep_old, "false")) {
		api_refuse(api, 400, "keep_old is true or false");
		return;
	}
	if (!webhook_of_path(visit, &view) || !is_free(visit, &view))
		return;
	struct making *making = arena_zalloc(api->arena, 1, sizeof *making);
	char *secret = arena_alloc(api->arena, WEBHOOK_SECRET_SIZE);
	webhook_secret_new(secret);
	making->what = "secret";
	making->version = view.row->version;
	making->row = copy_of(api->arena, view.row);
	making->row.old_secret = bytes_is(keep_old, "true") ? making->row.secret : BYTES_NONE;
	making->row.secret = bytes_of(secret);
	making->shown = secret;
	visit->work = making;
	bouncer_visit_begin(visit);
	keep(visit);
}

/* ---- the end of one ---- */

static void on_removed(void *owner, enum err err)
{
	struct bouncer_visit *visit = owner;
	if (err) {
		api_fail(&visit->api, err, "it was not deleted, try again later");
	} else {
		log_event(EV_webhook_changed, F_TEXT("webhook", visit->api.argument),
			  F_TEXT("change", "deleted"),
			  F_TEXT("by", visit->api.key->settings->name));
		api_answer(&visit->api, 200, BYTES("{\"deleted\":true}\n"));
	}
	bouncer_visit_end(visit);
}

void http_webhooks_delete(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct webhook_view view;
	if (!webhook_of_path(visit, &view) || !is_free(visit, &view))
		return;
	bouncer_visit_begin(visit);
	webhooks_remove(visit->of->options.webhooks, bytes_of(api->argument), on_removed, visit);
}
