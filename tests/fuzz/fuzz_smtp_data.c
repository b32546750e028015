/* Any message data: its end is where a plain search finds CR LF . CR LF, and neither its outcome
 * nor its content depends on where the network cut it. The first byte of the input chooses the
 * cuts. */
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/data.h"

struct taken {
	struct smtpd_data data;
	struct buf content;
	size_t used;
	bool has_ended;
};

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void keep(void *owner, struct bytes span)
{
	struct taken *taken = owner;
	check(span.len > 0 && buf_append(&taken->content, span) == OK);
}

static void take(struct taken *taken, struct bytes in, size_t piece)
{
	memset(taken, 0, sizeof *taken);
	buf_init(&taken->content, 1 << 22);
	smtpd_data_init(&taken->data, 2000, 100, false);
	while (in.len > 0 && !taken->has_ended) {
		struct bytes part = bytes_first(in, piece);
		size_t used = smtpd_data_feed(&taken->data, part, keep, taken, &taken->has_ended);
		check(used <= part.len && (used == part.len || taken->has_ended));
		taken->used += used;
		in = bytes_skip(in, used);
	}
}

/* Bytes up to and with the true end; 0 when there is none. */
static size_t find_end(struct bytes in)
{
	if (in.len >= 3 && memcmp(in.data, ".\r\n", 3) == 0)
		return 3;
	const uint8_t *end = in.len > 0 ? memmem(in.data, in.len, "\r\n.\r\n", 5) : NULL;
	return end ? (size_t)(end - in.data) + 5 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct bytes in = bytes_from(data + 1, size - 1);
	struct taken whole, cut;
	take(&whole, in, in.len);
	take(&cut, in, (size_t)data[0] % 32 + 1);
	size_t end = find_end(in);
	check(whole.has_ended == (end > 0) && cut.has_ended == (end > 0));
	check(whole.used == (end > 0 ? end : in.len) && cut.used == whole.used);
	struct smtpd_reply reply = smtpd_data_objection(&whole.data);
	check(reply.code == smtpd_data_objection(&cut.data).code);
	if (!smtpd_objects(reply)) {
		check(bytes_equal(buf_bytes(&whole.content), buf_bytes(&cut.content)));
		check(whole.data.bytes == whole.content.len && whole.data.bytes <= 2000);
		check(whole.data.header.received_count == cut.data.header.received_count);
		check(!memchr(in.data ? in.data : data, 0, in.data ? whole.used : 0));
	}
	buf_done(&whole.content);
	buf_done(&cut.content);
	return 0;
}
