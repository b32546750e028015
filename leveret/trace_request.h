/* What is asked of leveret trace, from its options. */
#ifndef LEVERET_LEVERET_TRACE_REQUEST_H
#define LEVERET_LEVERET_TRACE_REQUEST_H

#include "leveret/options.h"
#include "lib/routing/routing.h"
#include "workers/taps/tap_word.h"

struct trace_request {
	struct tap_wish wish; /* but for its id */
	int64_t for_ms;	      /* 0: until it is interrupted */
	uint64_t line_max;    /* 0: no limit */
};
/* False: told on standard error. */
bool trace_request_take(const struct options *options, struct trace_request *ret);
/* A site may be given by one of its domains. False: there is none. */
bool trace_request_find_site(struct trace_request *request, const struct routing *routing);

#endif
