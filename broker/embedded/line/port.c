/* See host.h and port.h.
 *
 *   client's loop: port_send -> `out` -- end of turn --> to_core == nudge ==> host's loop: the session
 *   host's loop: the session -> `back` -- end of turn --> to_client == nudge ==> client's loop: arrived
 *
 * The client closes; the host's half goes when it has given the core all that was sent before. Whoever is last frees the port. */
#include "broker/embedded/line/port.h"

#include <assert.h>
#include <pthread.h>

#include "lib/base/memory.h"
#include "lib/loop/nudge.h"

struct port {
	pthread_mutex_t lock; /* over the next four */
	struct packets to_core, to_client;
	bool is_closed;		/* by the client */
	unsigned holders_count; /* halves that still stand */

	/* the client's half */
	struct loop *loop;
	void (*arrived)(void *owner, struct packet *packet);
	void *owner;
	struct packets out, arriving;
	struct task out_task;
	struct nudge client_nudge;

	/* the host's half */
	struct host *host;
	struct session *session; /* NULL: not attached yet */
	struct packets back;
	struct task back_task;
	struct nudge host_nudge;
};

static void let_go(struct port *port)
{
	pthread_mutex_lock(&port->lock);
	bool is_last = --port->holders_count == 0;
	pthread_mutex_unlock(&port->lock);
	if (!is_last)
		return;
	packets_free_all(&port->to_core);
	packets_free_all(&port->to_client);
	pthread_mutex_destroy(&port->lock);
	free(port);
}

/* ---- on the host's loop ---- */

static void send_back(void *owner)
{
	struct port *port = owner;
	pthread_mutex_lock(&port->lock);
	packets_move_all(&port->back, &port->to_client);
	pthread_mutex_unlock(&port->lock);
	nudge_send(&port->client_nudge);
}

static void on_session_sends(void *owner, struct packet *packet)
{
	struct port *port = owner;
	packets_add(&port->back, packet);
	loop_defer(host_loop(port->host), &port->back_task);
}

static void shut_host_half(struct port *port)
{
	if (port->session)
		core_detach(&port->session);
	task_cancel(&port->back_task, host_loop(port->host));
	nudge_cancel(&port->host_nudge);
	packets_free_all(&port->back);
	let_go(port);
}

static void on_host_nudge(void *owner)
{
	struct port *port = owner;
	struct packets come;
	struct packet *packet;
	packets_init(&come);
	pthread_mutex_lock(&port->lock);
	packets_move_all(&port->to_core, &come);
	bool is_closed = port->is_closed;
	pthread_mutex_unlock(&port->lock);
	if (!port->session)
		port->session = core_attach(host_core(port->host), on_session_sends, port);
	while ((packet = packets_take(&come))) {
		enum err err = session_receive(port->session, packet);
		assert(!err); /* the client is our own code */
	}
	if (is_closed)
		shut_host_half(port);
}

/* ---- on the client's loop ---- */

static void on_client_nudge(void *owner)
{
	struct port *port = owner;
	struct packet *packet;
	pthread_mutex_lock(&port->lock);
	packets_move_all(&port->to_client, &port->arriving);
	pthread_mutex_unlock(&port->lock);
	while ((packet = packets_take(&port->arriving)))
		port->arrived(port->owner, packet);
}

static void send_out(void *owner)
{
	struct port *port = owner;
	pthread_mutex_lock(&port->lock);
	packets_move_all(&port->out, &port->to_core);
	pthread_mutex_unlock(&port->lock);
	nudge_send(&port->host_nudge);
}

struct port *port_open(struct host *host, struct loop *client_loop,
		       void (*arrived)(void *owner, struct packet *packet), void *owner)
{
	struct port *port = memory_new(sizeof *port);
	pthread_mutex_init(&port->lock, NULL);
	port->holders_count = 2;
	port->loop = client_loop;
	port->arrived = arrived;
	port->owner = owner;
	port->host = host;
	struct packets *const queues[] = {&port->to_core, &port->to_client, &port->out,
					  &port->arriving, &port->back};
	for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
		packets_init(queues[i]);
	port->out_task = (struct task){.run = send_out, .owner = port};
	port->back_task = (struct task){.run = send_back, .owner = port};
	nudge_init(&port->client_nudge, client_loop, on_client_nudge, port);
	nudge_init(&port->host_nudge, host_loop(host), on_host_nudge, port);
	return port;
}

void port_send(struct port *port, struct packet *packet)
{
	packets_add(&port->out, packet);
	loop_defer(port->loop, &port->out_task);
}

/* Closed and sent in one step, so that the host's half sees the last packets no later than the end. */
void port_close(struct port **port)
{
	struct port *old = *port;
	*port = NULL;
	if (!old)
		return;
	task_cancel(&old->out_task, old->loop);
	nudge_cancel(&old->client_nudge);
	packets_free_all(&old->arriving);
	pthread_mutex_lock(&old->lock);
	packets_move_all(&old->out, &old->to_core);
	old->is_closed = true;
	pthread_mutex_unlock(&old->lock);
	nudge_send(&old->host_nudge);
	let_go(old);
}
