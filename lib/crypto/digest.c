/* SHA-256 by OpenSSL. Its calls fail only without memory, which aborts. */
#include "lib/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct digest digest_of(struct bytes b)
{
	struct digest digest;
	unsigned len = 0;
	if (EVP_Digest(b.len > 0 ? (const void *)b.data : "", b.len, digest.bytes, &len,
		       EVP_sha256(), NULL) != 1)
		abort();
	return digest;
}

static void add(EVP_MD_CTX *context, const void *data, size_t len)
{
	if (len > 0 && EVP_DigestUpdate(context, data, len) != 1)
		abort();
}

struct digest digest_of_parts(const struct bytes *parts, size_t count)
{
	struct digest digest;
	unsigned len = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		abort();
	for (size_t i = 0; i < count; i++) {
		uint64_t part_len = parts[i].len;
		add(context, &part_len, sizeof part_len);
		add(context, parts[i].data, parts[i].len);
	}
	if (EVP_DigestFinal_ex(context, digest.bytes, &len) != 1)
		abort();
	EVP_MD_CTX_free(context);
	return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

void digest_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = digits[digest->bytes[i] >> 4];
		out[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	out[DIGEST_HEX_SIZE - 1] = '\0';
}

bool digest_parse(struct bytes hex, struct digest *ret)
{
	struct digest digest;
	if (hex.len != (size_t)2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = bytes_hex_digit(hex.data[2 * i]),
		    low = bytes_hex_digit(hex.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		digest.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret = digest;
	return true;
}

/* ---- streams ---- */

/* Found once: OpenSSL looks an algorithm up under a lock each time that it is named. */
static EVP_MD *sha256;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		abort();
}

struct digest_stream {
	EVP_MD_CTX *context;
};

static void begin(struct digest_stream *stream)
{
	if (EVP_DigestInit_ex(stream->context, sha256, NULL) != 1)
		abort();
}

struct digest_stream *digest_stream_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct digest_stream *stream = memory_new(sizeof *stream);
	(void)pthread_once(&once, find_sha256);
	stream->context = EVP_MD_CTX_new();
	if (!stream->context)
		abort();
	begin(stream);
	return stream;
}

void digest_stream_free(struct digest_stream **stream)
{
	if (!*stream)
		return;
	EVP_MD_CTX_free((*stream)->context);
	free(*stream);
	*stream = NULL;
}

void digest_stream_add(struct digest_stream *stream, struct bytes b)
{
	add(stream->context, b.data, b.len);
}

struct digest digest_stream_finish(struct digest_stream *stream)
{
	struct digest digest;
	unsigned len = 0;
	if (EVP_DigestFinal_ex(stream->context, digest.bytes, &len) != 1)
		abort();
	begin(stream);
	return digest;
}
