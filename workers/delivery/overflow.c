/* A pool whose sources have all they may send for now may have another pool's sources help out. */
#include "workers/delivery/request_inner.h"

#define LATE_MS 60000 /* mail that would wait longer for the source's rate goes over */

static int64_t wait_ms(const struct request *request, const struct source *source)
{
	return lanes_source_wait_ms(request->set->options.lanes, source, request->site);
}

const struct source *request_source(const struct request *request)
{
	const struct requests_options *options = &request->set->options;
	struct sources *sources = options->sources;
	const struct pool_settings *pool = routing_pool(options->routing, request->pool);
	const struct source *source = sources_next(sources, request->pool, request->site);
	if (!pool || !pool->overflow[0])
		return source;
	for (size_t i = 0; sources_of_pool(sources, request->pool, i); i++) {
		if (wait_ms(request, source) <= LATE_MS)
			return source;
		source = sources_next(sources, request->pool, request->site);
	}
	const struct source *other = sources_next(sources, pool->overflow, request->site);
	return wait_ms(request, other) < wait_ms(request, source) ? other : source;
}
