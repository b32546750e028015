/* See backlog.h. */
#include "schemas/backlog.h"

#include <string.h>
#include <zlib.h>

#define PREFIX_SIZE 13
#define TEXT_COUNT  7

/* ---- numbers ---- */

static void put_number(uint8_t **place, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*(*place)++ = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const uint8_t *at, size_t size)
{
	uint64_t number = 0;
	for (size_t i = 0; i < size; i++)
		number |= (uint64_t)at[i] << (8 * i);
	return number;
}

static uint32_t check_of(struct bytes head, struct bytes body)
{
	unsigned long check = crc32_z(crc32_z(0, NULL, 0), head.data, head.len);
	return (uint32_t)(body.len > 0 ? crc32_z(check, body.data, body.len) : check);
}

/* ---- writing ---- */

static size_t write_head(const struct backlog_record *record, const struct bytes texts[TEXT_COUNT],
			 uint8_t *head)
{
	uint8_t *place = head;
	put_number(&place, record->is_end ? record->count : (uint64_t)record->not_before_wall_ms,
		   8);
	for (size_t i = 0; i < TEXT_COUNT && !record->is_end; i++) {
		put_number(&place, texts[i].len, 2);
		if (texts[i].len > 0)
			memcpy(place, texts[i].data, texts[i].len);
		place += texts[i].len;
	}
	return (size_t)(place - head);
}

enum err backlog_write(const struct backlog_record *record, struct buf *out)
{
	const struct bytes texts[TEXT_COUNT] = {
		record->exchange,	  record->key,	  record->message_id, record->content_type,
		record->content_encoding, record->reason, record->queue};
	struct bytes body = record->is_end ? BYTES_NONE : record->body;
	uint8_t prefix[PREFIX_SIZE], head[BACKLOG_HEAD_MAX], *place = prefix;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		if (texts[i].len > BACKLOG_TEXT_MAX)
			return E_TOO_BIG;
	if (body.len > BACKLOG_BODY_MAX)
		return E_TOO_BIG;
	struct bytes written = bytes_from(head, write_head(record, texts, head));
	if (buf_room(out) < PREFIX_SIZE + written.len + body.len)
		return E_FULL;
	put_number(&place, record->is_end ? 'E' : 'M', 1);
	put_number(&place, written.len, 4);
	put_number(&place, body.len, 4);
	put_number(&place, check_of(written, body), 4);
	enum err err = buf_append(out, bytes_from(prefix, PREFIX_SIZE));
	if (err == OK)
		err = buf_append(out, written);
	return err == OK ? buf_append(out, body) : err;
}

/* ---- reading ---- */

static enum err read_texts(struct bytes head, struct backlog_record *ret, struct why *why)
{
	struct bytes *const texts[TEXT_COUNT] = {
		&ret->exchange,		&ret->key,    &ret->message_id, &ret->content_type,
		&ret->content_encoding, &ret->reason, &ret->queue};
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		size_t len = head.len < 2 ? 0 : (size_t)get_number(head.data, 2);
		if (head.len < 2 + len)
			return fail(why, E_MALFORMED, "a text passes the end of its head");
		*texts[i] = bytes_first(bytes_skip(head, 2), len);
		if (len > BACKLOG_TEXT_MAX || bytes_find(*texts[i], '\0') >= 0)
			return fail(why, E_MALFORMED, "a text is too long, or holds a NUL");
		head = bytes_skip(head, 2 + len);
	}
	return head.len == 0 ? OK : fail(why, E_MALFORMED, "bytes are left in a head");
}

static enum err read_message(struct bytes head, struct bytes body, struct backlog_record *ret,
			     struct why *why)
{
	*ret = (struct backlog_record){.body = body};
	if (head.len < 8)
		return fail(why, E_MALFORMED, "a head is too short");
	ret->not_before_wall_ms = (int64_t)get_number(head.data, 8);
	return read_texts(bytes_skip(head, 8), ret, why);
}

static enum err read_end(struct bytes head, struct bytes body, struct backlog_record *ret,
			 struct why *why)
{
	if (head.len != 8 || body.len > 0)
		return fail(why, E_MALFORMED, "the end record has a wrong length");
	*ret = (struct backlog_record){.is_end = true, .count = get_number(head.data, 8)};
	return OK;
}

enum err backlog_read(struct bytes in, struct backlog_record *ret, size_t *ret_len, struct why *why)
{
	*ret_len = PREFIX_SIZE;
	if (in.len > 0 && in.data[0] != 'M' && in.data[0] != 'E')
		return fail(why, E_MALFORMED, "no record begins here");
	if (in.len < PREFIX_SIZE)
		return E_NOT_FOUND;
	size_t head_len = (size_t)get_number(in.data + 1, 4);
	size_t body_len = (size_t)get_number(in.data + 5, 4);
	if (head_len > BACKLOG_HEAD_MAX || body_len > BACKLOG_BODY_MAX)
		return fail(why, E_TOO_BIG, "a record of %zu and %zu bytes is too large", head_len,
			    body_len);
	*ret_len = PREFIX_SIZE + head_len + body_len;
	if (in.len < *ret_len)
		return E_NOT_FOUND;
	struct bytes head = bytes_from(in.data + PREFIX_SIZE, head_len);
	struct bytes body = bytes_from(in.data + PREFIX_SIZE + head_len, body_len);
	if (check_of(head, body) != (uint32_t)get_number(in.data + 9, 4))
		return fail(why, E_MALFORMED, "a record is damaged: its check sum is wrong");
	return in.data[0] == 'E' ? read_end(head, body, ret, why)
				 : read_message(head, body, ret, why);
}
