/* Wishes and answers of a tap as anybody on the broker may write them, and lines of it: what is read can be written again, and no control
 * gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workers/taps/tap_counts.h"
#include "workers/taps/tap_line.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void try_wish(struct bytes text)
{
	struct tap_wish wish, again;
	struct buf out;
	size_t kind = strlen(TAP_QUESTION "\n");
	if (!tap_wish_read(text, &wish))
		return;
	buf_init(&out, 8192);
	check(tap_wish_write(&wish, &out) == OK);
	check(tap_wish_read(bytes_skip(buf_bytes(&out), kind), &again));
	check(strcmp(wish.id, again.id) == 0 && strcmp(wish.site, again.site) == 0);
	buf_done(&out);
}

static void try_head(struct bytes text)
{
	struct tap_head head;
	struct bytes lines;
	struct tap_counts *counts = tap_counts_new();
	if (tap_head_read(text, &head, &lines)) {
		check(lines.len <= text.len && tap_counts_workers(counts) == 0);
		(void)tap_counts_note(counts, &head, 1);
		check(tap_counts_note(counts, &head, 0) == 0);
	}
	tap_counts_free(&counts);
}

static void try_line(struct bytes text)
{
	struct buf out;
	const struct tap_line line = {.kind = TAP_RECEIVED,
				      .worker = "w",
				      .message = bytes_first(text, 60),
				      .recipient = bytes_first(text, 200),
				      .text = text};
	for (int as_json = 0; as_json <= 1; as_json++) {
		buf_init(&out, 65536);
		check(tap_line_write(&line, as_json, &out) == OK);
		struct bytes written = buf_bytes(&out);
		check(bytes_is_utf8(written) && written.data[written.len - 1] == '\n');
		check(!bytes_has_control(bytes_first(written, written.len - 1), false));
		buf_done(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_from(data, size);
	try_wish(text);
	try_head(text);
	try_line(text);
	return 0;
}
