/* Packets are read as they were written, whole or not at all; queues of packets keep their order. */
#include "tests/check.h"

#include <string.h>

#include "broker/embedded/packet/packet.h"
#include "lib/base/little.h"
#include "lib/base/memory.h"

#define HEAD_SIZE 45 /* up to the first text's length */

static struct packet *full_packet(void)
{
	struct packet *packet = packet_new(PACKET_SUBSCRIBE, 0xfedcba9876543210);
	packet->value[0] = 1;
	packet->value[1] = -1;
	packet->value[2] = INT64_MAX;
	packet->value[3] = INT64_MIN;
	packet->text = memory_text("own");
	packet->more = memory_text("");
	packet->record = shared_copy(BYTES("re\0cord"));
	return packet;
}

static void write_packet(const struct packet *packet, struct buf *out)
{
	buf_init(out, PACKET_SIZE_MAX);
	assert_int_equal(packet_write(packet, out), OK);
	assert_int_equal(out->len, packet_size(packet));
}

static void test_a_packet_is_read_as_written(void **state)
{
	(void)state;
	struct packet *packet = full_packet(), *read = NULL;
	struct buf out;
	size_t len = 0;
	write_packet(packet, &out);
	assert_int_equal(packet_read(buf_bytes(&out), &read, &len), OK);
	assert_int_equal(len, out.len);
	assert_int_equal(read->kind, PACKET_SUBSCRIBE);
	assert_true(read->tag == packet->tag);
	assert_memory_equal(read->value, packet->value, sizeof read->value);
	assert_string_equal(read->text, "own");
	assert_string_equal(read->more, "");
	assert_true(bytes_equal(shared_bytes(read->record), BYTES("re\0cord")));
	assert_null(read->next);
	packet_free(&read);
	packet_free(&packet);
	buf_done(&out);
}

/* How a HELLO looks must never change: it is how two versions of Leveret find out that they differ. */
static void test_the_bytes_of_a_hello(void **state)
{
	(void)state;
	static const uint8_t expected[] = {
		51, 0, 0, 0, 1, 0, 0, 0, 0, 0,	 0,   0,   0,	1,   0,	  0,	0,   0, 0,
		0,  0, 0, 0, 0, 0, 0, 0, 0, 0,	 0,   0,   0,	0,   0,	  0,	0,   0, 0,
		0,  0, 0, 0, 0, 0, 0, 6, 0, 'i', 'n', 'g', 'e', 's', 't', 0xff, 0xff};
	struct packet *hello = packet_new(PACKET_HELLO, 0);
	hello->text = memory_text("ingest");
	hello->value[0] = 1;
	struct buf out;
	write_packet(hello, &out);
	assert_int_equal(out.len, sizeof expected);
	assert_memory_equal(buf_bytes(&out).data, expected, sizeof expected);
	packet_free(&hello);
	buf_done(&out);
}

/* Each prefix stands in an allocation of its own size, so that reading past it is seen by AddressSanitizer. */
static void test_a_part_of_a_packet_is_not_there_yet(void **state)
{
	(void)state;
	struct packet *packet = full_packet(), *read = NULL;
	struct buf out;
	write_packet(packet, &out);
	for (size_t part = 0; part < out.len; part++) {
		size_t len = 99;
		uint8_t *piece = memory_new(part);
		memcpy(piece, buf_bytes(&out).data, part);
		assert_int_equal(packet_read(bytes_from(piece, part), &read, &len), E_NOT_FOUND);
		assert_int_equal(len, 0);
		free(piece);
	}
	assert_null(read);
	packet_free(&packet);
	buf_done(&out);
}

static void test_only_the_first_packet_is_taken(void **state)
{
	(void)state;
	struct packet *packet = full_packet(), *read = NULL;
	struct buf out;
	size_t len = 0;
	write_packet(packet, &out);
	size_t one = out.len;
	packet->tag = 2;
	assert_int_equal(packet_write(packet, &out), OK);
	assert_int_equal(packet_read(buf_bytes(&out), &read, &len), OK);
	assert_int_equal(len, one);
	packet_free(&read);
	assert_int_equal(packet_read(bytes_skip(buf_bytes(&out), one), &read, &len), OK);
	assert_true(read->tag == 2);
	packet_free(&read);
	packet_free(&packet);
	buf_done(&out);
}

static void test_bytes_that_are_no_packet_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} cases[] = {
		{"a size too small", 0, 44},
		{"a huge size", 3, 0xff},
		{"a size just over the maximum", 2, 0x10},
		{"kind 0", 4, 0},
		{"a kind nobody defined", 4, PACKET_KIND_COUNT},
		{"a text longer than the packet", HEAD_SIZE, 200},
		{"a text longer than any", HEAD_SIZE + 1, 0x11},
		{"a NUL inside a text", HEAD_SIZE + 3, 0},
		{"a second text longer than the packet", HEAD_SIZE + 5, 8},
		{"a second text longer than any", HEAD_SIZE + 6, 0xfe},
	};
	struct packet *packet = full_packet(), *read = NULL;
	struct buf out;
	write_packet(packet, &out);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len = 99;
		uint8_t *at = out.data + out.start + cases[i].at, before = *at;
		assert_int_not_equal(before, cases[i].value);
		*at = cases[i].value;
		enum err err = packet_read(buf_bytes(&out), &read, &len);
		if (err != E_MALFORMED)
			print_error("%s was taken\n", cases[i].what);
		assert_int_equal(err, E_MALFORMED);
		assert_int_equal(len, 0);
		*at = before;
	}
	assert_null(read);
	packet_free(&packet);
	buf_done(&out);
}

static void test_a_huge_size_is_refused_before_its_bytes_came(void **state)
{
	(void)state;
	uint8_t size[4];
	struct packet *read = NULL;
	size_t len;
	little_put32(size, PACKET_SIZE_MAX - 3);
	assert_int_equal(packet_read(bytes_from(size, 4), &read, &len), E_MALFORMED);
	little_put32(size, PACKET_SIZE_MAX - 4);
	assert_int_equal(packet_read(bytes_from(size, 4), &read, &len), E_NOT_FOUND);
}

static void test_a_packet_has_a_largest_size(void **state)
{
	(void)state;
	struct packet *packet = packet_new(PACKET_LEASE, 1), *read = NULL;
	size_t rest = PACKET_SIZE_MAX - packet_size(packet), len = 0;
	struct buf out;
	uint8_t *data;
	packet->record = shared_new(rest, &data);
	memset(data, 'x', rest);
	write_packet(packet, &out);
	assert_int_equal(out.len, PACKET_SIZE_MAX);
	assert_int_equal(packet_read(buf_bytes(&out), &read, &len), OK);
	assert_int_equal(len, PACKET_SIZE_MAX);
	packet_free(&read);
	shared_unref(&packet->record);
	packet->record = shared_new(rest + 1, &data);
	buf_clear(&out);
	assert_int_equal(packet_write(packet, &out), E_TOO_BIG);
	assert_int_equal(out.len, 0);
	packet_free(&packet);
	buf_done(&out);
}

static void test_a_text_has_a_longest_length(void **state)
{
	(void)state;
	struct packet *packet = packet_new(PACKET_FOLLOW, 1);
	packet->text = memory_new(PACKET_TEXT_MAX + 2);
	memset(packet->text, 'x', PACKET_TEXT_MAX);
	struct buf out;
	write_packet(packet, &out);
	buf_clear(&out);
	packet->text[PACKET_TEXT_MAX] = 'x';
	assert_int_equal(packet_write(packet, &out), E_TOO_BIG);
	packet->more = packet->text;
	packet->text = NULL;
	assert_int_equal(packet_write(packet, &out), E_TOO_BIG);
	packet_free(&packet);
	buf_done(&out);
}

static void test_a_full_buffer_takes_nothing(void **state)
{
	(void)state;
	struct packet *packet = full_packet();
	struct buf out;
	buf_init(&out, packet_size(packet) - 1);
	assert_int_equal(packet_write(packet, &out), E_FULL);
	assert_int_equal(out.len, 0);
	packet_free(&packet);
	buf_done(&out);
}

static void add(struct packets *packets, uint64_t first, uint64_t last)
{
	for (uint64_t tag = first; tag <= last; tag++)
		packets_add(packets, packet_new(PACKET_DONE, tag));
}

static void assert_taken(struct packets *packets, uint64_t first, uint64_t last)
{
	for (uint64_t tag = first; tag <= last; tag++) {
		struct packet *packet = packets_take(packets);
		assert_non_null(packet);
		assert_true(packet->tag == tag);
		assert_null(packet->next);
		packet_free(&packet);
	}
}

static void test_queues_keep_the_order(void **state)
{
	(void)state;
	struct packets a, b;
	packets_init(&a);
	packets_init(&b);
	assert_null(packets_take(&a));
	packets_move_all(&b, &a); /* nothing behind nothing */
	add(&a, 1, 2);
	add(&b, 3, 5);
	packets_move_all(&b, &a);
	assert_int_equal(a.count, 5);
	assert_int_equal(b.count, 0);
	assert_null(b.first);
	packets_move_all(&b, &a);
	add(&a, 6, 6);
	assert_taken(&a, 1, 6);
	assert_null(packets_take(&a));
	add(&a, 7, 7);
	packets_move_all(&a, &b);
	assert_taken(&b, 7, 7);
}

static void test_a_freed_queue_is_empty_and_of_use(void **state)
{
	(void)state;
	struct packets packets;
	packets_init(&packets);
	packets_add(&packets, full_packet());
	add(&packets, 1, 3);
	packets_free_all(&packets);
	assert_int_equal(packets.count, 0);
	assert_null(packets.first);
	add(&packets, 4, 4);
	assert_taken(&packets, 4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_packet_is_read_as_written),
		cmocka_unit_test(test_the_bytes_of_a_hello),
		cmocka_unit_test(test_a_part_of_a_packet_is_not_there_yet),
		cmocka_unit_test(test_only_the_first_packet_is_taken),
		cmocka_unit_test(test_bytes_that_are_no_packet_are_refused),
		cmocka_unit_test(test_a_huge_size_is_refused_before_its_bytes_came),
		cmocka_unit_test(test_a_packet_has_a_largest_size),
		cmocka_unit_test(test_a_text_has_a_longest_length),
		cmocka_unit_test(test_a_full_buffer_takes_nothing),
		cmocka_unit_test(test_queues_keep_the_order),
		cmocka_unit_test(test_a_freed_queue_is_empty_and_of_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
