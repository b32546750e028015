/* What a request asks to have sent, whatever form it came in. Everything borrows from the request or lives in its arena. */
#ifndef LEVERET_INGEST_HTTP_POSTING_H
#define LEVERET_INGEST_HTTP_POSTING_H

#include "schemas/schemas.h"

struct posted_recipient {
	struct bytes address;
	struct bytes variables;		  /* a JSON object of its own; none without a template */
	struct bytes name, shown_address; /* in To; none: only the address */
	struct labels labels;		  /* tags and metadata of its own */
};

struct posting {
	struct bytes sender; /* none: the null sender */
	bool has_sender;
	struct posted_recipient *recipients;
	size_t recipient_count;
	struct bytes pool;
	struct labels labels;
	struct bytes retry;			     /* name of a schedule */
	struct bytes window;			     /* name of a sending window */
	uint32_t priority;			     /* 1 to 19 for -9 to 9; 0: none */
	int64_t not_before_wall_ms, expires_wall_ms; /* 0: none */
	struct bytes content;			     /* a whole message, or a skeleton */
	bool is_skeleton;			     /* then every recipient has variables */
};

#endif
