/* Which source mail leaves from. */
#include "workers/delivery/request_inner.h"

bool request_source_is_closed(const struct request *request, const struct source *source)
{
	struct shaper *shaper = request->set->options.shaper;
	return shaper && shaper_source_closed_ms(shaper, source->name, request->site) > 0;
}

/* use_pool leads to another pool, and no further. */
const struct source *request_source(struct request *request)
{
	const struct requests_options *options = &request->set->options;
	const struct source *source = sources_next(options->sources, request->pool, request->site);
	struct shaping_answer answer;
	if (!options->shaper || shaper_is_idle(options->shaper))
		return source;
	shaper_ask(options->shaper, source->name, request->site, &answer);
	if (!answer.pool || !routing_pool(options->routing, answer.pool))
		return source;
	return sources_next(options->sources, answer.pool, request->site);
}
