/* What every endpoint does with its request: unpack the body, answer, refuse. */
#include "ingest/http_visit.h"

#include <stdio.h>
#include <strings.h>

#include "ingest/http/problem.h"
#include "lib/obs/log.h"

#define RETRY_AFTER_S  "5"
#define GZIP_RATIO_MAX 100
#define GZIP_ROOM      ((size_t)1 << 20) /* a small text may shrink more than that */

/* ---- the body ---- */

bool visit_coding(struct visit *visit, bool *ret_is_packed)
{
	const char *encoding = http_exchange_header(visit->exchange, "Content-Encoding");
	*ret_is_packed = encoding && strcasecmp(encoding, "gzip") == 0;
	if (!encoding || *ret_is_packed || strcasecmp(encoding, "identity") == 0)
		return true;
	visit_refuse(visit, 415, "Content-Encoding must be gzip or absent");
	return false;
}

enum err visit_unpack(struct visit *visit, bool is_packed, struct bytes *ret, struct why *why)
{
	struct bytes body = buf_bytes(&visit->body);
	size_t max = (size_t)visit->door->options.listener->max_request_size;
	*ret = body;
	if (!is_packed)
		return OK;
	if (body.len < max / GZIP_RATIO_MAX && body.len * GZIP_RATIO_MAX + GZIP_ROOM < max)
		max = body.len * GZIP_RATIO_MAX + GZIP_ROOM;
	return gunzip(visit->arena, body, max, ret, why);
}

/* ---- answers ---- */

static void give(struct visit *visit, const struct http_reply *reply)
{
	visit->is_answered = true;
	if (visit->exchange)
		http_exchange_answer(visit->exchange, reply);
}

void visit_answer(struct visit *visit, unsigned status, struct bytes json)
{
	struct http_reply reply = {
		.status = status, .content_type = "application/json", .body = json};
	give(visit, &reply);
}

static void on_kept(void *owner)
{
	struct visit *visit = owner;
	visit->idempotent = NULL;
	visit->is_keeping = false;
	if (visit->kept_detail)
		visit_refuse(visit, visit->kept_status, visit->kept_detail);
	else
		visit_answer(visit, visit->kept_status, visit->kept_body);
	visit_release(visit);
}

void visit_answer_kept(struct visit *visit, unsigned status, struct bytes json)
{
	if (!visit->idempotent) {
		visit_answer(visit, status, json);
		return;
	}
	visit->kept_status = status;
	visit->kept_body = arena_copy(visit->arena, json);
	visit->is_keeping = true;
	idempotent_keep(visit->idempotent, status, visit->kept_body, on_kept, visit);
}

void visit_refuse_noted(struct visit *visit, unsigned status, const char *detail,
			struct bytes progress)
{
	visit->kept_status = status;
	visit->kept_detail = detail;
	visit->is_keeping = true;
	idempotent_note(visit->idempotent, progress, on_kept, visit);
}

static void log_refused(const struct visit *visit, unsigned status, const char *detail)
{
	char code[12], ip[NET_ADDRESS_SIZE] = "";
	(void)snprintf(code, sizeof code, "%u", status);
	if (visit->exchange)
		net_address_ip_text(http_exchange_remote(visit->exchange), ip);
	log_event(
		EV_http_request_refused, F_TEXT("status", code),
		F_TEXT("path", visit->endpoint ? visit->endpoint->path : ""), F_TEXT("why", detail),
		F_TEXT("key", visit->key ? visit->key->settings->name : ""), F_TEXT("client", ip));
}

/* `out` holds a problem document, `field` (name NULL: none) goes with it. */
static void send_problem(struct visit *visit, unsigned status, const struct buf *out,
			 struct http_field field)
{
	struct http_reply reply = {
		.status = status,
		.content_type = PROBLEM_CONTENT_TYPE,
		.body = buf_bytes(out),
		.fields = &field,
		.field_count = field.name ? 1 : 0,
	};
	give(visit, &reply);
}

void visit_refuse_with(struct visit *visit, unsigned status, const char *detail,
		       struct http_field field)
{
	struct buf out;
	buf_init(&out, PROBLEM_MAX);
	problem_write(status, detail, &out);
	log_refused(visit, status, detail);
	send_problem(visit, status, &out, field);
	buf_done(&out);
}

void visit_refuse(struct visit *visit, unsigned status, const char *detail)
{
	struct http_field field = {NULL, NULL};
	if (status == 503)
		field = (struct http_field){"Retry-After", RETRY_AFTER_S};
	visit_refuse_with(visit, status, detail, field);
}

void visit_fail(struct visit *visit, enum err err, const char *detail)
{
	visit_refuse(visit, problem_status(err), detail);
}

void visit_refuse_all(struct visit *visit, const char *detail)
{
	struct buf out;
	buf_init(&out, VERDICTS_TEXT_MAX);
	problem_begin(422, detail, &out);
	enum err err = buf_append_text(&out, ",\"recipients\":");
	verdicts_write(visit->intake.verdicts, visit->intake.verdict_count, &out);
	err = err == OK ? buf_append_text(&out, "}\n") : err;
	(void)err;
	log_refused(visit, 422, detail);
	send_problem(visit, 422, &out, (struct http_field){NULL, NULL});
	buf_done(&out);
}
