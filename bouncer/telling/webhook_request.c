#include "bouncer/telling/webhook_request.h"

#include "lib/base/memory.h"

struct webhook_request *webhook_request_new(struct webhook *webhook, int64_t now_ms)
{
	struct webhook_request *request = memory_new(sizeof *request);
	request->webhook = webhook;
	request->begun_at_ms = now_ms;
	buf_init(&request->body, EVENT_JSON_MAX + 16);
	return request;
}

void webhook_request_free(struct webhook_request *request)
{
	webhook_post_cancel(&request->post);
	buf_done(&request->body);
	free(request->holds);
	free(request);
}

static void share(struct webhook_request *request, struct hold *hold)
{
	if (request->hold_count > 0 && request->holds[request->hold_count - 1] == hold)
		return;
	request->holds =
		memory_grow(request->holds, request->hold_count + 1, sizeof(struct hold *));
	request->holds[request->hold_count++] = hold;
	hold->parts++;
}

bool webhook_request_add(struct webhook_request *request, struct hold *hold,
			 const struct bouncer_event *event)
{
	struct buf text;
	buf_init(&text, EVENT_JSON_MAX);
	enum err err = bouncer_event_to_json(event, &text);
	bool fits =
		!err && (request->count == 0 || request->body.len + text.len < REQUEST_BODY_MAX);
	if (fits)
		err = buf_append_text(&request->body, request->count > 0 ? "," : "[");
	if (fits && !err)
		err = buf_append(&request->body, buf_bytes(&text));
	buf_done(&text);
	if (err || !fits)
		return false;
	request->count++;
	share(request, hold);
	return true;
}

void webhook_request_close(struct webhook_request *request)
{
	if (buf_append_text(&request->body, "]"))
		abort(); /* there is always room for it */
	webhook_id(buf_bytes(&request->body), request->id);
}

int64_t webhook_request_oldest_wall_ms(const struct webhook_request *request)
{
	int64_t oldest = INT64_MAX;
	for (size_t i = 0; i < request->hold_count; i++)
		if (request->holds[i]->oldest_wall_ms < oldest)
			oldest = request->holds[i]->oldest_wall_ms;
	return oldest;
}
