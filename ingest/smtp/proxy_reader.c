/* Bytes are looked at first and taken only when they are known to belong to the header: as long as it is not complete, all of them do. */
#include "ingest/smtp/proxy_reader.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/memory.h"

struct proxy_reader {
	int fd; /* -1: given back */
	struct watch *watch;
	struct timer *limit;
	proxy_read done;
	void *owner;
	size_t len;
	uint8_t header[PROXY_HEADER_MAX];
};

static void end_reading(struct proxy_reader *reader, enum proxy_verdict verdict,
			const struct net_address *client)
{
	int fd = reader->fd;
	watch_free(&reader->watch);
	timer_stop(reader->limit);
	reader->fd = -1;
	reader->done(reader->owner, verdict, fd, client);
}

static bool take(struct proxy_reader *reader, size_t count)
{
	ssize_t got = recv(reader->fd, reader->header + reader->len, count, 0);
	if (got > 0)
		reader->len += (size_t)got;
	return got == (ssize_t)count;
}

static void on_ready(void *owner, bool can_read, bool can_write)
{
	struct proxy_reader *reader = owner;
	struct net_address client = {0};
	size_t used = 0;
	(void)can_read, (void)can_write;
	ssize_t seen = recv(reader->fd, reader->header + reader->len,
			    sizeof reader->header - reader->len, MSG_PEEK);
	if (seen < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (seen <= 0) {
		end_reading(reader, PROXY_BAD, &client);
		return;
	}
	size_t len = reader->len + (size_t)seen;
	enum proxy_verdict verdict = proxy_parse(bytes_from(reader->header, len), &client, &used);
	if (verdict == PROXY_MORE && len == sizeof reader->header)
		verdict = PROXY_BAD;
	bool is_taken = true;
	if (verdict == PROXY_MORE)
		is_taken = take(reader, (size_t)seen);
	else if (verdict != PROXY_BAD)
		is_taken = take(reader, used - reader->len);
	if (!is_taken)
		verdict = PROXY_BAD;
	if (verdict != PROXY_MORE)
		end_reading(reader, verdict, &client);
}

static void on_late(void *owner)
{
	struct net_address client = {0};
	end_reading(owner, PROXY_BAD, &client);
}

struct proxy_reader *proxy_reader_new(struct loop *loop, int fd, int64_t limit_ms, proxy_read done,
				      void *owner)
{
	struct proxy_reader *reader = memory_new(sizeof *reader);
	reader->fd = fd;
	reader->done = done;
	reader->owner = owner;
	reader->watch = watch_new(loop, fd, on_ready, reader);
	reader->limit = timer_new(loop, on_late, reader);
	watch_want(reader->watch, true, false);
	timer_start(reader->limit, limit_ms);
	return reader;
}

void proxy_reader_free(struct proxy_reader **reader)
{
	struct proxy_reader *r = *reader;
	if (!r)
		return;
	*reader = NULL;
	watch_free(&r->watch);
	timer_free(&r->limit);
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}
