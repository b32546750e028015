/* Results: each is judged, counted, noted to the suppressor, and told to others. */
#include "bouncer/bouncer_inner.h"
#include "bouncer/classification/judge.h"

#define EVIDENCE_MAX 1000

/* Whole characters only. */
static struct bytes cut(struct bytes text, size_t max)
{
	size_t len = text.len < max ? text.len : max;
	while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80)
		len--;
	return bytes_first(text, len);
}

static struct bytes evidence_of(struct held *held, const struct result *result)
{
	struct bytes text = cut(result->text, EVIDENCE_MAX - sizeof "550 5.1.111 ");
	return bytes_of(arena_printf(held->arena, "%u%s%.*s %.*s", (unsigned)result->code,
				     result->enhanced.len ? " " : "",
				     BYTES_ARGS(bytes_first(result->enhanced, 11)),
				     BYTES_ARGS(text)));
}

/* Its times come from the result, so that a result seen twice asks for the same twice. */
static int64_t time_of(const struct held *held, const struct result *result)
{
	int64_t now = loop_wall_ms(held->bouncer->node.loop);
	return result->at_wall_ms > 0 && result->at_wall_ms < now ? result->at_wall_ms : now;
}

static void note_failure(struct held *held, const struct result *result,
			 const struct bounce_verdict *verdict)
{
	const struct happening happening = {
		.outcome = outcome_of_verdict(verdict),
		.address = result->recipient,
		.tenant = result->labels.tenant,
		.stream = result->pool,
		.message_id = result->id,
		.evidence = evidence_of(held, result),
		.rule = bytes_of(verdict->rule),
		.site = result->site,
		.origin = ORIGIN_BOUNCE,
		.at_wall_ms = time_of(held, result),
		.attempt = result->attempt,
	};
	held->unrecorded++;
	suppressor_note(held->bouncer->suppressor, &happening, held_recorded, held);
}

static void note_success(struct held *held, const struct result *result)
{
	held->unrecorded++;
	if (!suppressor_note_success(held->bouncer->suppressor, result->labels.tenant, result->pool,
				     result->recipient, time_of(held, result), held_recorded, held))
		held->unrecorded--;
}

/* Only what ends a message counts: a deferral is tried again, and decides nothing of the address. */
static void learn(struct held *held, const struct result *result, struct bouncer_event *event)
{
	struct bounce_verdict verdict;
	*event = (struct bouncer_event){
		.kind = (enum bouncer_event_kind)result->event,
		.at_wall_ms = result->at_wall_ms,
		.has_result = true,
		.result = *result,
	};
	if (result->event == RESULT_DELIVERED)
		note_success(held, result);
	if (!judge_result(verdicts_classifier(held->bouncer->verdicts), result, &verdict))
		return;
	tallies_count(held->bouncer->tallies, result, &verdict);
	event->class = bytes_of(bounce_class_name(verdict.class));
	event->hardness = bytes_of(bounce_family_name(verdict.family));
	event->rule = bytes_of(verdict.rule);
	event->confidence = verdict.confidence;
	if (result->event != RESULT_DEFERRED)
		note_failure(held, result, &verdict);
}

static void on_told(void *owner, enum err err)
{
	held_recorded(owner, err == E_TOO_BIG ? OK : err);
}

void bouncer_learn(void *owner, struct lease *lease)
{
	struct held *held = held_new(owner, lease);
	struct result_batch batch;
	struct why why;
	if (result_batch_decode(held->arena, lease_body(lease), &batch, &why)) {
		held_bury(held, why.text);
		return;
	}
	struct bouncer_event *events = arena_zalloc(held->arena, batch.count, sizeof *events);
	for (size_t i = 0; i < batch.count; i++)
		learn(held, &batch.results[i], &events[i]);
	held->unrecorded++;
	teller_tell(held->bouncer->teller, events, batch.count, on_told, held);
	held_recorded(held, OK);
}
