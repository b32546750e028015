/* See declarer.h. */
#include "broker/rabbitmq/declarer.h"

#include <string.h>

#include "broker/rabbitmq/job.h"
#include "lib/obs/log.h"

#define DECLARE_AGAIN_MS 200
#define REFUSED_AGAIN_MS 30000
#define NOT_UP_AGAIN_MS	 1000
#define UNCUT_WHY                                                                                  \
	"made by an earlier version: it keeps all that was ever appended; when all hosts are "     \
	"updated, delete it while no bouncer runs, and start one: it is made anew and filled"
#define AS_IS_WHY                                                                                  \
	"made with another broker.table_kept or broker.table_segment: it is cut as it was made; "  \
	"set "                                                                                     \
	"the same on all hosts"

static void set_declared(struct declarer *declarer, bool is_declared)
{
	declarer->is_declared = is_declared;
	if (is_declared)
		declarer->is_refused = false;
	declarer->changed(declarer->owner, is_declared);
}

static void refuse(struct declarer *declarer, const struct why *why)
{
	declarer->is_refused = true;
	declarer->refusal = *why;
	log_event(EV_broker_topology_refused, F_TEXT("why", why->text),
		  F_INT("again_ms", REFUSED_AGAIN_MS));
	set_declared(declarer, false);
	timer_start(declarer->timer, REFUSED_AGAIN_MS);
}

static void send_step(void *owner, struct channel *channel, size_t index)
{
	struct declarer *declarer = owner;
	topology_send(&declarer->topology, channel, &declarer->topology.steps[index]);
}

/* What is refused closes the channel, so all is asked for again. */
static void start_job(struct declarer *declarer);

static bool take_table(struct declarer *declarer, size_t count, uint16_t code)
{
	struct step *step = &declarer->topology.steps[count];
	if (code != 406 || !topology_take_table(step))
		return false;
	start_job(declarer);
	return true;
}

/* Said once per connection. */
static void warn_of_tables(const struct declarer *declarer)
{
	for (size_t i = 0; declarer->settings->table_kept > 0 && i < declarer->topology.step_count;
	     i++) {
		const struct step *step = &declarer->topology.steps[i];
		if (step->what != STEP_QUEUE)
			continue;
		if (step->kind == QUEUE_TABLE_UNCUT)
			log_event(EV_table_not_cut, F_TEXT("queue", step->name),
				  F_TEXT("why", UNCUT_WHY));
		if (step->kind == QUEUE_TABLE_AS_IS)
			log_event(EV_table_not_cut, F_TEXT("queue", step->name),
				  F_TEXT("why", AS_IS_WHY));
	}
}

static void on_declared(void *owner, size_t count, uint16_t code, const char *text)
{
	struct declarer *declarer = owner;
	struct why why;
	declarer->job = NULL;
	declarer->done_count = count;
	if (count == declarer->topology.step_count) {
		warn_of_tables(declarer);
		log_event(EV_broker_declare_finished,
			  F_INT("queues", declarer->topology.queue_count));
		set_declared(declarer, true);
	} else if (code == 404) {
		/* What exists is not up yet, shortly after the broker's start: a stream, above all. */
		log_event(EV_broker_topology_refused, F_TEXT("why", text),
			  F_INT("again_ms", NOT_UP_AGAIN_MS));
		timer_start(declarer->timer, NOT_UP_AGAIN_MS);
	} else if (code != CHANNEL_LOST && !take_table(declarer, count, code)) {
		topology_explain(&declarer->topology.steps[count], code, text, &why);
		refuse(declarer, &why);
	}
}

static void start_job(struct declarer *declarer)
{
	static const struct job_handler handler = {.send = send_step, .finished = on_declared};
	declarer->job =
		job_new(declarer->connection, declarer->topology.step_count, &handler, declarer);
}

static void declare(void *owner)
{
	struct declarer *declarer = owner;
	if (declarer->job || !connection_is_open(declarer->connection))
		return;
	if (!declarer->settings->declare) {
		set_declared(declarer, true);
		return;
	}
	topology_ask_tables(&declarer->topology);
	start_job(declarer);
}

void declarer_missing(struct declarer *declarer)
{
	if (!declarer->job && !timer_is_running(declarer->timer))
		timer_start(declarer->timer, DECLARE_AGAIN_MS);
}

/* An exchange type that the broker does not know ends the whole connection, and the reason comes
 * only with that. */
static void check_lost(struct declarer *declarer, size_t count, const struct why *lost)
{
	struct why why;
	if (!strstr(lost->text, "exchange type"))
		return;
	(void)fail(&why, E_REFUSED,
		   "%s: enable the plugin rabbitmq_consistent_hash_exchange on the broker (step "
		   "%zu of the topology)",
		   lost->text, count + 1);
	refuse(declarer, &why);
}

void declarer_opened(struct declarer *declarer)
{
	if (!declarer->is_refused || !timer_is_running(declarer->timer))
		declare(declarer);
}

void declarer_lost(struct declarer *declarer, const struct why *why)
{
	check_lost(declarer, declarer->done_count, why);
	declarer->done_count = 0;
}

enum err declarer_init(struct declarer *declarer, const struct routing *routing, struct why *why)
{
	enum err err = topology_init(&declarer->topology, declarer->settings, routing, why);
	if (!err)
		declarer->timer = timer_new(declarer->loop, declare, declarer);
	return err;
}

void declarer_done(struct declarer *declarer)
{
	job_cancel(&declarer->job);
	timer_free(&declarer->timer);
	topology_done(&declarer->topology);
}
