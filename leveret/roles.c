/* Running roles.
 *
 *   main thread: signals, /metrics, /health       role thread: start -> loop -> stop (drain) -> free
 *   SIGTERM --> post stop to ingest, worker, bouncer in turn --> each posts "ended" back --> the main loop ends
 *
 * A role that cannot start ends the program: its supervisor starts it again, and its exit code tells. */
#include "leveret/roles.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/replica.h"
#include "ingest/idempotency.h"
#include "leveret/notify.h"
#include "leveret/options.h"
#include "leveret/program.h"
#include "leveret/role_kinds.h"
#include "lib/net/http_server.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"
#include "workers/delivery/shaper_kept.h"
#include "workers/tls/sts_cache.h"

#define STOP_LIMIT_MS 28000 /* under the 30 s that operators are promised */

struct role {
	const struct role_kind *kind;
	struct program *program;
	struct loop *loop;
	pthread_t thread;
	enum {
		ROLE_STARTING,
		ROLE_RUNNING,
		ROLE_STOPPING,
		ROLE_ENDED
	} state;	      /* main thread's view */
	bool is_told_to_stop; /* the same */
	atomic_bool is_ready; /* told by the role: its broker takes what it publishes */
	struct why failure;   /* when it could not start */
	union running_role as;
};

struct program {
	const struct roles_options *options;
	struct loop *loop;
	struct routing *routing;
	struct store *store;
	struct http_server *http;
	struct timer *stop_limit, *stop_turn;
	struct role roles[ROLES_MAX];
	size_t role_count;
	bool is_stopping;
	int code;
};

/* ---- told to the main thread ---- */

static void stop_all(void *owner);
static void stop_next(void *owner);

static bool every_role_is(const struct program *program, int state)
{
	for (size_t i = 0; i < program->role_count; i++)
		if ((int)program->roles[i].state != state)
			return false;
	return true;
}

static bool has_stopping_role(const struct program *program)
{
	for (size_t i = 0; i < program->role_count; i++)
		if (program->roles[i].is_told_to_stop && program->roles[i].state != ROLE_ENDED)
			return true;
	return false;
}

static void role_is_running(void *owner)
{
	struct role *role = owner;
	role->state = role->program->is_stopping ? ROLE_STOPPING : ROLE_RUNNING;
	log_event(EV_role_started, F_TEXT("name", role->kind->name));
	if (every_role_is(role->program, ROLE_RUNNING))
		notify_supervisor("READY=1");
}

static void role_has_ended(void *owner)
{
	struct role *role = owner;
	role->state = ROLE_ENDED;
	if (role->failure.text[0]) {
		log_event(EV_role_failed, F_TEXT("name", role->kind->name),
			  F_TEXT("why", role->failure.text));
		role->program->code = EXIT_FAILED;
		stop_all(role->program);
	} else {
		log_event(EV_role_stopped, F_TEXT("name", role->kind->name));
	}
	if (role->program->is_stopping && !has_stopping_role(role->program))
		stop_next(role->program);
	if (every_role_is(role->program, ROLE_ENDED))
		loop_stop(role->program->loop);
}

/* ---- on the role's own thread ---- */

static void role_stopped(void *owner)
{
	struct role *role = owner;
	loop_stop(role->loop);
}

static void stop_role(void *owner)
{
	struct role *role = owner;
	role->kind->stop(&role->as, role_stopped, role);
}

static void role_ready_changed(void *owner, bool is_ready)
{
	struct role *role = owner;
	atomic_store(&role->is_ready, is_ready);
}

static void *role_thread(void *owner)
{
	struct role *role = owner;
	struct program *program = role->program;
	struct node node = {
		.loop = role->loop,
		.hostname = program_hostname(program->options->settings),
		.data_dir = program->options->settings->node.data_dir,
		.broker = &program->options->settings->broker,
		.routing = program->routing,
		.store = program->store,
		.ready_changed = role_ready_changed,
		.owner = role,
	};
	log_set_role(role->kind->name);
	if (role->kind->start(&role->as, program->options, &node, &role->failure) == OK) {
		role->failure.text[0] = '\0';
		loop_post(program->loop, role_is_running, role);
		loop_run(role->loop);
		role->kind->free(&role->as);
	}
	loop_post(program->loop, role_has_ended, role);
	return NULL;
}

/* ---- the main thread ---- */

static void stop_is_late(void *owner)
{
	(void)owner;
	log_event(EV_role_failed, F_TEXT("name", "all"),
		  F_TEXT("why", "stopping took too long; what was held goes back to the broker"));
	_Exit(EXIT_FAILED);
}

/* Roles are told to stop in the opposite order of their start: ingest, that nothing new comes; then the worker, that it finishes
 * what is on the wire; the bouncer last, that it learns from it. The next one is told when one has ended, or soon enough to have
 * its own time. */
static void stop_next(void *owner)
{
	struct program *program = owner;
	for (size_t i = program->role_count; i-- > 0;) {
		struct role *role = &program->roles[i];
		if (role->is_told_to_stop || role->state == ROLE_ENDED)
			continue;
		role->is_told_to_stop = true;
		log_event(EV_role_stopping, F_TEXT("name", role->kind->name));
		timer_start(program->stop_turn, role->kind->head_start_ms);
		loop_post(role->loop, stop_role, role);
		return;
	}
}

static void stop_all(void *owner)
{
	struct program *program = owner;
	if (program->is_stopping)
		return;
	program->is_stopping = true;
	notify_supervisor("STOPPING=1");
	timer_start(program->stop_limit, STOP_LIMIT_MS);
	stop_next(program);
}

static bool has_brokers(const struct program *program)
{
	for (size_t i = 0; i < program->role_count; i++)
		if (!atomic_load(&program->roles[i].is_ready))
			return false;
	return true;
}

static void answer_whether(struct http_answer *answer, bool is_so)
{
	answer->status = is_so ? 200 : 503;
	if (buf_append_text(&answer->body, is_so ? "ok\n" : "not ready\n") != OK)
		answer->status = 500;
}

/* /health: the roles run, or end as they were told. /ready: they can do their work, because the broker is there. */
static void answer_http(void *owner, const char *path, struct http_answer *answer)
{
	const struct program *program = owner;
	answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	if (strcmp(path, "/metrics") == 0)
		answer->status = metrics_write(&answer->body) == OK ? 200 : 500;
	else if (strcmp(path, "/health") == 0)
		answer_whether(answer,
			       program->is_stopping || every_role_is(program, ROLE_RUNNING));
	else if (strcmp(path, "/ready") == 0)
		answer_whether(answer, !program->is_stopping &&
					       every_role_is(program, ROLE_RUNNING) &&
					       has_brokers(program));
}

static enum err open_http(struct program *program, struct why *why)
{
	struct net_address address;
	char text[NET_ADDRESS_SIZE];
	if (!program->options->metrics[0])
		return OK;
	if (!net_address_parse(program->options->metrics, 9100, &address))
		return fail(why, E_MALFORMED, "metrics: \"%s\" is not an address and port",
			    program->options->metrics);
	enum err err = http_server_open(program->loop, &address, answer_http, program,
					&program->http, why);
	if (err == OK) {
		net_address_text(http_server_address(program->http), text);
		log_event(EV_settings_loaded, F_TEXT("metrics", text));
	}
	return err;
}

static enum err open_store(struct program *program, struct why *why)
{
	static const char *const databases[] = {REPLICA_DATABASES, "journal", STS_DATABASE,
						IDEMPOTENCY_DATABASE, SHAPING_DATABASE};
	char path[4096];
	const char *data_dir = program->options->settings->node.data_dir;
	int len = snprintf(path, sizeof path, "%s/node", data_dir);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "node.data_dir is too long");
	(void)mkdir(data_dir,
		    0700); /* its parent is the operator's; a failure shows at the store */
	return store_open(path, databases, sizeof databases / sizeof databases[0], &program->store,
			  why);
}

static void add_role(struct program *program, const struct role_kind *kind)
{
	struct role *role = &program->roles[program->role_count++];
	role->kind = kind;
	role->program = program;
	role->loop = loop_new();
	if (pthread_create(&role->thread, NULL, role_thread, role) != 0)
		abort();
}

static void reload_role(void *owner)
{
	struct role *role = owner;
	role->kind->reload(&role->as);
}

static void reload(void *owner)
{
	struct program *program = owner;
	log_event(EV_reload_started,
		  F_TEXT("reads",
			 "certificates, credentials, rules of classification, accounting files"));
	for (size_t i = 0; i < program->role_count; i++) {
		struct role *role = &program->roles[i];
		if (role->kind->reload && role->state == ROLE_RUNNING)
			loop_post(role->loop, reload_role, role);
	}
}

static void start_roles(struct program *program)
{
	const struct roles_options *options = program->options;
	loop_on_signal(program->loop, SIGTERM, stop_all, program);
	loop_on_signal(program->loop, SIGINT, stop_all, program);
	loop_on_signal(program->loop, SIGHUP, reload, program);
	if (options->bouncer)
		add_role(program, &role_bouncer);
	if (options->worker)
		add_role(program, &role_worker);
	if (options->ingest)
		add_role(program, &role_ingest);
}

static void close_all(struct program *program)
{
	for (size_t i = 0; i < program->role_count; i++) {
		(void)pthread_join(program->roles[i].thread, NULL);
		loop_free(&program->roles[i].loop);
	}
	http_server_close(&program->http);
	store_close(&program->store);
	routing_free(&program->routing);
	timer_free(&program->stop_limit);
	timer_free(&program->stop_turn);
	loop_free(&program->loop);
}

int roles_run(const struct roles_options *options)
{
	struct program program = {.options = options, .loop = loop_new(), .code = EXIT_DONE};
	struct why why = {""};
	program.stop_limit = timer_new(program.loop, stop_is_late, &program);
	program.stop_turn = timer_new(program.loop, stop_next, &program);
	program.routing = routing_new(&options->settings->routing);
	enum err err = program_drop_privileges(options->settings, &why);
	if (err == OK)
		err = open_store(&program, &why);
	if (err == OK)
		err = open_http(&program, &why);
	if (err == OK) {
		start_roles(&program);
		loop_run(program.loop);
	} else {
		log_event(EV_role_failed, F_TEXT("name", "all"), F_TEXT("why", why.text));
		program.code = EXIT_FAILED;
	}
	close_all(&program);
	return program.code;
}
