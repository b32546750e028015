/* finding where to -- an address that may be reached --> calling --> done
 *                  '- none ------------------------------------------^   */
#include "bouncer/telling/webhook_post.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/url_reach.h"

#define ANSWER_MAX	 ((size_t)64 << 10)
#define CONTENT_TYPE	 "application/json"
#define SIGNATURES_COUNT 2

struct webhook_post {
	struct webhook_line *line;
	char id[WEBHOOK_ID_SIZE];
	struct bytes body;
	struct url_reach *reach;
	struct http_call *call;
	void (*done)(void *owner, const struct webhook_outcome *outcome);
	void *owner;
};

static void finish(struct webhook_post *post, const struct webhook_outcome *outcome)
{
	post->done(post->owner, outcome);
	free(post);
}

static void give_up(struct webhook_post *post, enum err err, const char *what, const char *reason)
{
	struct why why;
	const struct webhook_outcome outcome = {.err = fail(&why, err, "%s: %s", what, reason),
						.why = why.text};
	finish(post, &outcome);
}

static void on_answer(void *owner, enum err err, const struct http_response *response,
		      const struct why *why)
{
	struct webhook_post *post = owner;
	char text[64] = "";
	(void)snprintf(text, sizeof text, "HTTP status %ld", response->status);
	const struct webhook_outcome outcome = {
		.err = err,
		.status = response->status,
		.retry_after_s = response->retry_after_s,
		.why = err ? why->text : text,
	};
	post->call = NULL;
	finish(post, &outcome);
}

/* ---- calling ---- */

static void write_signatures(const struct webhook_post *post, int64_t now_s, char *out, size_t size)
{
	const struct webhook_line *line = post->line;
	size_t len = (size_t)snprintf(out, size, "webhook-signature:");
	for (size_t i = 0; i < line->key_count; i++) {
		char signature[WEBHOOK_SIGNATURE_SIZE];
		webhook_sign(&line->keys[i], post->id, now_s, post->body, signature);
		len += (size_t)snprintf(out + len, size - len, " %s", signature);
	}
}

static void call(struct webhook_post *post, const char *pinned)
{
	const struct webhook_line *line = post->line;
	char id[WEBHOOK_ID_SIZE + 16], time[48];
	char signatures[32 + SIGNATURES_COUNT * WEBHOOK_SIGNATURE_SIZE];
	int64_t now_s = loop_wall_ms(line->loop) / 1000;
	(void)snprintf(id, sizeof id, "webhook-id: %s", post->id);
	(void)snprintf(time, sizeof time, "webhook-timestamp: %" PRId64, now_s);
	write_signatures(post, now_s, signatures, sizeof signatures);
	const char *headers[] = {"User-Agent: Leveret", id, time, signatures};
	struct http_call_options options = {
		.url = line->settings->url,
		.body = post->body,
		.content_type = CONTENT_TYPE,
		.headers = headers,
		.header_count = line->key_count > 0 ? 4 : 3,
		.timeout_ms = line->settings->timeout,
		.pinned = pinned,
	};
	enum err err = http_call_start(line->client, &options, on_answer, post, &post->call);
	if (err)
		give_up(post, err, "the request cannot be made", err_text(err));
}

static void on_reached(void *owner, const struct url_reached *reached)
{
	struct webhook_post *post = owner;
	post->reach = NULL;
	if (reached->err)
		give_up(post, reached->err, post->line->target.host, reached->why);
	else
		call(post, reached->pinned);
}

struct webhook_post *
webhook_post_start(struct webhook_line *line, const char *id, struct bytes body,
		   void (*done)(void *owner, const struct webhook_outcome *outcome), void *owner)
{
	struct webhook_post *post = memory_new(sizeof *post);
	post->line = line;
	(void)snprintf(post->id, sizeof post->id, "%s", id);
	post->body = body;
	post->done = done;
	post->owner = owner;
	const struct url_reach_options reach = {.loop = line->loop,
						.resolver = line->resolver,
						.target = &line->target,
						.allowed = &line->settings->allow_networks};
	post->reach = url_reach_start(&reach, on_reached, post);
	return post;
}

void webhook_post_cancel(struct webhook_post **post)
{
	struct webhook_post *ending = *post;
	*post = NULL;
	if (!ending)
		return;
	url_reach_cancel(&ending->reach);
	http_call_cancel(&ending->call);
	free(ending);
}

/* ---- what requests share ---- */

static void add_key(struct webhook_line *line, const char *secret)
{
	if (secret[0] && webhook_key_parse(secret, &line->keys[line->key_count], NULL) == OK)
		line->key_count++;
}

void webhook_line_open(struct webhook_line *line, struct loop *loop, struct resolver *resolver,
		       const struct webhook_settings *settings)
{
	*line = (struct webhook_line){.loop = loop, .resolver = resolver, .settings = settings};
	if (url_target_parse(settings->url, &line->target, NULL) != OK)
		abort(); /* it was checked */
	add_key(line, settings->secret);
	add_key(line, settings->old_secret);
	const struct http_client_options client = {
		.loop = loop,
		.at_once = (unsigned)settings->requests,
		.calls_max = (unsigned)settings->requests + 1,
		.answer_max = ANSWER_MAX,
		.ca_file = settings->ca_file,
	};
	line->client = http_client_new(&client);
}

void webhook_line_close(struct webhook_line *line)
{
	http_client_free(&line->client);
}
