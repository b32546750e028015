/* What an alert puts in force at the workers: `slow`, and what shaping rules do that name it. They hear the word that they tell each other when
 * a rule fires: they put it in force, keep it, tell those that start later, and an operator may list and cancel it. */
#include <inttypes.h>
#include <stdio.h>

#include "bouncer/alerts/alerts_inner.h"
#include "lib/crypto/digest.h"
#include "lib/shaping/alerted.h"
#include "lib/shaping/fired_log.h"
#include "lib/shaping/force.h"
#include "lib/shaping/word.h"

#define TELLER	  "bouncer" /* no worker has this name */
#define NAME_ROOM (SCHEMA_NAME_MAX + 1)

/* ---- words ---- */

static void on_answered(void *owner, struct bytes answer)
{
	(void)owner, (void)answer;
}

/* A word is gone when its asking is freed, which waits for the broker if need be: so the last ones are held. */
static void say(struct alerts *alerts, struct bytes word)
{
	struct asking **place = &alerts->words[alerts->word_count++ % ALERT_WORDS];
	asking_free(place);
	*place = broker_ask(alerts->options.broker, word, on_answered, alerts);
}

/* As workers tell of a rule that fired by a reply. The same id when it is told again. */
static void tell_fired(struct alerts *alerts, const struct alert_group *group,
		       const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	char id[24], about[80], event_id[DIGEST_HEX_SIZE];
	const struct loop *loop = alerts->options.loop;
	(void)snprintf(id, sizeof id, "%" PRIx64, shaping_name_of(fired->action, facts));
	(void)snprintf(about, sizeof about, "%" PRIx64 " %" PRId64, group->id,
		       group->since_wall_ms);
	const struct bytes parts[] = {BYTES("shaping"), bytes_of(id), bytes_of(about)};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, event_id);
	event_id[EVENT_ID_SIZE - 1] = '\0';
	struct bouncer_event event = {
		.id = bytes_of(event_id),
		.kind = EVENT_SHAPING_FIRED,
		.at_wall_ms = loop_wall_ms(loop),
		.has_shaping = true,
		.shaping = {.id = bytes_of(id),
			    .action = bytes_of(shaping_action_name(fired->action)),
			    .scope = bytes_of(shaping_scope_name(fired->action)),
			    .rule = bytes_of(fired->rule),
			    .site = bytes_of(facts->site),
			    .source = bytes_of(facts->source),
			    .tenant = bytes_of(facts->tenant),
			    .campaign = bytes_of(facts->campaign),
			    .value = (uint64_t)fired->value,
			    .argument = bytes_of(fired->text),
			    .period_ms = (uint64_t)fired->period_ms,
			    .until_wall_ms = loop_wall_ms(loop) + fired->until_ms - facts->now_ms,
			    .text = facts->text,
			    .count = 1},
	};
	teller_tell(alerts->options.teller, &event, 1, NULL, NULL);
}

static void say_fired(struct alerts *alerts, const struct alert_group *group,
		      const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	struct buf word;
	buf_init(&word, SHAPING_WORD_MAX);
	enum err err = buf_append_text(&word, SHAPING_FIRED_KIND "\n");
	if (!err)
		err = shaping_word_write(TELLER, fired, facts, &word);
	if (!err)
		say(alerts, buf_bytes(&word));
	buf_done(&word);
	shaping_log_fired(fired, facts);
	tell_fired(alerts, group, fired, facts);
}

static void say_cancelled(struct alerts *alerts, const struct alert_group *group,
			  const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	char word[64];
	(void)group;
	(void)snprintf(word, sizeof word, SHAPING_CANCEL_KIND "\n%llx",
		       (unsigned long long)shaping_name_of(fired->action, facts));
	say(alerts, bytes_of(word));
}

/* ---- whom it is about ---- */

struct shaped {
	struct alerts *alerts;
	const struct alert_group *group;
	void (*say)(struct alerts *alerts, const struct alert_group *group,
		    const struct shaping_fired *fired, const struct shaping_facts *facts);
	char names[BY_COUNT][NAME_ROOM];
	char text[200]; /* in place of a reply */
};

static struct shaping_facts facts_of(struct shaped *shaped)
{
	const struct alert_group *group = shaped->group;
	uint64_t matched, total;
	char rate[ALERT_RATE_SIZE];
	for (unsigned by = 0; by < BY_COUNT; by++)
		(void)bytes_to_cstr(bytes_first(group->by[by], NAME_ROOM - 1), shaped->names[by],
				    NAME_ROOM);
	alert_window_sum(&group->window, group->rule->window_ms,
			 loop_wall_ms(shaped->alerts->options.loop), &matched, &total);
	alert_rate_text(alert_rate_ppm(matched, total), rate);
	(void)snprintf(shaped->text, sizeof shaped->text,
		       SHAPING_ALERT "%.60s: %.60s: %llu of %llu (%s)", group->rule->name,
		       group->rule->measure, (unsigned long long)matched, (unsigned long long)total,
		       rate);
	return (struct shaping_facts){
		.site = shaped->names[BY_SITE],
		.source = shaped->names[BY_SOURCE],
		.tenant = shaped->names[BY_TENANT],
		.campaign = shaped->names[BY_CAMPAIGN],
		.host = "",
		.step = "",
		.text = bytes_of(shaped->text),
		.now_ms = loop_now_ms(shaped->alerts->options.loop),
	};
}

/* What is done again after a crash began when the alert was raised. */
static void say_since(void *owner, const struct shaping_fired *fired,
		      const struct shaping_facts *facts)
{
	struct shaped *shaped = owner;
	struct shaping_fired since = *fired;
	int64_t age_ms = loop_wall_ms(shaped->alerts->options.loop) - shaped->group->since_wall_ms;
	since.until_ms = facts->now_ms + fired->period_ms - (age_ms > 0 ? age_ms : 0);
	if (since.until_ms > facts->now_ms)
		shaped->say(shaped->alerts, shaped->group, &since, facts);
}

static void say_all(struct shaped *shaped)
{
	const struct alert_rule *rule = shaped->group->rule;
	const struct shaping_facts facts = facts_of(shaped);
	char name[80];
	(void)snprintf(name, sizeof name, SHAPING_ALERT "%.60s", rule->name);
	const struct shaping_fired slow = {.action = SHAPING_SLOW_BY,
					   .value = rule->slow_by,
					   .rule = name,
					   .text = "",
					   .period_ms = rule->brake_for_ms};
	if (rule->then == THEN_SLOW)
		say_since(shaped, &slow, &facts);
	if (rule->shaping_ms > 0)
		shaping_alerted(shaped->alerts->options.shaping, rule->name, &facts, say_since,
				shaped);
}

void alerts_shape(struct alerts *alerts, const struct alert_group *group)
{
	struct shaped shaped = {.alerts = alerts, .group = group, .say = say_fired};
	say_all(&shaped);
}

void alerts_unshape(struct alerts *alerts, const struct alert_group *group)
{
	struct shaped shaped = {.alerts = alerts, .group = group, .say = say_cancelled};
	say_all(&shaped);
}
