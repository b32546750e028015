/* See layout.h. */
#include "broker/embedded/core/layout.h"

#include <assert.h>
#include <string.h>

static void put(uint8_t *out, uint64_t number, unsigned size)
{
	for (unsigned i = size; i-- > 0; number >>= 8)
		out[i] = (uint8_t)number;
}

static uint64_t take(const uint8_t *in, unsigned size)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < size; i++)
		number = number << 8 | in[i];
	return number;
}

struct bytes layout_number_key(uint64_t number, uint8_t out[LAYOUT_NUMBER_KEY])
{
	put(out, number, 8);
	return bytes_from(out, 8);
}

bool layout_read_number(struct bytes b, uint64_t *ret)
{
	if (b.len != 8)
		return false;
	*ret = take(b.data, 8);
	return true;
}

struct bytes layout_queue_key(uint32_t queue, uint8_t out[4])
{
	put(out, queue, 4);
	return bytes_from(out, 4);
}

bool layout_read_queue(struct bytes b, uint32_t *ret)
{
	if (b.len != 4)
		return false;
	*ret = (uint32_t)take(b.data, 4);
	return true;
}

struct bytes layout_ready_key(uint32_t queue, uint64_t order, uint8_t out[LAYOUT_READY_KEY])
{
	put(out, queue, 4);
	put(out + 4, order, 8);
	return bytes_from(out, LAYOUT_READY_KEY);
}

bool layout_read_ready_key(struct bytes b, uint32_t *ret_queue, uint64_t *ret_order)
{
	if (b.len != LAYOUT_READY_KEY)
		return false;
	*ret_queue = (uint32_t)take(b.data, 4);
	*ret_order = take(b.data + 4, 8);
	return true;
}

struct bytes layout_waiting_key(int64_t due_wall_ms, uint64_t number,
				uint8_t out[LAYOUT_WAITING_KEY])
{
	assert(due_wall_ms >= 0);
	put(out, (uint64_t)due_wall_ms, 8);
	put(out + 8, number, 8);
	return bytes_from(out, LAYOUT_WAITING_KEY);
}

bool layout_read_waiting_key(struct bytes b, int64_t *ret_due_wall_ms, uint64_t *ret_number)
{
	if (b.len != LAYOUT_WAITING_KEY || b.data[0] > 0x7f)
		return false;
	*ret_due_wall_ms = (int64_t)take(b.data, 8);
	*ret_number = take(b.data + 8, 8);
	return true;
}

struct bytes layout_standing(const struct standing *standing, uint8_t out[LAYOUT_STANDING])
{
	put(out, standing->number, 8);
	put(out + 8, standing->run, 4);
	put(out + 12, standing->count, 2);
	return bytes_from(out, LAYOUT_STANDING);
}

bool layout_read_standing(struct bytes b, struct standing *ret)
{
	if (b.len != LAYOUT_STANDING)
		return false;
	*ret = (struct standing){.number = take(b.data, 8),
				 .run = (uint32_t)take(b.data + 8, 4),
				 .count = (uint16_t)take(b.data + 12, 2)};
	return true;
}

struct bytes layout_waiting(uint32_t queue, const struct standing *standing,
			    uint8_t out[LAYOUT_WAITING])
{
	put(out, queue, 4);
	(void)layout_standing(standing, out + 4);
	return bytes_from(out, LAYOUT_WAITING);
}

bool layout_read_waiting(struct bytes b, uint32_t *ret_queue, struct standing *ret)
{
	return layout_read_queue(bytes_first(b, 4), ret_queue) &&
	       layout_read_standing(bytes_skip(b, 4), ret);
}

struct bytes layout_binding_key(uint32_t queue, const char *pattern,
				uint8_t out[LAYOUT_BINDING_MAX])
{
	size_t len = strlen(pattern);
	assert(len <= LAYOUT_BINDING_MAX - 4);
	put(out, queue, 4);
	memcpy(out + 4, pattern, len);
	return bytes_from(out, 4 + len);
}

bool layout_read_binding_key(struct bytes b, uint32_t *ret_queue, char *pattern, size_t size)
{
	return layout_read_queue(bytes_first(b, 4), ret_queue) &&
	       bytes_to_cstr(bytes_skip(b, 4), pattern, size);
}

struct bytes layout_entry_header(uint64_t version, uint16_t key_len,
				 uint8_t out[LAYOUT_ENTRY_HEADER])
{
	put(out, version, 8);
	put(out + 8, key_len, 2);
	return bytes_from(out, LAYOUT_ENTRY_HEADER);
}

bool layout_read_entry(struct bytes b, uint64_t *ret_version, struct bytes *ret_key,
		       struct bytes *ret_value)
{
	if (b.len < LAYOUT_ENTRY_HEADER)
		return false;
	size_t key_len = (size_t)take(b.data + 8, 2);
	struct bytes rest = bytes_skip(b, LAYOUT_ENTRY_HEADER);
	if (key_len > rest.len)
		return false;
	*ret_version = take(b.data, 8);
	*ret_key = bytes_first(rest, key_len);
	*ret_value = bytes_skip(rest, key_len);
	return true;
}
