/* See original.h. Kept in AMQP's own encoding, which rabbitmq-c reads and writes. */
#include "broker/rabbitmq/original.h"

#include <assert.h>
#include <string.h>

/* Names in headers that are not the publisher's. */
static bool is_set_by_others(struct bytes name)
{
	static const char *const names[] = {"leveret-queue", "x-delivery-count", "x-acquired-count",
					    "x-stream-offset"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (bytes_is(name, names[i]))
			return true;
	return bytes_starts_with_nocase(name, "x-leveret-");
}

static size_t encode(amqp_basic_properties_t *properties, uint8_t out[ORIGINAL_MAX])
{
	amqp_bytes_t place = {ORIGINAL_MAX, out};
	int len = amqp_encode_properties(AMQP_BASIC_CLASS, properties, place);
	return len > 0 ? (size_t)len : 0;
}

/* Moves the publisher's headers to the front of the table. */
static int sort_out(amqp_table_t *headers)
{
	int count = 0;
	for (int i = 0; i < headers->num_entries; i++) {
		amqp_table_entry_t entry = headers->entries[i];
		if (is_set_by_others(wire_bytes(entry.key)))
			continue;
		headers->entries[i] = headers->entries[count];
		headers->entries[count++] = entry;
	}
	return count;
}

size_t original_keep(const amqp_basic_properties_t *properties, uint8_t out[ORIGINAL_MAX])
{
	amqp_basic_properties_t kept = *properties;
	if ((kept._flags & AMQP_BASIC_APP_ID_FLAG) &&
	    bytes_is(wire_bytes(kept.app_id), ORIGINAL_OURS))
		return 0;
	kept._flags &= ~(amqp_flags_t)(AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_USER_ID_FLAG |
				       AMQP_BASIC_CLUSTER_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
				       AMQP_BASIC_TIMESTAMP_FLAG);
	if (kept._flags & AMQP_BASIC_HEADERS_FLAG)
		kept.headers.num_entries = sort_out(&kept.headers);
	size_t len = encode(&kept, out);
	if (len > 0)
		return len;
	kept._flags &= ~(amqp_flags_t)AMQP_BASIC_HEADERS_FLAG; /* the rest is short */
	return encode(&kept, out);
}

void original_restore(struct original *original, struct bytes kept)
{
	void *decoded = NULL;
	*original = (struct original){.has_pool = kept.len > 0};
	if (!original->has_pool)
		return;
	init_amqp_pool(&original->pool, 4096);
	amqp_bytes_t encoded = {kept.len, (void *)kept.data};
	if (amqp_decode_properties(AMQP_BASIC_CLASS, &original->pool, encoded, &decoded) >= 0)
		original->properties = *(amqp_basic_properties_t *)decoded;
}

/* Room for all that may be added is made once. */
static void grow(struct original *original)
{
	amqp_table_t *headers = &original->properties.headers;
	amqp_table_entry_t *entries = original->few;
	if (headers->num_entries > 0) {
		size_t count = (size_t)headers->num_entries;
		entries = amqp_pool_alloc(&original->pool,
					  (count + ORIGINAL_HEADERS_MAX) * sizeof *entries);
		assert(entries);
		memcpy(entries, headers->entries, count * sizeof *entries);
	}
	headers->entries = entries;
}

void original_add(struct original *original, amqp_table_entry_t header)
{
	amqp_basic_properties_t *properties = &original->properties;
	assert(original->added_count < ORIGINAL_HEADERS_MAX);
	if (!(properties->_flags & AMQP_BASIC_HEADERS_FLAG)) {
		properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
		properties->headers.num_entries = 0;
	}
	if (original->added_count == 0)
		grow(original);
	properties->headers.entries[properties->headers.num_entries++] = header;
	original->added_count++;
}

void original_done(struct original *original)
{
	if (original->has_pool)
		empty_amqp_pool(&original->pool);
}
