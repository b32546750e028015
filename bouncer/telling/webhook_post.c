/* looking up -- an address that may be reached --> calling --> done
 *            '- none ------------------------------------------^   */
#include "bouncer/telling/webhook_post.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

#define ANSWER_MAX	 ((size_t)64 << 10)
#define PINNED_MAX	 8 /* addresses */
#define CONTENT_TYPE	 "application/json"
#define SIGNATURES_COUNT 2

struct webhook_post {
	struct webhook_line *line;
	char id[WEBHOOK_ID_SIZE];
	struct bytes body;
	char pinned[sizeof((struct webhook_target *)NULL)->host + 16 +
		    PINNED_MAX * (NET_ADDRESS_SIZE + 3)];
	struct lookup *lookup;
	struct http_call *call;
	struct task fail_later; /* what failed at once is told later */
	struct why why;
	enum err err;
	void (*done)(void *owner, const struct webhook_outcome *outcome);
	void *owner;
};

static void finish(struct webhook_post *post, const struct webhook_outcome *outcome)
{
	post->done(post->owner, outcome);
	task_cancel(&post->fail_later, post->line->loop);
	free(post);
}

static void tell_failure(void *owner)
{
	struct webhook_post *post = owner;
	const struct webhook_outcome outcome = {.err = post->err, .why = post->why.text};
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

static void call(struct webhook_post *post)
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
		.pinned = post->pinned[0] ? post->pinned : NULL,
	};
	post->err = http_call_start(line->client, &options, on_answer, post, &post->call);
	if (post->err) {
		(void)fail(&post->why, post->err, "the request cannot be made: %s",
			   err_text(post->err));
		loop_defer(line->loop, &post->fail_later);
	}
}

/* ---- where to ---- */

static void refuse(struct webhook_post *post, enum err err, const char *reason)
{
	post->err = fail(&post->why, err, "%s: %s", post->line->target.host, reason);
	loop_defer(post->line->loop, &post->fail_later);
}

static void pin(struct webhook_post *post, const struct address_answer *answer)
{
	const struct webhook_line *line = post->line;
	size_t count = 0;
	size_t len = (size_t)snprintf(post->pinned, sizeof post->pinned,
				      "%s:%u:", line->target.host, (unsigned)line->target.port);
	for (size_t i = 0; i < answer->count && count < PINNED_MAX; i++) {
		char ip[NET_ADDRESS_SIZE];
		bool is_v6 = answer->addresses[i].sa.any.sa_family == AF_INET6;
		if (!webhook_may_reach(&answer->addresses[i], &line->settings->allow_networks))
			continue;
		net_address_ip_text(&answer->addresses[i], ip);
		len += (size_t)snprintf(post->pinned + len, sizeof post->pinned - len,
					is_v6 ? "%s[%s]" : "%s%s", count > 0 ? "," : "", ip);
		count++;
	}
	if (count > 0)
		call(post);
	else
		refuse(post, E_REFUSED,
		       "its addresses are special ones, which allow_networks does not name");
}

static void on_looked_up(void *owner, const struct address_answer *answer)
{
	struct webhook_post *post = owner;
	post->lookup = NULL;
	if (answer->outcome == DNS_FOUND)
		pin(post, answer);
	else
		refuse(post, E_NOT_FOUND, "DNS knows no address of it");
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
	post->fail_later = (struct task){.run = tell_failure, .owner = post};
	if (!line->target.is_address)
		post->lookup =
			resolver_addresses(line->resolver, line->target.host, on_looked_up, post);
	else if (webhook_may_reach(&line->target.address, &line->settings->allow_networks))
		call(post);
	else
		refuse(post, E_REFUSED, "a special address, which allow_networks does not name");
	return post;
}

void webhook_post_cancel(struct webhook_post **post)
{
	struct webhook_post *ending = *post;
	*post = NULL;
	if (!ending)
		return;
	if (ending->lookup)
		lookup_cancel(&ending->lookup);
	http_call_cancel(&ending->call);
	task_cancel(&ending->fail_later, ending->line->loop);
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
	if (webhook_target_parse(settings->url, &line->target, NULL) != OK)
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
