/* The ingest role: its broker, its copy of the suppressions, acceptance, and the doors before it.
 *
 *   start --> running --stop--> doors drain --> no session, no acceptance left (or 25 s) -->
 * stopped
 *
 * The doors open at once; until the broker is ready they answer 451. */
#include "ingest/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/learned_sites.h"
#include "broker/replica.h"
#include "broker/suppressions.h"
#include "ingest/acceptance.h"
#include "ingest/http_door.h"
#include "ingest/mailerq_results.h"
#include "ingest/smtp_door.h"
#include "ingest/submit.h"
#include "ingest/traces.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define STOP_LIMIT_MS	25000
#define FORGET_AGAIN_MS 2000

struct door { /* one of the two */
	struct smtp_door *smtp;
	struct http_door *http;
};

struct ingest {
	struct ingest_options options;
	char *spool;
	struct broker *broker;
	struct replica *suppressions, *sites;
	struct acceptor *acceptor;
	struct traces *traces;			 /* NULL: nothing is remembered */
	bool has_forgotten;			 /* the queue of earlier days, if there was one */
	struct logins *logins;			 /* NULL without ingest.credentials */
	struct submit *submit;			 /* NULL when submissions are not consumed */
	struct mailerq_results *mailerq_results; /* NULL without mailerq.enabled */
	struct door *doors;
	size_t door_count, drained_count;
	struct api_keys *api_keys;
	struct idempotency *idempotency;
	bool is_stopping;
	struct task stopped_task;
	struct timer *stop_limit, *forget_timer;
	void (*stopped)(void *owner);
	void *stopped_owner;
};

static void on_forgotten(void *owner, enum err err)
{
	struct ingest *ingest = owner;
	if (err == OK || err == E_NOT_FOUND)
		ingest->has_forgotten = true;
	if (ingest->has_forgotten || err == E_CANCELLED)
		return;
	log_event(EV_host_queue_kept, F_TEXT("why", err_text(err)));
	timer_start(ingest->forget_timer, FORGET_AGAIN_MS);
}

/* Of earlier days, when messages were remembered. */
static void forget_queue(void *owner)
{
	struct ingest *ingest = owner;
	if (!ingest->has_forgotten && !timer_is_running(ingest->forget_timer))
		traces_forget_queue(&ingest->options.node, ingest->broker, on_forgotten, ingest);
}

static void on_broker_changed(void *owner, enum broker_state state)
{
	struct ingest *ingest = owner;
	node_tell_state(&ingest->options.node, state);
	if (ingest->acceptor)
		acceptor_broker_changed(ingest->acceptor, state);
	if (ingest->traces && state == BROKER_READY)
		traces_broker_ready(ingest->traces);
	else if (ingest->acceptor && state == BROKER_READY)
		forget_queue(ingest);
}

/* ---- stopping ---- */

static void report_stopped(void *owner)
{
	struct ingest *ingest = owner;
	void (*stopped)(void *stopped_owner) = ingest->stopped;
	ingest->stopped = NULL;
	timer_stop(ingest->stop_limit);
	if (stopped)
		stopped(ingest->stopped_owner);
}

/* Reported at the end of the turn: whoever tells us may still be at work on what will be freed. */
static void check_stopped(void *owner)
{
	struct ingest *ingest = owner;
	if (ingest->is_stopping && ingest->drained_count == ingest->door_count &&
	    acceptor_count(ingest->acceptor) == 0)
		loop_defer(ingest->options.node.loop, &ingest->stopped_task);
}

static void on_door_drained(void *owner)
{
	struct ingest *ingest = owner;
	ingest->drained_count++;
	check_stopped(ingest);
}

static void stop_door(struct door *door)
{
	if (door->smtp)
		smtp_door_stop(door->smtp);
	else
		http_door_stop(door->http);
}

void ingest_stop(struct ingest *ingest, void (*stopped)(void *owner), void *owner)
{
	ingest->stopped = stopped;
	ingest->stopped_owner = owner;
	ingest->is_stopping = true;
	timer_start(ingest->stop_limit, STOP_LIMIT_MS);
	if (ingest->submit)
		submit_stop(ingest->submit);
	if (ingest->traces)
		traces_stop(ingest->traces);
	if (ingest->mailerq_results)
		mailerq_results_stop(ingest->mailerq_results);
	for (size_t i = 0; i < ingest->door_count; i++)
		stop_door(&ingest->doors[i]);
	check_stopped(ingest);
}

void ingest_reload(struct ingest *ingest)
{
	if (ingest->logins)
		logins_reload(ingest->logins);
	for (size_t i = 0; i < ingest->door_count; i++)
		if (ingest->doors[i].smtp)
			smtp_door_reload(ingest->doors[i].smtp);
		else
			http_door_reload(ingest->doors[i].http);
}

/* ---- starting ---- */

static enum err make_spool(struct ingest *ingest, struct why *why)
{
	const char *data_dir = ingest->options.node.data_dir;
	ingest->spool = memory_new(strlen(data_dir) + sizeof "/spool");
	(void)sprintf(ingest->spool, "%s/spool", data_dir);
	if (mkdir(ingest->spool, 0700) != 0 && errno != EEXIST)
		return fail(why, E_IO, "create %s: %s", ingest->spool, strerror(errno));
	return OK;
}

static enum err open_logins(struct ingest *ingest, struct why *why)
{
	const struct ingest_settings *settings = ingest->options.settings;
	const struct logins_options options = {
		.loop = ingest->options.node.loop,
		.settings = settings,
	};
	if (!settings->credentials[0] && !settings->credentials_url[0] &&
	    settings->credentials_command.count == 0)
		return OK;
	return logins_open(&options, &ingest->logins, why);
}

static enum err open_smtp(struct ingest *ingest, const struct listener_settings *listener,
			  struct door *ret, struct why *why)
{
	struct smtp_door_options options = {
		.node = ingest->options.node,
		.listener = listener,
		.settings = ingest->options.settings,
		.acceptor = ingest->acceptor,
		.suppressions = ingest->suppressions,
		.certificates = ingest->options.certificates,
		.logins = ingest->logins,
		.spool = ingest->spool,
		.drained = on_door_drained,
		.owner = ingest,
	};
	return smtp_door_open(&options, &ret->smtp, why);
}

static enum err open_http(struct ingest *ingest, const struct listener_settings *listener,
			  struct door *ret, struct why *why)
{
	struct http_door_options options = {
		.node = ingest->options.node,
		.listener = listener,
		.settings = ingest->options.settings,
		.api_keys = ingest->api_keys,
		.idempotency = ingest->idempotency,
		.certificates = ingest->options.certificates,
		.broker = ingest->broker,
		.acceptor = ingest->acceptor,
		.traces = ingest->traces,
		.suppressions = ingest->suppressions,
		.spool = ingest->spool,
		.drained = on_door_drained,
		.owner = ingest,
	};
	return http_door_open(&options, &ret->http, why);
}

static enum err open_doors(struct ingest *ingest, struct why *why)
{
	const struct conf_items *listeners = ingest->options.listeners;
	ingest->doors = memory_array(listeners->count, sizeof *ingest->doors);
	ingest->api_keys = api_keys_new(ingest->options.api_keys);
	ingest->idempotency =
		idempotency_new(ingest->options.node.loop, ingest->options.node.store);
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener_settings *listener =
			CONF_ITEM(listeners, struct listener_settings, i);
		struct door *door = &ingest->doors[i];
		enum err err = listener->protocol == PROTOCOL_HTTP
				       ? open_http(ingest, listener, door, why)
				       : open_smtp(ingest, listener, door, why);
		if (err != OK)
			return err;
		ingest->door_count++;
	}
	return OK;
}

static bool is_remembering(const struct ingest *ingest)
{
	const struct conf_items *listeners = ingest->options.listeners;
	bool has_http = false;
	for (size_t i = 0; i < listeners->count; i++)
		has_http |= CONF_ITEM(listeners, struct listener_settings, i)->protocol ==
			    PROTOCOL_HTTP;
	int remember = ingest->options.settings->remember;
	return remember == REMEMBER_ALL || (remember == REMEMBER_HTTP && has_http);
}

static enum err open_traces(struct ingest *ingest, struct why *why)
{
	if (!is_remembering(ingest))
		return OK;
	return traces_open(&ingest->options.node, ingest->broker, ingest->options.settings,
			   &ingest->traces, why);
}

static void on_begun(void *owner, const struct mail *mail)
{
	const struct ingest *ingest = owner;
	if (ingest->traces &&
	    (ingest->options.settings->remember == REMEMBER_ALL || strcmp(mail->door, "http") == 0))
		traces_note(ingest->traces, mail);
}

static void start_acceptance(struct ingest *ingest)
{
	const struct node *node = &ingest->options.node;
	ingest->suppressions = replica_new(ingest->broker, node->loop, node->store,
					   SUPPRESSIONS_TABLE, NULL, NULL);
	ingest->sites = replica_new(ingest->broker, node->loop, node->store, LEARNED_SITES_TABLE,
				    NULL, NULL);
	ingest->acceptor = acceptor_new(&(struct acceptor_options){
		.loop = node->loop,
		.broker = ingest->broker,
		.settings = ingest->options.settings,
		.hostname = node->hostname,
		.rules = ingest->options.rules,
		.routing = node->routing,
		.sites = ingest->sites,
		.begun = on_begun,
		.idle = check_stopped,
		.owner = ingest,
	});
	const struct mailerq_settings *mailerq = ingest->options.mailerq;
	if (ingest->options.settings->submit_prefetch > 0 || mailerq->enabled)
		ingest->submit = submit_new(&(struct submit_options){
			.node = *node,
			.broker = ingest->broker,
			.settings = ingest->options.settings,
			.mailerq = mailerq->enabled ? mailerq : NULL,
			.acceptor = ingest->acceptor,
			.suppressions = ingest->suppressions,
			.spool = ingest->spool,
		});
	if (mailerq->enabled)
		ingest->mailerq_results = mailerq_results_new(node, ingest->broker, mailerq);
}

enum err ingest_start(const struct ingest_options *options, struct ingest **ret, struct why *why)
{
	struct ingest *ingest = memory_new(sizeof *ingest);
	ingest->options = *options;
	ingest->stopped_task = (struct task){.run = report_stopped, .owner = ingest};
	ingest->stop_limit = timer_new(options->node.loop, report_stopped, ingest);
	ingest->forget_timer = timer_new(ingest->options.node.loop, forget_queue, ingest);
	enum err err = make_spool(ingest, why);
	if (err == OK)
		err = open_logins(ingest, why);
	if (err == OK)
		err = broker_open(options->node.loop, options->node.broker, options->node.routing,
				  "ingest", on_broker_changed, ingest, &ingest->broker, why);
	if (err == OK)
		err = open_traces(ingest, why);
	if (err == OK) {
		start_acceptance(ingest);
		err = open_doors(ingest, why);
	}
	if (err == OK)
		*ret = ingest;
	else
		ingest_free(&ingest);
	return err;
}

/* Doors go before the broker, so that nobody waits for what its end cancels; acceptance goes behind
 * it. */
void ingest_free(struct ingest **ingest)
{
	struct ingest *i = *ingest;
	if (!i)
		return;
	*ingest = NULL;
	for (size_t door = 0; door < i->door_count; door++) {
		smtp_door_free(&i->doors[door].smtp);
		http_door_free(&i->doors[door].http);
	}
	logins_free(&i->logins);
	submit_free(&i->submit);
	mailerq_results_free(&i->mailerq_results);
	traces_free(&i->traces);
	replica_free(&i->suppressions);
	replica_free(&i->sites);
	broker_close(&i->broker);
	acceptor_free(&i->acceptor);
	task_cancel(&i->stopped_task, i->options.node.loop);
	timer_free(&i->stop_limit);
	timer_free(&i->forget_timer);
	idempotency_free(&i->idempotency);
	api_keys_free(&i->api_keys);
	free(i->doors);
	free(i->spool);
	free(i);
}
