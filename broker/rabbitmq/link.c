/* See link.h.
 *
 *   WAITING -> LOOKING_UP -> CONNECTING [-> SECURING] -> RUNNING
 *      ^------------ any step fails, or takes too long ----------'
 *
 * Failures are noted where they show and handled at the end of the turn, because channels and their
 * owners may be on the stack. */
#include "broker/rabbitmq/link.h"

#include <netdb.h>
#include <stdio.h>

#include "broker/rabbitmq/background.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/net/stream.h"

#define INPUT_MAX     (4 * WIRE_FRAME_MAX)
#define OUTPUT_MAX    (16u << 20)
#define ADDRESSES_MAX 8

struct link {
	struct loop *loop;
	const struct link_options *options;
	const struct link_handler *handler;
	void *owner;
	struct connection_options connection_options;
	struct connection *connection;
	enum { WAITING, LOOKING_UP, CONNECTING, SECURING, RUNNING } state;
	struct background *lookup;
	struct stream *stream;
	struct timer *step_timer; /* WAITING: until the next attempt; else: limit of the attempt */
	struct timer *tick_timer;
	struct task failure_task;
	struct why failure;
	unsigned attempt; /* chooses host and address */
	unsigned host;
	int64_t backoff_ms;
};

/* ---- failing ---- */

static void note_failure(struct link *link, const struct why *why)
{
	if (link->failure_task.link)
		return;
	link->failure = *why;
	loop_defer(link->loop, &link->failure_task);
}

static int64_t next_wait_ms(struct link *link)
{
	const struct broker_settings *settings = link->options->settings;
	int64_t wait_ms = (int64_t)((double)link->backoff_ms * (0.5 + random_unit()));
	link->backoff_ms = link->backoff_ms * 2 < settings->reconnect_max ? link->backoff_ms * 2
									  : settings->reconnect_max;
	return wait_ms > 0 ? wait_ms : 1;
}

static void on_failure(void *owner)
{
	struct link *link = owner;
	background_abandon(&link->lookup);
	stream_free(&link->stream);
	timer_stop(link->tick_timer);
	link->state = WAITING;
	connection_end(link->connection);
	timer_start(link->step_timer, next_wait_ms(link));
	link->handler->lost(link->owner, &link->failure);
}

static const struct url_host *host(const struct link *link)
{
	return &link->options->url->hosts[link->host];
}

/* ---- the connection's stream ---- */

static enum err io_write(void *owner, struct bytes b)
{
	struct link *link = owner;
	return link->stream ? stream_write(link->stream, b) : E_CLOSED;
}

static size_t io_unsent(void *owner)
{
	struct link *link = owner;
	return link->stream ? stream_unsent(link->stream) : 0;
}

static void io_pause(void *owner, bool is_paused)
{
	struct link *link = owner;
	if (link->stream)
		stream_pause(link->stream, is_paused);
}

static const struct connection_io io = {.write = io_write, .unsent = io_unsent, .pause = io_pause};

static void run_connection(struct link *link)
{
	link->state = RUNNING;
	connection_begin(link->connection, &io, link, loop_now_ms(link->loop));
}

static void on_connected(void *owner)
{
	struct link *link = owner;
	if (!link->options->url->is_tls) {
		run_connection(link);
		return;
	}
	link->state = SECURING;
	stream_start_tls(link->stream, link->options->tls, host(link)->name);
}

static void on_secured(void *owner)
{
	run_connection(owner);
}

static void on_received(void *owner)
{
	struct link *link = owner;
	if (link->state != RUNNING)
		return;
	stream_consume(link->stream, connection_input(link->connection, stream_input(link->stream),
						      loop_now_ms(link->loop)));
}

static void on_drained(void *owner)
{
	struct link *link = owner;
	if (link->handler->drained)
		link->handler->drained(link->owner);
}

static void on_stream_closed(void *owner, enum err err, const struct why *why)
{
	(void)err;
	note_failure(owner, why);
}

/* ---- looking up and connecting ---- */

struct lookup { /* all that the thread may touch */
	char name[URL_PART_MAX];
	uint16_t port;
	struct net_address addresses[ADDRESSES_MAX];
	unsigned count;
	struct why why;
};

/* The system's own look-up, because brokers stand in /etc/hosts and in the search domains of
 * containers. */
static void look_up(void *work)
{
	struct lookup *lookup = work;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char port[8];
	(void)snprintf(port, sizeof port, "%u", lookup->port);
	int status = getaddrinfo(lookup->name, port, &hints, &found);
	if (status != 0)
		(void)fail(&lookup->why, E_NOT_FOUND, "look up %s: %s", lookup->name,
			   gai_strerror(status));
	for (struct addrinfo *at = found; at && lookup->count < ADDRESSES_MAX; at = at->ai_next) {
		struct net_address *address = &lookup->addresses[lookup->count];
		if (at->ai_addrlen > sizeof address->sa)
			continue;
		memcpy(&address->sa, at->ai_addr, at->ai_addrlen);
		address->len = at->ai_addrlen;
		lookup->count++;
	}
	if (found)
		freeaddrinfo(found);
}

static void connect_to(struct link *link, const struct net_address *address)
{
	static const struct stream_handler handler = {.connected = on_connected,
						      .received = on_received,
						      .drained = on_drained,
						      .secured = on_secured,
						      .closed = on_stream_closed};
	static const struct stream_options options = {.input_max_bytes = INPUT_MAX,
						      .output_max_bytes = OUTPUT_MAX};
	link->state = CONNECTING;
	link->stream =
		stream_connect(link->loop, address, NULL, link->options->settings->connect_timeout,
			       &options, &handler, link);
}

static void on_looked_up(void *owner, void *work)
{
	struct link *link = owner;
	const struct lookup *lookup = work;
	link->lookup = NULL;
	if (lookup->count == 0)
		note_failure(link, &lookup->why);
	else /* another address of a host only after all hosts had their turn */
		connect_to(link, &lookup->addresses[link->attempt / link->options->url->host_count %
						    lookup->count]);
}

static void start_attempt(struct link *link)
{
	static const struct background_work type = {
		.run = look_up, .finished = on_looked_up, .free_work = free};
	struct net_address address;
	link->attempt++;
	link->host = (unsigned)(link->attempt % link->options->url->host_count);
	timer_start(link->step_timer, link->options->settings->connect_timeout);
	if (net_address_parse(host(link)->name, host(link)->port, &address)) {
		connect_to(link, &address);
		return;
	}
	struct lookup *lookup = memory_new(sizeof *lookup);
	(void)snprintf(lookup->name, sizeof lookup->name, "%s", host(link)->name);
	lookup->port = host(link)->port;
	link->state = LOOKING_UP;
	link->lookup = background_start(link->loop, &type, lookup, link);
}

static void on_step(void *owner)
{
	struct link *link = owner;
	if (link->state == WAITING) {
		start_attempt(link);
		return;
	}
	struct why why;
	(void)fail(&why, E_TIMEOUT, "no connection within %lld ms",
		   (long long)link->options->settings->connect_timeout);
	note_failure(link, &why);
}

/* ---- the connection ---- */

static void on_tick(void *owner)
{
	struct link *link = owner;
	timer_start(link->tick_timer, connection_tick_ms(link->connection));
	connection_tick(link->connection, loop_now_ms(link->loop));
}

static void on_opened(void *owner)
{
	struct link *link = owner;
	timer_stop(link->step_timer);
	timer_start(link->tick_timer, connection_tick_ms(link->connection));
	link->backoff_ms = link->options->settings->reconnect_min;
	link->handler->opened(link->owner);
}

static void on_connection_failed(void *owner, enum err err, const struct why *why)
{
	(void)err;
	note_failure(owner, why);
}

static void on_blocked(void *owner, bool is_blocked, const char *reason)
{
	struct link *link = owner;
	link->handler->blocked(link->owner, is_blocked, reason);
}

/* ---- life ---- */

struct link *link_new(struct loop *loop, const struct link_options *options,
		      const struct link_handler *handler, void *owner)
{
	static const struct connection_handler connection_handler = {
		.opened = on_opened, .failed = on_connection_failed, .blocked = on_blocked};
	struct link *link = memory_new(sizeof *link);
	link->loop = loop;
	link->options = options;
	link->handler = handler;
	link->owner = owner;
	link->connection_options = (struct connection_options){
		.user = options->url->user,
		.password = *options->settings->password ? options->settings->password
							 : options->url->password,
		.vhost = options->url->vhost,
		.name = options->name,
		.heartbeat_ms = options->settings->heartbeat,
	};
	link->connection = connection_new(&link->connection_options, &connection_handler, link);
	link->failure_task = (struct task){.run = on_failure, .owner = link};
	link->step_timer = timer_new(loop, on_step, link);
	link->tick_timer = timer_new(loop, on_tick, link);
	link->backoff_ms = options->settings->reconnect_min;
	link->attempt = (unsigned)random_u64(); /* processes spread over the hosts */
	timer_start(link->step_timer, 0);
	return link;
}

void link_free(struct link **link)
{
	struct link *old = *link;
	*link = NULL;
	if (!old)
		return;
	background_abandon(&old->lookup);
	connection_close(old->connection);
	if (old->stream)
		stream_flush(old->stream);
	connection_free(&old->connection);
	stream_free(&old->stream);
	task_cancel(&old->failure_task, old->loop);
	timer_free(&old->step_timer);
	timer_free(&old->tick_timer);
	free(old);
}

struct connection *link_connection(struct link *link)
{
	return link->connection;
}

const char *link_host(const struct link *link)
{
	return host(link)->name;
}
