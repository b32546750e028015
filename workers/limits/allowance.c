/* See allowance.h. */
#include "workers/limits/allowance.h"

#include <stdio.h>

#include "lib/base/memory.h"

#define NAME_MAX_LEN 700
#define TURN_MS	     30000

struct allowance {
	struct allowance_options options;
	struct share *sessions; /* NULL: no limit */
	struct tempo *connects, *sends;
};

static struct tempo *new_tempo(const struct allowance_options *options, const char *what,
			       conf_rate rate)
{
	char name[NAME_MAX_LEN];
	(void)snprintf(name, sizeof name, "%s.%s", options->name, what);
	return tempo_new(&(struct tempo_options){
		.loop = options->loop,
		.broker = options->broker,
		.name = name,
		.rate = rate,
		.changed = options->changed,
		.owner = options->owner,
	});
}

static struct share *new_sessions(const struct allowance_options *options)
{
	char name[NAME_MAX_LEN];
	(void)snprintf(name, sizeof name, "%s.sessions", options->name);
	return share_new(&(struct share_options){
		.loop = options->loop,
		.broker = options->broker,
		.name = name,
		.limit = (unsigned)options->limits.connections,
		.turn_ms = TURN_MS,
		.changed = options->changed,
		.owner = options->owner,
	});
}

static void open_parts(struct allowance *allowance)
{
	const struct allowance_options *options = &allowance->options;
	if (options->limits.connections > 0)
		allowance->sessions = new_sessions(options);
	allowance->connects = new_tempo(options, "connects", options->limits.connect_rate);
	allowance->sends = new_tempo(options, "sends", options->limits.rate);
}

static void close_parts(struct allowance *allowance)
{
	share_free(&allowance->sessions);
	tempo_free(&allowance->connects);
	tempo_free(&allowance->sends);
}

struct allowance *allowance_new(const struct allowance_options *options)
{
	struct allowance *allowance = memory_new(sizeof *allowance);
	allowance->options = *options;
	allowance->options.name = memory_text(options->name);
	open_parts(allowance);
	return allowance;
}

void allowance_free(struct allowance **allowance)
{
	struct allowance *a = *allowance;
	if (!a)
		return;
	*allowance = NULL;
	close_parts(a);
	free((char *)a->options.name);
	free(a);
}

void allowance_share(struct allowance *allowance, struct broker *broker)
{
	if (broker == allowance->options.broker)
		return;
	close_parts(allowance);
	allowance->options.broker = broker;
	open_parts(allowance);
}

void allowance_set(struct allowance *allowance, const struct limits *limits)
{
	allowance->options.limits = *limits;
	tempo_rate(allowance->connects, limits->connect_rate);
	tempo_rate(allowance->sends, limits->rate);
	if (limits->connections == 0)
		share_free(&allowance->sessions);
	else if (!allowance->sessions)
		allowance->sessions = new_sessions(&allowance->options);
	else
		share_limit(allowance->sessions, (unsigned)limits->connections);
}

const struct limits *allowance_limits(const struct allowance *allowance)
{
	return &allowance->options.limits;
}

void allowance_want(struct allowance *allowance, size_t open_count, size_t more)
{
	if (allowance->sessions)
		share_want(allowance->sessions, (unsigned)(open_count + more),
			   (unsigned)open_count);
}

size_t allowance_held(const struct allowance *allowance)
{
	return allowance->sessions ? share_held(allowance->sessions) : SIZE_MAX;
}

bool allowance_has_room(const struct allowance *allowance, size_t open_count)
{
	return open_count < allowance_held(allowance);
}

int64_t allowance_connect_wait_ms(struct allowance *allowance)
{
	return tempo_wait_ms(allowance->connects);
}

void allowance_note_connect(struct allowance *allowance)
{
	tempo_note(allowance->connects);
}

int64_t allowance_send_wait_ms(struct allowance *allowance)
{
	return tempo_wait_ms(allowance->sends);
}

void allowance_note_send(struct allowance *allowance)
{
	tempo_note(allowance->sends);
}

int64_t allowance_rest_ms(const struct allowance *allowance)
{
	int64_t connects_ms = tempo_rest_ms(allowance->connects);
	int64_t sends_ms = tempo_rest_ms(allowance->sends);
	return connects_ms > sends_ms ? connects_ms : sends_ms;
}
