/* See entry.h. Everybody with rights on the stream may write to it: lengths are checked. */
#include "broker/rabbitmq/entry.h"

#define HEADER_SIZE 13

static void put(uint8_t *at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

enum err entry_write(enum entry_kind kind, const struct table_entry *entry, struct buf *out)
{
	if (entry->key.len > ENTRY_MAX || entry->value.len > ENTRY_MAX)
		return E_TOO_BIG;
	uint8_t header[HEADER_SIZE];
	header[0] = (uint8_t)kind;
	put(header + 1, entry->version, 8);
	put(header + 9, entry->key.len, 4);
	if (buf_append(out, bytes_from(header, sizeof header)) || buf_append(out, entry->key) ||
	    buf_append(out, entry->value))
		return E_TOO_BIG;
	return OK;
}

enum err entry_read(struct bytes b, enum entry_kind *ret_kind, struct table_entry *ret)
{
	if (b.len < HEADER_SIZE || b.data[0] < ENTRY_SET || b.data[0] > ENTRY_MARKER)
		return E_MALFORMED;
	uint64_t key_len = get(b.data + 9, 4);
	struct bytes rest = bytes_skip(b, HEADER_SIZE);
	if (key_len > rest.len)
		return E_MALFORMED;
	enum entry_kind kind = b.data[0];
	*ret = (struct table_entry){
		.key = bytes_first(rest, (size_t)key_len),
		.value = kind == ENTRY_SET ? bytes_skip(rest, (size_t)key_len) : BYTES_NONE,
		.version = get(b.data + 1, 8),
	};
	*ret_kind = kind;
	return OK;
}
