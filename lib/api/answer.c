/* What every endpoint does with its request: unpack the body, answer, refuse. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/api/door_parts.h"
#include "lib/api/problem.h"
#include "lib/obs/log.h"
#include "schemas/schemas.h"

#define RETRY_AFTER_S  "5"
#define GZIP_RATIO_MAX 100
#define GZIP_ROOM      ((size_t)1 << 20) /* a small text may shrink more than that */

/* ---- the request ---- */

bool api_coding(struct api_visit *visit, bool *ret_is_packed)
{
	const char *encoding = http_exchange_header(visit->exchange, "Content-Encoding");
	*ret_is_packed = encoding && strcasecmp(encoding, "gzip") == 0;
	if (!encoding || *ret_is_packed || strcasecmp(encoding, "identity") == 0)
		return true;
	api_refuse(visit, 415, "Content-Encoding must be gzip or absent");
	return false;
}

/* What is longer than it may be will be refused for that. */
bool api_has_room_to_unpack(struct api_visit *visit)
{
	struct api_door *door = visit->door;
	size_t size = gunzip_size(buf_bytes(&visit->body));
	if (size > door->options.request_max)
		return true;
	if (!api_door_has_room(door, size)) {
		api_refuse(visit, 503, "busy, try again later");
		return false;
	}
	visit->unpacked_bytes = size;
	door->body_bytes += size;
	return true;
}

enum err api_unpack(struct api_visit *visit, bool is_packed, struct bytes *ret, struct why *why)
{
	struct bytes body = buf_bytes(&visit->body);
	size_t max = visit->door->options.request_max;
	*ret = body;
	if (!is_packed)
		return OK;
	if (body.len < max / GZIP_RATIO_MAX && body.len * GZIP_RATIO_MAX + GZIP_ROOM < max)
		max = body.len * GZIP_RATIO_MAX + GZIP_ROOM;
	return gunzip(visit->arena, body, max, ret, why);
}

struct sought {
	struct arena *arena;
	const char *name;
	struct bytes value;
	bool is_found;
};

static void seek(void *owner, const char *name, struct bytes value)
{
	struct sought *sought = owner;
	if (sought->is_found || strcmp(name, sought->name) != 0)
		return;
	sought->value = arena_copy(sought->arena, value);
	sought->is_found = true;
}

bool api_query(struct api_visit *visit, const char *name, struct bytes *ret)
{
	struct sought sought = {.arena = visit->arena, .name = name};
	http_exchange_each_query(visit->exchange, seek, &sought);
	if (sought.is_found)
		*ret = sought.value;
	return sought.is_found;
}

/* ---- answers ---- */

void api_answer_with(struct api_visit *visit, const struct http_reply *reply)
{
	visit->is_answered = true;
	if (visit->exchange)
		http_exchange_answer(visit->exchange, reply);
}

void api_answer(struct api_visit *visit, unsigned status, struct bytes json)
{
	struct http_reply reply = {
		.status = status, .content_type = "application/json", .body = json};
	api_answer_with(visit, &reply);
}

static void log_refused(const struct api_visit *visit, unsigned status, const char *detail)
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

/* `field`: its name NULL: none. */
static void send_problem(struct api_visit *visit, unsigned status, const struct buf *document,
			 struct http_field field)
{
	struct http_reply reply = {
		.status = status,
		.content_type = PROBLEM_CONTENT_TYPE,
		.body = buf_bytes(document),
		.fields = &field,
		.field_count = field.name ? 1 : 0,
	};
	api_answer_with(visit, &reply);
}

void api_refuse_document(struct api_visit *visit, unsigned status, const char *detail,
			 const struct buf *document)
{
	log_refused(visit, status, detail);
	send_problem(visit, status, document, (struct http_field){NULL, NULL});
}

void api_refuse_with(struct api_visit *visit, unsigned status, const char *detail,
		     struct http_field field)
{
	struct buf out;
	buf_init(&out, PROBLEM_MAX);
	problem_write(status, detail, &out);
	log_refused(visit, status, detail);
	send_problem(visit, status, &out, field);
	buf_done(&out);
}

void api_refuse(struct api_visit *visit, unsigned status, const char *detail)
{
	struct http_field field = {NULL, NULL};
	if (status == 503)
		field = (struct http_field){"Retry-After", RETRY_AFTER_S};
	api_refuse_with(visit, status, detail, field);
}

void api_fail(struct api_visit *visit, enum err err, const char *detail)
{
	api_refuse(visit, problem_status(err), detail);
}
