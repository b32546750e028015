/* Packets, as many as the bytes hold: each that is read is written again to the same bytes, and its record is parsed. */
#include <stdlib.h>

#include "broker/embedded/packet/packet.h"
#include "broker/embedded/packet/record.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_written(const struct packet *packet, struct bytes from)
{
	struct buf out;
	buf_init(&out, PACKET_SIZE_MAX);
	check(packet_write(packet, &out) == OK);
	check(bytes_equal(buf_bytes(&out), from));
	check(packet_size(packet) == from.len);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(data, size);
	struct packet *packet = NULL;
	size_t len = 0;
	struct record record;
	enum err err;
	while ((err = packet_read(in, &packet, &len)) == OK) {
		check_written(packet, bytes_first(in, len));
		(void)!record_parse(shared_bytes(packet->record), &record);
		packet_free(&packet);
		in = bytes_skip(in, len);
	}
	check(err == E_NOT_FOUND || err == E_MALFORMED);
	check(!packet && len == 0);
	return 0;
}
