/* See lesson.h. */
#include "workers/delivery/lesson.h"

#include <assert.h>

#include "schemas/schemas.h"

static void on_told(void *owner, bool is_kept)
{
	(void)owner;
	(void)is_kept;
}

void lesson_tell(struct postings *postings, const char *domain, const char *site,
		 int64_t until_wall_ms, const char *by)
{
	static const struct posting_handler handler = {.done = on_told};
	const struct directive lesson = {.kind = DIRECTIVE_LEARN,
					 .domain = bytes_of(domain),
					 .site = bytes_of(site),
					 .until_wall_ms = until_wall_ms,
					 .by = bytes_of(by)};
	struct buf body;
	buf_init(&body, 4096);
	enum err err = directive_encode(&lesson, &body);
	assert(!err);
	postings_add(postings,
		     &(const struct publication){.exchange = EXCHANGE_INBOUND,
						 .key = "directive",
						 .head = buf_bytes(&body)},
		     &handler, NULL);
	buf_done(&body);
}
