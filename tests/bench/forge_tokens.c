/* Forges return path tokens: random ones, and real ones with bits, characters and pieces changed. None may pass.
 *
 *   bench_forge_tokens COUNT        prints one JSON object; exit code 1 when one passed */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/returnpath/base32.h"
#include "lib/returnpath/token.h"

#define RAW 35

static const int64_t now_ms = INT64_C(20000) * 86400000;

struct forgery {
	struct return_keys keys;
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE], other[RETURN_TOKEN_SIZE];
};

static void make(struct forgery *forgery, char *token)
{
	id_new(now_ms, forgery->id);
	if (return_token_make(&forgery->keys, bytes_of(forgery->id), BYTES("victim@there.test"),
			      now_ms, token) != OK)
		abort();
}

static void randomise(struct forgery *forgery, char out[RETURN_TOKEN_SIZE])
{
	uint8_t raw[RAW];
	random_bytes(raw, sizeof raw);
	raw[0] = forgery->keys.items[0].id; /* the key's number is no secret, nor the day */
	raw[1] = (uint8_t)(20000 >> 8);
	raw[2] = (uint8_t)(20000 & 255);
	base32_write(bytes_from(raw, sizeof raw), out);
}

static void mutate(const struct forgery *forgery, char out[RETURN_TOKEN_SIZE])
{
	uint8_t raw[RAW];
	memcpy(out, forgery->token, RETURN_TOKEN_SIZE);
	if (!base32_read(bytes_from(out, RETURN_TOKEN_LEN), raw))
		abort();
	for (uint64_t bits = random_u64() % 4 + 1; bits > 0; bits--) {
		uint64_t bit = random_u64() % (RAW * 8);
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	base32_write(bytes_from(raw, RAW), out);
}

/* The front of one token with the rest of another. */
static void splice(const struct forgery *forgery, char out[RETURN_TOKEN_SIZE])
{
	size_t at = random_u64() % RETURN_TOKEN_LEN;
	memcpy(out, forgery->token, RETURN_TOKEN_SIZE);
	memcpy(out + at, forgery->other + at, RETURN_TOKEN_LEN - at);
}

int main(int argc, char **argv)
{
	uint8_t secret[32];
	struct forgery forgery = {.keys = {.count = 1}};
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, accepted = 0,
		      tried = 0;
	random_bytes(secret, sizeof secret);
	forgery.keys.items[0] =
		(struct return_key){.id = 7, .secret = bytes_from(secret, sizeof secret)};
	for (unsigned long i = 0; tried < count; i++) {
		char forged[RETURN_TOKEN_SIZE] = {0};
		struct return_token read;
		if (i % 1000 == 0) {
			make(&forgery, forgery.token);
			make(&forgery, forgery.other);
		}
		if (i % 3 == 0)
			randomise(&forgery, forged);
		else if (i % 3 == 1)
			mutate(&forgery, forged);
		else
			splice(&forgery, forged);
		if (strcmp(forged, forgery.token) == 0 || strcmp(forged, forgery.other) == 0)
			continue; /* changed back to a real one */
		tried++;
		accepted += return_token_check(&forgery.keys, bytes_from(forged, RETURN_TOKEN_LEN),
					       now_ms, 65535, &read) != E_REFUSED;
	}
	printf("{\"tried\":%lu,\"accepted\":%lu}\n", tried, accepted);
	return accepted > 0;
}
