/* The HTTP door: one listener of the settings that serves the API (docs/publishing.md). Lives on one loop. */
#ifndef LEVERET_INGEST_HTTP_DOOR_H
#define LEVERET_INGEST_HTTP_DOOR_H

#include "broker/replica.h"
#include "ingest/acceptance.h"
#include "ingest/idempotency.h"
#include "ingest/traces.h"
#include "lib/api/api_keys.h"

struct http_door_options { /* borrowed */
	struct node node;
	const struct listener_settings *listener;
	const struct ingest_settings *settings;
	const struct conf_items *certificates; /* struct certificate_settings */
	struct api_keys *api_keys; /* of all doors: one limit for a key, wherever it comes */
	struct idempotency *idempotency;
	struct broker *broker;
	struct acceptor *acceptor;
	struct traces *traces; /* NULL: nothing is remembered */
	struct replica *suppressions;
	const char *spool; /* folder for unlinked files */
	void (*drained)(void *owner);
	void *owner;
};

struct http_door;
enum err http_door_open(const struct http_door_options *options, struct http_door **ret,
			struct why *why) MUST_USE;
/* Reads the certificate again, now; it is done by itself within a minute when the files change. One that cannot be used changes nothing. */
void http_door_reload(struct http_door *door);
/* No new clients; requests that have begun get their answer. `drained` comes later. */
void http_door_stop(struct http_door *door);
/* After it nothing waits for acceptances of this door any more. */
void http_door_free(struct http_door **door);

#endif
