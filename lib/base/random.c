/* Kernel randomness, fetched in blocks so that an id does not cost a system call. */
#include "lib/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local uint8_t pool[256];
static _Thread_local size_t pool_left;

static void fill(uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t got = getrandom(out, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* no randomness, no safe ids */
		out += got;
		len -= (size_t)got;
	}
}

void random_bytes(void *out, size_t len)
{
	if (len > sizeof pool) {
		fill(out, len);
		return;
	}
	if (pool_left < len) {
		fill(pool, sizeof pool);
		pool_left = sizeof pool;
	}
	pool_left -= len;
	memcpy(out, pool + pool_left, len);
}

uint64_t random_u64(void)
{
	uint64_t value;
	random_bytes(&value, sizeof value);
	return value;
}

double random_unit(void)
{
	return (double)(random_u64() >> 11) * 0x1.0p-53;
}

void id_of(int64_t wall_ms, const uint8_t noise[ID_NOISE], char out[ID_SIZE])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t time = (uint64_t)wall_ms & 0xffffffffffffU;
	for (int i = 9; i >= 0; i--, time >>= 5)
		out[i] = alphabet[time & 31];
	for (size_t i = 0; i < ID_NOISE; i++)
		out[10 + i] = alphabet[noise[i] & 31];
	out[ID_SIZE - 1] = '\0';
}

void id_new(int64_t wall_ms, char out[ID_SIZE])
{
	uint8_t noise[ID_NOISE];
	random_bytes(noise, sizeof noise);
	id_of(wall_ms, noise, out);
}
