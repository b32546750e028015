/* gzip: what an honest client sends is unpacked, and a bomb costs nothing. */
#include "fixture_schemas.h"

#include <string.h>
#include <zlib.h>

#include "schemas/schemas.h"

static struct bytes gzip(struct fixture *f, struct bytes in)
{
	z_stream stream = {0};
	assert_int_equal(
		deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t size = deflateBound(&stream, in.len);
	uint8_t *out = arena_alloc(f->arena, size);
	stream.next_in = (uint8_t *)in.data;
	stream.avail_in = (uInt)in.len;
	stream.next_out = out;
	stream.avail_out = (uInt)size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	size_t len = size - stream.avail_out;
	(void)deflateEnd(&stream);
	return bytes_from(out, len);
}

static void test_what_was_packed_comes_back(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = {0, 1, 2, 1000, 100000, 3u << 20};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *data = arena_alloc(f->arena, sizes[i] + 1);
		for (size_t k = 0; k < sizes[i]; k++)
			data[k] = (uint8_t)(k * k >> 7);
		struct bytes in = bytes_from(data, sizes[i]), out;
		assert_int_equal(gunzip(f->arena, gzip(f, in), sizes[i], &out, &f->why), OK);
		assert_true(bytes_equal(out, in));
	}
}

static void test_more_than_allowed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes out, packed = gzip(f, BYTES("0123456789"));
	assert_int_equal(gunzip(f->arena, packed, 10, &out, &f->why), OK);
	assert_int_equal(gunzip(f->arena, packed, 9, &out, &f->why), E_TOO_BIG);
}

static void test_a_bomb_is_refused_by_its_ratio(void **state)
{
	struct fixture *f = *state;
	size_t size = 16u << 20;
	struct bytes out, packed = gzip(f, bytes_from(arena_zalloc(f->arena, 1, size), size));
	size_t before = arena_bytes(f->arena);
	assert_int_equal(gunzip(f->arena, packed, size, &out, &f->why), E_TOO_BIG);
	assert_true(arena_bytes(f->arena) - before < 65536);
}

static void test_what_is_damaged_or_lies_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes in = BYTES("some text to be packed, some text"), packed = gzip(f, in);
	for (size_t len = 0; len < packed.len; len++) {
		struct bytes out;
		uint8_t *cut = memcpy(arena_alloc(f->arena, len), packed.data, len);
		assert_int_not_equal(
			gunzip(f->arena, bytes_from(cut, len), 4u << 20, &out, &f->why), OK);
	}
	/* Not the header: it has bytes without meaning, and so has the last byte of the packed data. */
	for (size_t i = 10; i < packed.len; i++) {
		struct bytes out;
		uint8_t *broken =
			memcpy(arena_alloc(f->arena, packed.len), packed.data, packed.len);
		broken[i] ^= 0x04;
		enum err err =
			gunzip(f->arena, bytes_from(broken, packed.len), 4u << 20, &out, &f->why);
		assert_true(err != OK || bytes_equal(out, in));
	}
	uint8_t *twice = arena_alloc(f->arena, 2 * packed.len);
	memcpy(twice, packed.data, packed.len);
	memcpy(twice + packed.len, packed.data, packed.len);
	struct bytes out;
	assert_int_equal(gunzip(f->arena, bytes_from(twice, 2 * packed.len), 4096, &out, &f->why),
			 E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_what_was_packed_comes_back),
		test_with_fixture(test_more_than_allowed_is_refused),
		test_with_fixture(test_a_bomb_is_refused_by_its_ratio),
		test_with_fixture(test_what_is_damaged_or_lies_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
