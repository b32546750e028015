/* Which source mail leaves from. */
#include "workers/delivery/request_inner.h"

#define LATE_MS 60000 /* mail that would wait longer for the source's rate overflows */

bool request_source_is_closed(const struct request *request, const struct source *source)
{
	struct shaper *shaper = request->set->options.shaper;
	return shaper && shaper_source_closed_ms(shaper, source->name, request->site) > 0;
}

/* What a rule (use_pool) says of mail from this source; NULL: nothing. */
static const struct pool_settings *pool_by_rule(const struct request *request,
						const struct source *source)
{
	const struct requests_options *options = &request->set->options;
	struct shaping_answer answer;
	if (!options->shaper || shaper_is_idle(options->shaper))
		return NULL;
	shaper_ask(options->shaper, source->name, request->site, &answer);
	return answer.pool ? routing_pool(options->routing, answer.pool) : NULL;
}

static int64_t wait_ms(const struct request *request, const struct source *source)
{
	return lanes_source_wait_ms(request->set->options.lanes, source, request->site);
}

/* When all sources of the pool have what they may send for now, those of the pool that it overflows into help out. */
static const struct source *source_of(const struct request *request,
				      const struct pool_settings *pool)
{
	struct sources *sources = request->set->options.sources;
	const struct source *source = sources_next(sources, pool->name, request->site);
	if (!pool->overflow[0])
		return source;
	for (size_t i = 0; sources_of_pool(sources, pool->name, i); i++) {
		if (wait_ms(request, source) <= LATE_MS)
			return source;
		source = sources_next(sources, pool->name, request->site);
	}
	const struct source *other = sources_next(sources, pool->overflow, request->site);
	return wait_ms(request, other) < wait_ms(request, source) ? other : source;
}

/* use_pool leads to another pool, and no further. */
const struct source *request_source(struct request *request)
{
	const struct requests_options *options = &request->set->options;
	const struct pool_settings *pool = routing_pool(options->routing, request->pool);
	if (!pool)
		return sources_next(options->sources, request->pool, request->site);
	const struct source *source = source_of(request, pool);
	const struct pool_settings *other = pool_by_rule(request, source);
	return other ? sources_next(options->sources, other->name, request->site) : source;
}
