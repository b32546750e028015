/* DELETE /v1/campaigns/{id}: the bouncer is told by a directive, and every worker by the table that the bouncer keeps. The answer comes
 * when the broker has kept the directive; asking again only moves the time up to which mail is recalled. */
#include <stdio.h>
#include <string.h>

#include "ingest/http_visit.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define DIRECTIVE_MAX 4096
#define ANSWER_MAX    4096
#define CAMPAIGN_ROOM (SCHEMA_NAME_MAX * 6 + 1) /* in JSON */
#define TELLS_WHO     "api key %s"

struct recall {		     /* a directive on its way; it outlives a client that does not wait */
	struct visit *visit; /* NULL: nobody waits */
	int64_t until_wall_ms;
};

static void answer(struct visit *visit, int64_t until_wall_ms)
{
	char campaign[CAMPAIGN_ROOM], until[CLOCK_RFC3339_SIZE];
	struct buf out;
	(void)log_escape_json(bytes_of(visit->api.argument), campaign, sizeof campaign);
	clock_rfc3339(until_wall_ms, until);
	buf_init(&out, ANSWER_MAX);
	enum err err = buf_printf(&out, "{\"campaign\":\"%s\",\"accepted_until\":\"%s\"}\n",
				  campaign, until);
	(void)err; /* it fits */
	visit_answer(visit, 202, buf_bytes(&out));
	buf_done(&out);
}

static void on_kept(void *owner, enum err err)
{
	struct recall *recall = owner;
	struct visit *visit = recall->visit;
	if (visit)
		visit->recall = NULL;
	if (visit && err == OK)
		answer(visit, recall->until_wall_ms);
	else if (visit)
		visit_refuse(visit, 503, "the recall could not be kept, try again later");
	free(recall);
}

void http_recall_forget(struct recall *recall)
{
	if (recall)
		recall->visit = NULL;
}

/* What a reader would refuse is refused here, by the same rules. */
static enum err write_directive(struct visit *visit, const struct directive *directive,
				struct buf *out, struct why *why)
{
	struct directive checked;
	if (directive_encode(directive, out) != OK)
		return fail(why, E_MALFORMED, "campaign: too long");
	return directive_decode(visit->api.arena, buf_bytes(out), &checked, why);
}

void http_recall_campaign(struct visit *visit)
{
	const struct http_door_options *options = &visit->door->options;
	const struct api_key_settings *key = visit->api.key->settings;
	struct directive directive = {
		.kind = DIRECTIVE_RECALL,
		.tenant = bytes_of(key->tenant),
		.campaign = bytes_of(visit->api.argument),
		.until_wall_ms = loop_wall_ms(options->node.loop),
		.by = bytes_of(arena_printf(visit->api.arena, TELLS_WHO, key->name)),
	};
	struct why why = {""};
	struct buf body;
	buf_init(&body, DIRECTIVE_MAX);
	if (write_directive(visit, &directive, &body, &why) != OK) {
		visit_refuse(visit, 400, why.text);
	} else {
		api_key_spend(visit->api.key, 1);
		visit->recall = memory_new(sizeof *visit->recall);
		*visit->recall = (struct recall){visit, directive.until_wall_ms};
		const struct publication publication = {
			.exchange = EXCHANGE_INBOUND, .key = "directive", .head = buf_bytes(&body)};
		broker_publish(options->broker, &publication, on_kept, visit->recall);
	}
	buf_done(&body);
}
