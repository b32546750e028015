/*   fired -- worth an event (firings.h) --\
 *   ended ---------------------------------+--> waiting -- at most so many in a second --> published -- kept or not --> counted */
#include "workers/delivery/shaping_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/metrics.h"
#include "workers/delivery/firings.h"

#define BODY_MAX     (16u << 10)
#define REPLY_MAX    1000
#define UNCONFIRMED  64
#define KEY_SIZE     640
#define EVENT_ID_LEN 32
#define TURN_MS	     1000

struct telling { /* one event, encoded */
	struct shaping_events *events;
	char key[KEY_SIZE];
	struct buf body;
	STAILQ_ENTRY(telling) next;
};

struct shaping_events {
	struct shaping_events_options options;
	struct firings *firings;
	STAILQ_HEAD(, telling) waiting;
	size_t waiting_count, unconfirmed_count;
	unsigned left; /* that may be published in this second */
	struct timer *turn;
};

static void count(const char *outcome)
{
	metric_add(M_shaping_events_total, (const char *const[]){outcome}, 1);
}

static void telling_free(struct telling *telling)
{
	buf_done(&telling->body);
	free(telling);
}

/* ---- publishing ---- */

static void pump(struct shaping_events *events);

static void on_published(void *owner, enum err err)
{
	struct telling *telling = owner;
	struct shaping_events *events = telling->events;
	count(err ? "failed" : "published");
	events->unconfirmed_count--;
	telling_free(telling);
	if (err == E_CANCELLED)
		return;
	pump(events);
	if (shaping_events_is_idle(events) && events->options.idle)
		events->options.idle(events->options.owner);
}

static void pump(struct shaping_events *events)
{
	struct telling *telling;
	while (events->left > 0 && events->unconfirmed_count < UNCONFIRMED &&
	       (telling = STAILQ_FIRST(&events->waiting))) {
		const struct publication publication = {.exchange = EXCHANGE_EVENTS,
							.key = telling->key,
							.head = buf_bytes(&telling->body)};
		STAILQ_REMOVE_HEAD(&events->waiting, next);
		events->waiting_count--;
		events->unconfirmed_count++;
		events->left--;
		broker_publish(events->options.broker, &publication, on_published, telling);
	}
}

/* ---- what is told ---- */

static void write_key(enum bouncer_event_kind kind, const struct shaping_event *shaping,
		      char out[KEY_SIZE])
{
	(void)snprintf(out, KEY_SIZE, "event.%s.%.*s%s%.*s", bouncer_event_name(kind),
		       BYTES_ARGS(shaping->action), shaping->site.len > 0 ? "." : "",
		       BYTES_ARGS(shaping->site));
}

static enum err encode(const struct shaping_events *events, enum bouncer_event_kind kind,
		       const struct shaping_event *shaping, struct buf *out)
{
	char id[EVENT_ID_LEN + 1];
	(void)snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
	struct bouncer_event event = {.id = bytes_of(id),
				      .kind = kind,
				      .at_wall_ms = loop_wall_ms(events->options.loop),
				      .has_shaping = true,
				      .shaping = *shaping};
	event.shaping.worker = bytes_of(events->options.worker);
	const struct bouncer_event_batch batch = {&event, 1};
	return bouncer_event_batch_encode(&batch, out);
}

static void tell(struct shaping_events *events, enum bouncer_event_kind kind,
		 const struct shaping_event *shaping)
{
	if (!timer_is_running(events->turn))
		timer_start(events->turn, TURN_MS);
	if (events->waiting_count == SHAPING_EVENTS_MAX) {
		count("dropped");
		return;
	}
	struct telling *telling = memory_new(sizeof *telling);
	telling->events = events;
	write_key(kind, shaping, telling->key);
	buf_init(&telling->body, BODY_MAX);
	if (encode(events, kind, shaping, &telling->body) != OK) {
		count("dropped");
		telling_free(telling);
		return;
	}
	STAILQ_INSERT_TAIL(&events->waiting, telling, next);
	events->waiting_count++;
	pump(events);
}

static void tell_fired(void *owner, const struct shaping_event *shaping)
{
	tell(owner, EVENT_SHAPING_FIRED, shaping);
}

static void on_turn(void *owner)
{
	struct shaping_events *events = owner;
	events->left = SHAPING_EVENTS_PER_S;
	pump(events); /* those that wait are first */
	firings_due(events->firings, loop_now_ms(events->options.loop), tell_fired, events);
	if (events->waiting_count > 0 || firings_count(events->firings) > 0)
		timer_start(events->turn, TURN_MS);
}

void shaping_events_flush(struct shaping_events *events)
{
	events->left = SHAPING_EVENTS_MAX + FIRINGS_MAX;
	firings_due(events->firings, INT64_MAX, tell_fired, events);
	pump(events);
}

bool shaping_events_is_idle(const struct shaping_events *events)
{
	return events->waiting_count == 0 && events->unconfirmed_count == 0;
}

/* ---- what happened ---- */

static struct bytes id_text(const struct shaping_entry *entry, char out[24])
{
	if (!entry)
		return BYTES_NONE;
	(void)snprintf(out, 24, "%" PRIx64, shaper_entry_id(entry));
	return bytes_of(out);
}

static int64_t wall_of(const struct shaping_events *events, int64_t at_ms)
{
	const struct loop *loop = events->options.loop;
	return loop_wall_ms(loop) + at_ms - loop_now_ms(loop);
}

static struct bytes cut(struct bytes text)
{
	struct bytes head = bytes_first(text, REPLY_MAX);
	while (head.len < text.len && head.len > 0 && !bytes_is_utf8(head))
		head.len--;
	return head;
}

static void on_fired(void *owner, const struct shaping_fired *fired,
		     const struct shaping_facts *facts, const struct shaping_entry *entry)
{
	struct shaping_events *events = owner;
	char id[24], enhanced[24] = "";
	if (facts->enhanced[0])
		(void)snprintf(enhanced, sizeof enhanced, "%u.%u.%u", facts->enhanced[0],
			       facts->enhanced[1], facts->enhanced[2]);
	struct shaping_event shaping = {
		.id = id_text(entry, id),
		.action = bytes_of(shaping_action_name(fired->action)),
		.scope = bytes_of(shaping_scope_name(fired->action)),
		.rule = bytes_of(fired->rule),
		.site = bytes_of(facts->site),
		.source = bytes_of(facts->source),
		.host = bytes_of(facts->host),
		.tenant = bytes_of(facts->tenant),
		.campaign = bytes_of(facts->campaign),
		.value = (uint64_t)fired->value,
		.argument = bytes_of(fired->text),
		.period_ms = entry ? (uint64_t)fired->period_ms : 0,
		.until_wall_ms = entry ? wall_of(events, entry->until_ms) : 0,
		.step = bytes_of(facts->step),
		.code = facts->code,
		.enhanced = bytes_of(enhanced),
		.text = cut(facts->text),
		.count = 1,
		.replies = entry ? entry->reply_count : 0,
	};
	switch (firings_note(events->firings, &shaping, loop_now_ms(events->options.loop))) {
	case FIRING_NOW:
		tell_fired(events, &shaping);
		break;
	case FIRING_LATER:
		break;
	case FIRING_DROPPED:
		count("dropped");
		break;
	}
}

static void on_ended(void *owner, const struct shaping_entry *entry, const char *reason)
{
	struct shaping_events *events = owner;
	struct shaping_fired fired;
	struct shaping_facts facts;
	char id[24];
	shaping_entry_again(entry, loop_now_ms(events->options.loop), &fired, &facts);
	const struct shaping_event shaping = {
		.id = id_text(entry, id),
		.action = bytes_of(shaping_action_name(entry->action)),
		.scope = bytes_of(shaping_scope_name(entry->action)),
		.rule = bytes_of(entry->rule),
		.site = bytes_of(entry->site),
		.source = bytes_of(entry->source),
		.host = bytes_of(facts.host),
		.tenant = bytes_of(facts.tenant),
		.campaign = bytes_of(facts.campaign),
		.argument = bytes_of(entry->text),
		.text = cut(bytes_of(entry->reply)),
		.replies = entry->reply_count,
		.reason = bytes_of(reason),
	};
	tell(events, EVENT_SHAPING_ENDED, &shaping);
}

/* ---- birth and end ---- */

struct shaping_events *shaping_events_new(const struct shaping_events_options *options)
{
	static const struct shaper_reporter reporter = {on_fired, on_ended};
	struct shaping_events *events = memory_new(sizeof *events);
	events->options = *options;
	events->firings = firings_new();
	events->left = SHAPING_EVENTS_PER_S;
	events->turn = timer_new(options->loop, on_turn, events);
	STAILQ_INIT(&events->waiting);
	shaper_report(options->shaper, &reporter, events);
	return events;
}

void shaping_events_free(struct shaping_events **events)
{
	struct shaping_events *freeing = *events;
	struct telling *telling;
	*events = NULL;
	if (!freeing)
		return;
	shaper_report(freeing->options.shaper, NULL, NULL);
	while ((telling = STAILQ_FIRST(&freeing->waiting))) {
		STAILQ_REMOVE_HEAD(&freeing->waiting, next);
		telling_free(telling);
	}
	timer_free(&freeing->turn);
	firings_free(&freeing->firings);
	free(freeing);
}
