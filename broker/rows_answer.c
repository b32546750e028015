/* number (4 bytes), last (4), then of each row the lengths of key and value (4 each), key, value. */
#include "broker/rows_answer.h"

#include <assert.h>

#include "lib/base/little.h"

#define HEAD 8

static void put(struct buf *out, uint32_t first, uint32_t second)
{
	uint8_t head[HEAD];
	(void)little_put32(little_put32(head, first), second);
	enum err err = buf_append(out, bytes_from(head, sizeof head));
	assert(!err);
	(void)err;
}

void rows_answer_begin(struct buf *out, uint32_t number)
{
	buf_clear(out);
	put(out, number, 0);
}

enum err rows_answer_add(struct buf *out, struct bytes key, struct bytes value)
{
	size_t len = HEAD + key.len + value.len;
	if (len > ROWS_ANSWER_MAX - HEAD)
		return E_TOO_BIG;
	if (out->len + len > ROWS_ANSWER_MAX)
		return E_FULL;
	put(out, (uint32_t)key.len, (uint32_t)value.len);
	enum err err = buf_append(out, key);
	return err ? err : buf_append(out, value);
}

void rows_answer_close(struct buf *out, bool is_last)
{
	(void)little_put32(out->data + 4, is_last);
}

enum err rows_answer_read(struct bytes answer, uint32_t *ret_number, bool *ret_is_last,
			  struct bytes *ret_rows)
{
	if (answer.len < HEAD || little_get32(answer.data + 4) > 1)
		return E_MALFORMED;
	*ret_number = little_get32(answer.data);
	*ret_is_last = little_get32(answer.data + 4) == 1;
	*ret_rows = bytes_skip(answer, HEAD);
	return OK;
}

bool rows_answer_next(struct bytes *rows, struct bytes *ret_key, struct bytes *ret_value)
{
	if (rows->len < HEAD)
		return false;
	size_t key = little_get32(rows->data), value = little_get32(rows->data + 4);
	if (key > rows->len - HEAD || value > rows->len - HEAD - key)
		return false;
	*ret_key = bytes_from(rows->data + HEAD, key);
	*ret_value = bytes_from(rows->data + HEAD + key, value);
	*rows = bytes_skip(*rows, HEAD + key + value);
	return true;
}
