/* Header sections read the same however they are cut, and a Received field is one field whatever it is made of. */
#include <stdlib.h>
#include <string.h>

#include "lib/mail/received.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static struct header_scan scan_in_pieces(struct bytes in, size_t piece)
{
	struct header_scan scan;
	header_scan_init(&scan);
	for (size_t at = 0; at < in.len; at += piece)
		header_scan_feed(&scan, bytes_first(bytes_skip(in, at), piece));
	return scan;
}

static void check_scan(struct bytes in, size_t piece)
{
	struct header_scan whole = scan_in_pieces(in, in.len + 1);
	struct header_scan cut = scan_in_pieces(in, piece);
	check(whole.received_count == cut.received_count && whole.is_done == cut.is_done);
	check(whole.has_8bit == cut.has_8bit);
}

static void check_written(const char *text)
{
	struct received received = {text, text, text, text, text, text, 0};
	struct buf out;
	buf_init(&out, 8192);
	check(received_write(&received, &out) == OK);
	struct header_scan scan;
	header_scan_init(&scan);
	header_scan_feed(&scan, buf_bytes(&out));
	check(scan.received_count == 1 && !scan.is_done && !scan.has_8bit);
	header_scan_feed(&scan, BYTES("\r\n"));
	check(scan.is_done);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512];
	if (size == 0)
		return 0;
	struct bytes in = bytes_from(data + 1, size - 1);
	check_scan(in, 1 + data[0]);
	if (bytes_to_cstr(in, text, sizeof text))
		check_written(text);
	return 0;
}
