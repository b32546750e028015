/* See unsubscribe.h. Answers are pages for people: providers look at the status alone. */
#include "bouncer/inbound/unsubscribe.h"

#include <string.h>

#include "lib/api/door.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define HEAD_BYTES_MAX 8192
#define BODY_MAX       4096
#define MEMORY_MAX     (4u << 20)
#define CLIENTS_MAX    2000
#define STEP_MS	       15000

struct unsubscribe {
	struct unsubscribe_options options;
	struct api_door *door;
	struct conf_cidr everybody[2];
	struct conf_cidr_list allowed;
};

struct visit {
	struct api_visit api; /* first */
	size_t unkept;
	enum err err; /* the first */
};

/* ---- pure ---- */

struct bytes unsubscribe_claim_of(struct bytes path)
{
	size_t at = path.len;
	while (at > 0 && path.data[at - 1] != '/')
		at--;
	return bytes_skip(path, at);
}

static bool has(struct bytes body, const char *text)
{
	return body.len > 0 && memmem(body.data, body.len, text, strlen(text));
}

bool unsubscribe_is_wanted(struct bytes body)
{
	return has(body, "List-Unsubscribe=One-Click") ||
	       (has(body, "name=\"List-Unsubscribe\"") && has(body, "One-Click"));
}

/* ---- pages ---- */

static void answer_page(struct visit *visit, unsigned status, const char *text, const char *more)
{
	static const struct http_field fields[] = {
		{"Cache-Control", "no-store"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Robots-Tag", "noindex, nofollow"},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy",
		 "default-src 'none'; form-action 'self'; frame-ancestors 'none'"},
	};
	const char *page =
		arena_printf(visit->api.arena,
			     "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			     "<meta name=\"viewport\" content=\"width=device-width\">"
			     "<title>Unsubscribe</title></head><body><p>%s</p>%s</body></html>\n",
			     text, more);
	const struct http_reply reply = {.status = status,
					 .content_type = "text/html; charset=utf-8",
					 .body = bytes_of(page),
					 .fields = fields,
					 .field_count = CONF_COUNT(fields)};
	api_answer_with(&visit->api, &reply);
}

/* False: an answer was given. */
static bool find_claim(struct visit *visit, struct claim *ret)
{
	const struct unsubscribe *unsubscribe = api_door_owner(visit->api.door);
	const struct returns *returns = unsubscribe->options.returns;
	struct bytes text = unsubscribe_claim_of(bytes_of(visit->api.argument));
	enum err err = claim_check(returns_keys(returns), CLAIM_UNSUBSCRIBE, text,
				   loop_wall_ms(unsubscribe->options.loop),
				   (unsigned)returns_settings(returns)->unsubscribe_days,
				   visit->api.arena, ret);
	if (err == E_TIMEOUT)
		answer_page(visit, 410, "This link is too old. Please use one of a newer mail.",
			    "");
	else if (err)
		answer_page(visit, 404, "This is not a link from a mail of ours.", "");
	return err == OK;
}

static void run_get(struct api_visit *api)
{
	struct visit *visit = (struct visit *)api;
	struct claim claim;
	if (find_claim(visit, &claim))
		answer_page(visit, 200, "Do you want no more of these mails?",
			    "<form method=\"post\"><input type=\"hidden\" "
			    "name=\"List-Unsubscribe\" value=\"One-Click\">"
			    "<button type=\"submit\">Unsubscribe</button></form>");
}

/* ---- unsubscribing ---- */

static void on_kept(void *owner, enum err err)
{
	struct visit *visit = owner;
	const struct unsubscribe *unsubscribe = api_door_owner(visit->api.door);
	if (err == E_IO)
		unsubscribe->options.store_failed(err);
	if (!visit->err)
		visit->err = err;
	if (--visit->unkept > 0)
		return;
	if (visit->api.is_gone)
		api_visit_free(&visit->api);
	else if (visit->err)
		answer_page(visit, 503, "This does not work right now. Please try again later.",
			    "");
	else
		answer_page(visit, 200, "You get no more of these mails.", "");
}

static void on_told(void *owner, enum err err)
{
	on_kept(owner, err == E_TOO_BIG ? OK : err);
}

static void note(struct visit *visit, const struct claim *claim)
{
	struct unsubscribe *unsubscribe = api_door_owner(visit->api.door);
	int64_t now = loop_wall_ms(unsubscribe->options.loop);
	const struct happening happening = {
		.outcome = OUTCOME_UNSUBSCRIBE,
		.address = claim->recipient,
		.tenant = claim->tenant,
		.stream = claim->pool,
		.message_id = claim->message_id,
		.evidence = BYTES("one-click"),
		.origin = ORIGIN_REPORT,
		.at_wall_ms = now,
	};
	struct bouncer_event event = {
		.kind = EVENT_UNSUBSCRIBED,
		.at_wall_ms = now,
		.has_result = true,
		.result = {.id = claim->message_id,
			   .recipient = claim->recipient,
			   .event = RESULT_DELIVERED,
			   .at_wall_ms = now,
			   .pool = claim->pool,
			   .labels = {.tenant = claim->tenant, .campaign = claim->campaign}},
		.report = BYTES("one-click"),
		.is_verified = true,
	};
	log_event(EV_returned_mail_read, F_TEXT("kind", "one-click"), F_TEXT("outcome", "acted"),
		  F_BYTES("message", claim->message_id), F_BYTES("recipient", claim->recipient));
	visit->unkept = 2;
	suppressor_note(unsubscribe->options.suppressor, &happening, on_kept, visit);
	teller_tell(unsubscribe->options.teller, &event, 1, on_told, visit);
}

static void run_post(struct api_visit *api)
{
	struct visit *visit = (struct visit *)api;
	struct claim claim;
	if (!find_claim(visit, &claim))
		return;
	if (unsubscribe_is_wanted(buf_bytes(&api->body)))
		note(visit, &claim);
	else
		answer_page(visit, 400, "This request lacks List-Unsubscribe=One-Click.", "");
}

static const struct api_endpoint endpoints[] = {
	{"GET", "/{claim}", 0, 0, run_get},
	{"POST", "/{claim}", 0, 0, run_post},
};

/* ---- the listener ---- */

static void on_gone(struct api_visit *api)
{
	if (((struct visit *)api)->unkept == 0)
		api_visit_free(api);
}

static void on_drained(void *owner)
{
	(void)owner;
}

static const struct api_handler handler = {
	.visit_size = sizeof(struct visit),
	.gone = on_gone,
	.drained = on_drained,
};

enum err unsubscribe_open(const struct unsubscribe_options *options, struct unsubscribe **ret,
			  struct why *why)
{
	struct unsubscribe *unsubscribe = memory_new(sizeof *unsubscribe);
	unsubscribe->options = *options;
	unsubscribe->everybody[0] = (struct conf_cidr){.family = AF_INET};
	unsubscribe->everybody[1] = (struct conf_cidr){.family = AF_INET6};
	unsubscribe->allowed = (struct conf_cidr_list){unsubscribe->everybody, 2};
	const struct api_door_options door = {
		.loop = options->loop,
		.listener = "bouncer.unsubscribe_listen",
		.address = options->address,
		.allow_from = &unsubscribe->allowed,
		.certificate = options->certificate[0] ? options->certificate : NULL,
		.certificates = options->certificates,
		.service = {.connections_max = CLIENTS_MAX,
			    .connections_per_ip_max = CLIENTS_MAX, /* a proxy is one of them */
			    .head_bytes_max = HEAD_BYTES_MAX,
			    .head_ms = STEP_MS,
			    .body_ms = STEP_MS,
			    .idle_ms = STEP_MS,
			    .answer_ms = STEP_MS},
		.request_max = BODY_MAX,
		.memory_max = MEMORY_MAX,
		.endpoints = endpoints,
		.endpoint_count = CONF_COUNT(endpoints),
		.handler = &handler,
		.owner = unsubscribe,
	};
	enum err err = api_door_open(&door, &unsubscribe->door, why);
	if (err)
		free(unsubscribe);
	else
		*ret = unsubscribe;
	return err;
}

void unsubscribe_reload(struct unsubscribe *unsubscribe)
{
	api_door_reload(unsubscribe->door);
}

void unsubscribe_stop(struct unsubscribe *unsubscribe)
{
	api_door_stop(unsubscribe->door);
}

void unsubscribe_close(struct unsubscribe *unsubscribe)
{
	api_door_close(unsubscribe->door);
}

void unsubscribe_free(struct unsubscribe **unsubscribe)
{
	struct unsubscribe *freeing = *unsubscribe;
	*unsubscribe = NULL;
	if (!freeing)
		return;
	api_door_free(&freeing->door);
	free(freeing);
}
