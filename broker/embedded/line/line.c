/* See line.h.
 *
 *   CLOSED -- host_join --> OPENING, local -- next turn --> OPEN
 *   CLOSED -- the lock is another's, attachment_open --> OPENING, attached -- next turn --> OPEN
 *   CLOSED -- neither: a host starts or dies --> CLOSED, again after a wait
 *   OPENING, OPEN -- attachment lost --> CLOSED
 *
 * A local line is never lost: the host stays until its last line is closed. */
#include "broker/embedded/line/line.h"

#include <assert.h>

#include "broker/embedded/line/attach.h"
#include "broker/embedded/line/host.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define AGAIN_MIN_MS 50
#define AGAIN_MAX_MS 1000

struct line {
	struct loop *loop;
	char *directory;
	const struct broker_settings *settings;
	const struct routing *routing;
	const struct line_upcalls *upcalls;
	void *owner;

	enum { LINE_CLOSED, LINE_OPENING, LINE_OPEN } state;
	struct host *host; /* when local, with its port */
	struct port *port;
	struct attachment
		*attachment; /* when attached; also one that was lost, until the timer fires */
	struct timer *timer; /* OPENING: it opens; CLOSED: it tries again */
	int64_t again_ms;
	struct why told_why; /* the last failure that was logged */
};

static void on_arrived(void *owner, struct packet *packet)
{
	struct line *line = owner;
	if (line->state == LINE_OPEN)
		line->upcalls->arrived(line->owner, packet);
	else
		packet_free(&packet);
}

static void try_again_later(struct line *line)
{
	int64_t half_ms = line->again_ms / 2;
	timer_start(line->timer, half_ms + (int64_t)(random_unit() * (double)half_ms));
	line->again_ms = line->again_ms * 2 < AGAIN_MAX_MS ? line->again_ms * 2 : AGAIN_MAX_MS;
}

/* Closed only when the timer fires: it is its upcall that we are in. */
static void on_lost(void *owner)
{
	struct line *line = owner;
	bool was_open = line->state == LINE_OPEN;
	line->state = LINE_CLOSED;
	try_again_later(line);
	if (was_open)
		line->upcalls->lost(line->owner);
}

static enum err connect_to_core(struct line *line, struct why *why)
{
	enum err err = host_join(line->directory, line->settings, line->routing, &line->host, why);
	if (err == OK)
		line->port = port_open(line->host, line->loop, on_arrived, line);
	else if (err == E_BLOCKED)
		err = attachment_open(line->loop, line->directory, on_arrived, on_lost, line,
				      &line->attachment, why);
	if (err)
		return err;
	line->state = LINE_OPENING;
	timer_start(line->timer, 0);
	return OK;
}

/* E_AWAY is the way of things while a host starts or dies; all else a person should know of, once. */
static void log_failure(struct line *line, enum err err, const struct why *why)
{
	if (err == E_AWAY || strcmp(line->told_why.text, why->text) == 0)
		return;
	line->told_why = *why;
	log_event(EV_broker_lost, F_TEXT("connection", "embedded"), F_TEXT("why", why->text));
}

static void on_timer(void *owner)
{
	struct line *line = owner;
	struct why why = {""};
	if (line->state == LINE_OPENING) {
		line->state = LINE_OPEN;
		line->again_ms = AGAIN_MIN_MS;
		line->told_why.text[0] = '\0';
		line->upcalls->opened(line->owner);
		return;
	}
	attachment_close(&line->attachment);
	enum err err = connect_to_core(line, &why);
	if (err) {
		log_failure(line, err, &why);
		try_again_later(line);
	}
}

enum err line_open(struct loop *loop, const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, const struct line_upcalls *upcalls, void *owner,
		   struct line **ret, struct why *why)
{
	struct line *line = memory_new(sizeof *line);
	line->loop = loop;
	line->directory = memory_text(directory);
	line->settings = settings;
	line->routing = routing;
	line->upcalls = upcalls;
	line->owner = owner;
	line->again_ms = AGAIN_MIN_MS;
	line->timer = timer_new(loop, on_timer, line);
	enum err err = connect_to_core(line, why);
	if (err == E_AWAY) {
		try_again_later(line);
		err = OK;
	}
	if (err)
		line_close(&line);
	else
		*ret = line;
	return err;
}

void line_close(struct line **line)
{
	struct line *old = *line;
	*line = NULL;
	if (!old)
		return;
	timer_free(&old->timer);
	attachment_close(&old->attachment);
	port_close(&old->port);
	host_leave(&old->host);
	free(old->directory);
	free(old);
}

void line_send(struct line *line, struct packet *packet)
{
	if (line->state != LINE_OPEN)
		packet_free(&packet);
	else if (line->port)
		port_send(line->port, packet);
	else
		attachment_send(line->attachment, packet);
}

const char *line_directory(const struct line *line)
{
	return line->directory;
}
