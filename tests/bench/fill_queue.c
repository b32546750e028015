/* Fills the queues of a settings file with delivery requests that are due later, as a site that defers everything would:
 *
 *   bench_fill_queue SETTINGS COUNT CONTENT_BYTES DUE_IN_S DOMAIN_COUNT
 *
 * for recipients ok-N@<N % DOMAIN_COUNT>.waiting.test. Ends when all are confirmed; prints messages per second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "leveret/settings.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "schemas/schemas.h"

#define WINDOW	 2000
#define HEAD_MAX 4096

struct filler {
	struct loop *loop;
	struct broker *broker;
	struct routing *routing;
	size_t count, content_bytes, domain_count, asked, confirmed, failed;
	int64_t due_wall_ms, started_wall_ms;
	struct blob *content;
	struct buf head;
	bool has_begun;
};

static struct bytes printed(char *out, size_t size, const char *format, size_t number)
{
	(void)snprintf(out, size, format, number);
	return bytes_of(out);
}

static void publish_next(struct filler *filler);

static void on_published(void *owner, enum err err)
{
	struct filler *filler = owner;
	filler->confirmed++;
	filler->failed += err != OK;
	if (filler->confirmed == filler->count)
		loop_stop(filler->loop);
	else
		publish_next(filler);
}

static void publish_one(struct filler *filler, size_t number)
{
	char id[32], address[96], domain[64], key[128];
	struct recipient recipient = {0};
	struct delivery_request request = {
		.id = printed(id, sizeof id, "fill-%zu", number),
		.sender = bytes_of("news@sender.test"),
		.recipients = &recipient,
		.recipient_count = 1,
		.pool = bytes_of("default"),
		.site = printed(domain, sizeof domain, "%zu.waiting.test",
				number % filler->domain_count),
		.accepted_wall_ms = filler->started_wall_ms,
		.expires_wall_ms = filler->started_wall_ms + 5LL * 86400 * 1000,
		.not_before_wall_ms = filler->due_wall_ms,
	};
	(void)snprintf(address, sizeof address, "ok-%zu@%s", number, domain);
	(void)snprintf(key, sizeof key, "default.%s", domain);
	recipient.address = bytes_of(address);
	recipient.attempt = 1;
	buf_clear(&filler->head);
	if (delivery_request_encode_head(&request, filler->content_bytes, &filler->head) != OK)
		abort();
	const struct publication publication = {.exchange = EXCHANGE_DELIVER,
						.key = key,
						.message_id = id,
						.head = buf_bytes(&filler->head),
						.tail = filler->content,
						.not_before_wall_ms = filler->due_wall_ms};
	broker_publish(filler->broker, &publication, on_published, filler);
}

static void publish_next(struct filler *filler)
{
	while (filler->asked < filler->count && filler->asked - filler->confirmed < WINDOW)
		publish_one(filler, filler->asked++);
}

static void on_state(void *owner, enum broker_state state)
{
	struct filler *filler = owner;
	if (state != BROKER_READY || filler->has_begun)
		return;
	filler->has_begun = true;
	publish_next(filler);
}

static struct blob *make_content(size_t size)
{
	char *text = memory_new(size + 1);
	for (size_t i = 0; i < size; i += 2)
		memcpy(text + i, i % 76 == 74 ? "\r\n" : "xy", 2);
	memcpy(text, "Subject: w\r\n\r\n", size < 14 ? size : 14);
	struct blob *content = blob_from_bytes(bytes_from(text, size));
	free(text);
	return content;
}

static int fill(struct filler *filler, const struct settings *settings)
{
	struct why why = {""};
	filler->started_wall_ms = clock_wall_ms(clock_system());
	filler->due_wall_ms += filler->started_wall_ms;
	if (broker_open(filler->loop, &settings->broker, filler->routing, "fill_queue", on_state,
			filler, &filler->broker, &why) != OK) {
		(void)fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	loop_run(filler->loop);
	broker_close(&filler->broker);
	int64_t took_ms = clock_wall_ms(clock_system()) - filler->started_wall_ms;
	(void)printf("%zu confirmed, %zu failed, %.0f per second\n", filler->confirmed,
		     filler->failed, (double)filler->count * 1000 / (double)(took_ms + 1));
	return filler->failed > 0;
}

int main(int argc, char **argv)
{
	struct conf *conf = NULL;
	const struct settings *settings = NULL;
	if (argc != 6) {
		(void)fprintf(stderr,
			      "usage: %s SETTINGS COUNT CONTENT_BYTES DUE_IN_S DOMAIN_COUNT\n",
			      argv[0]);
		return 2;
	}
	if (settings_load(argv[1], &conf, &settings) != OK) {
		conf_print_faults(conf, stderr, false);
		return 2;
	}
	log_init(LOG_WARNING, LOG_FORMAT_TEXT, "fill_queue");
	struct filler filler = {
		.loop = loop_new(),
		.routing = routing_new(&settings->routing),
		.count = strtoul(argv[2], NULL, 10),
		.content_bytes = strtoul(argv[3], NULL, 10) & ~1UL,
		.due_wall_ms = strtol(argv[4], NULL, 10) * 1000,
		.domain_count = strtoul(argv[5], NULL, 10),
	};
	filler.content = make_content(filler.content_bytes);
	buf_init(&filler.head, HEAD_MAX);
	int code = fill(&filler, settings);
	buf_done(&filler.head);
	blob_unref(&filler.content);
	routing_free(&filler.routing);
	loop_free(&filler.loop);
	conf_free(&conf);
	return code;
}
