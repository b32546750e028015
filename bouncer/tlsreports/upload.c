/* looking up -- an address that may be reached --> calling --> done
 *            '- none ------------------------------------------^   */
#include "bouncer/tlsreports/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "bouncer/telling/webhook_rules.h"
#include "bouncer/tlsreports/compose.h"
#include "lib/base/memory.h"

#define PINNED_MAX 8 /* addresses */
#define TIMEOUT_MS 60000

struct tls_upload {
	struct tls_upload_options options;
	struct webhook_target target;
	char pinned[sizeof((struct webhook_target *)NULL)->host + 16 +
		    PINNED_MAX * (NET_ADDRESS_SIZE + 3)];
	struct lookup *lookup;
	struct http_call *call;
	struct task fail_later; /* what failed at once is told later */
	struct why why;
	enum err err;
	void (*done)(void *owner, enum err err, const char *why);
	void *owner;
};

static void finish(struct tls_upload *upload, enum err err, const char *why)
{
	upload->done(upload->owner, err, why);
	task_cancel(&upload->fail_later, upload->options.loop);
	free(upload);
}

static void tell_failure(void *owner)
{
	struct tls_upload *upload = owner;
	finish(upload, upload->err, upload->why.text);
}

static void fail_soon(struct tls_upload *upload, enum err err, const char *reason)
{
	upload->err = fail(&upload->why, err, "%s", reason);
	loop_defer(upload->options.loop, &upload->fail_later);
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

static void call(struct tls_upload *upload)
{
	static const char *const headers[] = {"User-Agent: Leveret"};
	const struct http_call_options options = {
		.url = upload->options.uri,
		.body = upload->options.packed,
		.content_type = TLS_REPORT_MEDIA_TYPE,
		.headers = headers,
		.header_count = 1,
		.timeout_ms = TIMEOUT_MS,
		.pinned = upload->pinned[0] ? upload->pinned : NULL,
	};
	enum err err =
		http_call_start(upload->options.client, &options, on_answer, upload, &upload->call);
	if (err)
		fail_soon(upload, err, "the request cannot be made");
}

static void on_looked_up(void *owner, const struct address_answer *answer)
{
	struct tls_upload *upload = owner;
	size_t count = 0;
	upload->lookup = NULL;
	size_t len = (size_t)snprintf(upload->pinned, sizeof upload->pinned,
				      "%s:%u:", upload->target.host, (unsigned)upload->target.port);
	for (size_t i = 0; i < answer->count && count < PINNED_MAX; i++) {
		char ip[NET_ADDRESS_SIZE];
		bool is_v6 = answer->addresses[i].sa.any.sa_family == AF_INET6;
		if (!webhook_may_reach(&answer->addresses[i],
				       &upload->options.settings->allow_networks))
			continue;
		net_address_ip_text(&answer->addresses[i], ip);
		len += (size_t)snprintf(upload->pinned + len, sizeof upload->pinned - len,
					is_v6 ? "%s[%s]" : "%s%s", count > 0 ? "," : "", ip);
		count++;
	}
	if (count > 0)
		call(upload);
	else if (answer->count > 0)
		fail_soon(upload, E_REFUSED, "its addresses are special ones");
	else
		fail_soon(upload, E_NOT_FOUND, "DNS knows no address of it");
}

struct tls_upload *tls_upload_start(const struct tls_upload_options *options,
				    void (*done)(void *owner, enum err err, const char *why),
				    void *owner)
{
	struct tls_upload *upload = memory_new(sizeof *upload);
	upload->options = *options;
	upload->done = done;
	upload->owner = owner;
	upload->fail_later = (struct task){.run = tell_failure, .owner = upload};
	if (webhook_target_parse(options->uri, &upload->target, NULL) != OK ||
	    !upload->target.is_https)
		fail_soon(upload, E_REFUSED, "not a URL that we call");
	else if (!upload->target.is_address)
		upload->lookup = resolver_addresses(options->resolver, upload->target.host,
						    on_looked_up, upload);
	else if (webhook_may_reach(&upload->target.address, &options->settings->allow_networks))
		call(upload);
	else
		fail_soon(upload, E_REFUSED, "a special address");
	return upload;
}

void tls_upload_cancel(struct tls_upload **upload)
{
	struct tls_upload *ending = *upload;
	*upload = NULL;
	if (!ending)
		return;
	lookup_cancel(&ending->lookup);
	http_call_cancel(&ending->call);
	task_cancel(&ending->fail_later, ending->options.loop);
	free(ending);
}
