/* finding where to -- an address that may be reached --> calling --> done
 *                  '- none, or no such URL ---------------------------^   */
#include "bouncer/tlsreports/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "bouncer/tlsreports/compose.h"
#include "lib/base/memory.h"
#include "lib/net/url_reach.h"

#define TIMEOUT_MS 60000

struct tls_upload {
	struct tls_upload_options options;
	struct url_target target;
	struct url_reach *reach;
	struct http_call *call;
	struct task refuse_later; /* what is no URL is told later */
	void (*done)(void *owner, enum err err, const char *why);
	void *owner;
};

static void finish(struct tls_upload *upload, enum err err, const char *why)
{
	upload->done(upload->owner, err, why);
	free(upload);
}

static void refuse(void *owner)
{
	finish(owner, E_REFUSED, "not a URL that we call");
}

/* Those that say "not now" may say otherwise later, and so may servers that fail. */
enum err tls_upload_judge(long status)
{
	if (status >= 200 && status < 300)
		return OK;
	return status == 408 || status == 425 || status == 429 || status >= 500 ? E_IO : E_REFUSED;
}

static void on_answer(void *owner, enum err err, const struct http_response *response,
		      const struct why *why)
{
	struct tls_upload *upload = owner;
	char text[64] = "";
	upload->call = NULL;
	if (!err)
		(void)snprintf(text, sizeof text, "HTTP status %ld", response->status);
	finish(upload, err ? err : tls_upload_judge(response->status), err ? why->text : text);
}

static void call(struct tls_upload *upload, const char *pinned)
{
	static const char *const headers[] = {"User-Agent: Leveret"};
	const struct http_call_options options = {
		.url = upload->options.uri,
		.body = upload->options.packed,
		.content_type = TLS_REPORT_MEDIA_TYPE,
		.headers = headers,
		.header_count = 1,
		.timeout_ms = TIMEOUT_MS,
		.pinned = pinned,
	};
	enum err err =
		http_call_start(upload->options.client, &options, on_answer, upload, &upload->call);
	if (err)
		finish(upload, err, "the request cannot be made");
}

static void on_reached(void *owner, const struct url_reached *reached)
{
	struct tls_upload *upload = owner;
	upload->reach = NULL;
	if (reached->err)
		finish(upload, reached->err, reached->why);
	else
		call(upload, reached->pinned);
}

struct tls_upload *tls_upload_start(const struct tls_upload_options *options,
				    void (*done)(void *owner, enum err err, const char *why),
				    void *owner)
{
	struct tls_upload *upload = memory_new(sizeof *upload);
	upload->options = *options;
	upload->done = done;
	upload->owner = owner;
	upload->refuse_later = (struct task){.run = refuse, .owner = upload};
	const struct url_reach_options reach = {.loop = options->loop,
						.resolver = options->resolver,
						.target = &upload->target,
						.allowed = &options->settings->allow_networks};
	if (url_target_parse(options->uri, &upload->target, NULL) != OK || !upload->target.is_https)
		loop_defer(options->loop, &upload->refuse_later);
	else
		upload->reach = url_reach_start(&reach, on_reached, upload);
	return upload;
}

void tls_upload_cancel(struct tls_upload **upload)
{
	struct tls_upload *ending = *upload;
	*upload = NULL;
	if (!ending)
		return;
	url_reach_cancel(&ending->reach);
	http_call_cancel(&ending->call);
	task_cancel(&ending->refuse_later, ending->options.loop);
	free(ending);
}
