/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key and request give the same answer, for a day. */
#include <string.h>

#include "ingest/http_visit.h"

#define KEY_MAX 255

struct parts { /* what makes two requests the same */
	struct buf query;
	enum err err;
};

static void add_query(void *owner, const char *name, struct bytes value)
{
	struct parts *parts = owner;
	if (parts->err == OK)
		parts->err = buf_printf(&parts->query, "%s=%zu:", name, value.len);
	if (parts->err == OK)
		parts->err = buf_append(&parts->query, value);
}

static struct digest digest_of_request(const struct visit *visit)
{
	struct parts parts = {.err = OK};
	const char *type = http_exchange_header(visit->api.exchange, "Content-Type");
	buf_init(&parts.query, (size_t)1 << 20); /* the head is far smaller */
	http_exchange_each_query(visit->api.exchange, add_query, &parts);
	struct bytes all[] = {bytes_of(visit->api.endpoint->path), buf_bytes(&parts.query),
			      bytes_of(type), buf_bytes(&visit->api.body)};
	struct digest digest = digest_of_parts(all, sizeof all / sizeof all[0]);
	buf_done(&parts.query);
	return digest;
}

static bool is_key(const char *key)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < len; i++)
		if (key[i] < ' ' || key[i] > '~')
			return false;
	return len > 0 && len <= KEY_MAX;
}

/* The mail's id is the same when the request comes again, and goes on where an earlier try ended. */
static void identify(struct visit *visit, const struct digest *key, const struct digest *request,
		     struct bytes noted)
{
	progress_id(key, request, loop_wall_ms(visit->door->options.node.loop),
		    visit->idempotent_id);
	visit->has_progress = progress_decode(noted, &visit->progress);
	if (visit->has_progress)
		memcpy(visit->idempotent_id, visit->progress.id, ID_SIZE);
}

static void refuse(struct visit *visit, enum idempotency_state state)
{
	if (state == IDEMPOTENCY_OTHER)
		visit_refuse(visit, 422, "this Idempotency-Key was used for another request");
	else if (state == IDEMPOTENCY_RUNNING)
		visit_refuse(visit, 409,
			     "the first request with this Idempotency-Key is under way");
	else
		visit_refuse(visit, 503, "cannot tell whether this Idempotency-Key was used");
}

bool http_replay(struct visit *visit)
{
	const char *text = http_exchange_header(visit->api.exchange, "Idempotency-Key");
	struct idempotency_answer answer = {0};
	if (!text)
		return false;
	if (!is_key(text)) {
		visit_refuse(visit, 400, "Idempotency-Key: 1 to 255 printable ASCII characters");
		return true;
	}
	struct bytes names[] = {bytes_from(visit->api.key->digest.bytes, DIGEST_SIZE),
				bytes_of(text)};
	struct digest key = digest_of_parts(names, 2), request = digest_of_request(visit);
	enum idempotency_state state =
		idempotency_begin(visit->door->options.idempotency, &key, &request,
				  visit->api.arena, &visit->idempotent, &answer);
	if (state == IDEMPOTENCY_NEW || state == IDEMPOTENCY_RESUME) {
		identify(visit, &key, &request, answer.body);
		return false;
	}
	if (state == IDEMPOTENCY_REPLAY)
		visit_answer(visit, answer.status, answer.body);
	else
		refuse(visit, state);
	return true;
}
