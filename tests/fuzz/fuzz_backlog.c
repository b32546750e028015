/* A file that says it was exported: records of any bytes. Check sums are set right first, so that what stands behind them is
 * reached. What is taken is written back to the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/backlog.h"

#define PREFIX_SIZE 13

static uint32_t crc32_of(const uint8_t *at, size_t len)
{
	uint32_t check = ~(uint32_t)0;
	for (size_t i = 0; i < len; i++) {
		check ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			check = (check >> 1) ^ (check & 1 ? 0xedb88320U : 0);
	}
	return ~check;
}

static void set_check(uint8_t *record, size_t len)
{
	uint32_t check = crc32_of(record + PREFIX_SIZE, len - PREFIX_SIZE);
	for (int i = 0; i < 4; i++)
		record[9 + i] = (uint8_t)(check >> (8 * i));
}

static void write_back(const struct backlog_record *record, struct bytes was)
{
	struct buf out;
	buf_init(&out, BACKLOG_SIZE_MAX);
	if (backlog_write(record, &out) != OK || !bytes_equal(buf_bytes(&out), was))
		abort();
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	struct backlog_record record;
	struct why why;
	size_t len = 0;
	for (size_t at = 0; at < size; at += len) {
		struct bytes in = bytes_from(copy + at, size - at);
		enum err err = backlog_read(in, &record, &len, &why);
		if (err == E_MALFORMED && len > PREFIX_SIZE && len <= in.len) {
			set_check(copy + at, len);
			err = backlog_read(in, &record, &len, &why);
		}
		if (err)
			break;
		write_back(&record, bytes_first(in, len));
	}
	free(copy);
	return 0;
}
