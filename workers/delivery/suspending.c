/* What is kept back, and for how long at a time: a round is short, so that mail goes on soon after a suspension was lifted, and its
 * length differs, so that not all of it comes back at once. */
#include "lib/base/random.h"
#include "workers/delivery/request_inner.h"

static const struct suspension *find(const struct request *request, const char *source)
{
	const struct requests_options *options = &request->set->options;
	struct suspension_subject subject = {
		.pool = bytes_of(request->pool),
		.site = bytes_of(request->site),
		.source = bytes_of(source),
		.tenant = request->mail.labels.tenant,
		.campaign = request->mail.labels.campaign,
	};
	int64_t now = loop_wall_ms(options->loop);
	const struct suspension *found = suspensions_find(options->suspensions, &subject, now);
	subject.site = request->told_site;
	return found ? found : suspensions_find(options->suspensions, &subject, now);
}

/* A site for which all sources of the pool are suspended is as good as suspended itself: the first of them tells until when. */
static const struct suspension *find_of_sources(const struct request *request)
{
	const struct sources *sources = request->set->options.sources;
	const struct suspension *found = NULL;
	const struct source *source;
	for (size_t i = 0; (source = sources_of_pool(sources, request->pool, i)); i++) {
		const struct suspension *own = find(request, source->name);
		if (!own)
			return NULL;
		if (!found)
			found = own;
	}
	return found;
}

const struct suspension *request_suspension(const struct request *request)
{
	const struct suspensions *suspensions = request->set->options.suspensions;
	if (!suspensions || !suspensions_at(suspensions, 0))
		return NULL;
	const struct suspension *found = find(request, NULL);
	return found ? found : find_of_sources(request);
}

int64_t request_suspended_until(const struct request *request, const struct suspension *suspension)
{
	const struct requests_options *options = &request->set->options;
	int64_t wait_ms = *options->suspended_wait;
	int64_t until =
		loop_wall_ms(options->loop) + wait_ms + (int64_t)((double)wait_ms * random_unit());
	int64_t end = suspension->directive.until_wall_ms;
	return end > 0 && end < until ? end : until;
}
