/* A client's end of the directory's socket: see attach.h. */
#include <stdint.h>

#include "broker/embedded/line/attach.h"
#include "broker/embedded/line/packet_socket.h"
#include "broker/embedded/line/socket_file.h"
#include "lib/base/memory.h"

/* What is said last are mostly settlements: a lost one means mail sent twice. */
#define CLOSE_WAIT_MAX_MS 1000

struct attachment {
	struct packet_socket *socket;
	void (*arrived)(void *owner, struct packet *packet);
	void (*lost)(void *owner);
	void *owner;
};

/* How much may wait is for the sender to say, who knows what is not confirmed yet (broker_unconfirmed_bytes). */
static const struct packet_socket_limits no_limits = {.slow_bytes = SIZE_MAX,
						      .max_bytes = SIZE_MAX};

static enum err on_arrived(void *owner, struct packet *packet)
{
	struct attachment *attachment = owner;
	if (packet->kind != PACKET_PING) {
		attachment->arrived(attachment->owner, packet);
		return OK;
	}
	packet_free(&packet);
	packet_socket_send(attachment->socket, packet_new(PACKET_PONG, 0));
	return OK;
}

static void on_ended(void *owner, enum err err, const struct why *why)
{
	struct attachment *attachment = owner;
	(void)err;
	(void)why;
	attachment->lost(attachment->owner);
}

static const struct packet_socket_handler handler = {on_arrived, on_ended};

enum err attachment_open(struct loop *loop, const char *directory,
			 void (*arrived)(void *owner, struct packet *packet),
			 void (*lost)(void *owner), void *owner, struct attachment **ret,
			 struct why *why)
{
	int fd = -1;
	enum err err = socket_file_connect(directory, &fd, why);
	if (err != OK)
		return err;
	struct attachment *attachment = memory_new(sizeof *attachment);
	attachment->arrived = arrived;
	attachment->lost = lost;
	attachment->owner = owner;
	attachment->socket = packet_socket_new(loop, fd, &no_limits, &handler, attachment);
	*ret = attachment;
	return OK;
}

void attachment_send(struct attachment *attachment, struct packet *packet)
{
	packet_socket_send(attachment->socket, packet);
}

void attachment_close(struct attachment **attachment)
{
	if (!*attachment)
		return;
	packet_socket_flush((*attachment)->socket, CLOSE_WAIT_MAX_MS);
	packet_socket_free(&(*attachment)->socket);
	free(*attachment);
	*attachment = NULL;
}
