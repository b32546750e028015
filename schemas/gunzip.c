/* gzip, bounded. An honest member says at its end how long it is, so that length is taken once from the arena, and zlib must fill it
 * exactly: nothing grows while a stranger's bytes are inflated. */
#include <zlib.h>

#include "schemas/schemas.h"

#define GZIP_BYTES_MIN	 18	    /* header and trailer */
#define RATIO_MAX	 250	    /* text packs 3 to 20 times, a bomb up to 1,032 times */
#define RATIO_FREE_BYTES (1u << 20) /* so little is no bomb */

/* ISIZE, little-endian, the last 4 bytes (RFC 1952 2.3.1). */
static size_t told_size(struct bytes in)
{
	const uint8_t *end = in.data + in.len;
	return (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
	       (size_t)end[-1] << 24;
}

static enum err inflate_into(struct bytes in, uint8_t *out, size_t size, struct why *why)
{
	z_stream stream = {
		.next_in = (uint8_t *)in.data,
		.avail_in = (uInt)in.len,
		.next_out = out,
		.avail_out = (uInt)size,
	};
	if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) /* + 16: gzip only */
		return fail(why, E_IO, "gzip: %s", stream.msg ? stream.msg : "zlib failed");
	int rc = inflate(&stream, Z_FINISH);
	enum err err = OK;
	if (rc != Z_STREAM_END)
		err = fail(why, E_MALFORMED, "gzip: %s", stream.msg ? stream.msg : "incomplete");
	else if (stream.avail_in > 0 || stream.avail_out > 0)
		err = fail(why, E_MALFORMED, "gzip: more than one member, or bytes behind it");
	(void)inflateEnd(&stream);
	return err;
}

enum err gunzip(struct arena *arena, struct bytes in, size_t max_bytes, struct bytes *ret,
		struct why *why)
{
	if (in.len < GZIP_BYTES_MIN)
		return fail(why, E_MALFORMED, "gzip: incomplete");
	if (in.len > UINT32_MAX)
		return fail(why, E_TOO_BIG, "gzip: more than 4 GiB");
	size_t size = told_size(in);
	if (size > max_bytes)
		return fail(why, E_TOO_BIG, "gzip: unpacks to %zu bytes, more than %zu", size,
			    max_bytes);
	if (size > RATIO_FREE_BYTES && size / in.len > RATIO_MAX)
		return fail(why, E_TOO_BIG, "gzip: unpacks to %zu times its size", size / in.len);
	uint8_t *out = arena_alloc(arena, size + 1); /* zlib wants an address even for nothing */
	enum err err = inflate_into(in, out, size, why);
	if (err == OK)
		*ret = bytes_from(out, size);
	return err;
}

enum err gzip_write(struct bytes in, struct buf *out)
{
	z_stream stream = {.next_in = (uint8_t *)in.data, .avail_in = (uInt)in.len};
	if (in.len > UINT32_MAX)
		return E_TOO_BIG;
	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return E_IO;
	size_t most = deflateBound(&stream, in.len);
	enum err err = E_FULL;
	if (most <= buf_room(out)) {
		stream.next_out = buf_reserve(out, most);
		stream.avail_out = (uInt)most;
		err = deflate(&stream, Z_FINISH) == Z_STREAM_END ? OK : E_IO;
	}
	if (err == OK)
		buf_commit(out, most - stream.avail_out);
	(void)deflateEnd(&stream);
	return err;
}

size_t gunzip_size(struct bytes in)
{
	return in.len < GZIP_BYTES_MIN ? 0 : told_size(in);
}
