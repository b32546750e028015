/* Keys by OpenSSL. Setting a context up costs a good part of an Ed25519 signature, so each key keeps those that are not in use. */
#include "lib/crypto/signing_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct context { /* of one signature at a time */
	EVP_PKEY_CTX *rsa;
	EVP_MD_CTX *ed25519;
	struct context *next;
};

struct signing_key {
	EVP_PKEY *key;
	enum signing_kind kind;
	pthread_mutex_t lock; /* over the next */
	struct context *unused;
};

static struct signing_key *key_new(EVP_PKEY *pkey, enum signing_kind kind)
{
	struct signing_key *key = memory_new(sizeof *key);
	key->key = pkey;
	key->kind = kind;
	pthread_mutex_init(&key->lock, NULL);
	return key;
}

/* ---- reading and making ---- */

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *out, int size, int is_writing, void *owner)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)owner;
	return -1;
}

static enum err check(EVP_PKEY *pkey, enum signing_kind *ret, struct why *why)
{
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*ret = SIGNING_ED25519;
		return OK;
	}
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return fail(why, E_MALFORMED, "is neither an RSA nor an Ed25519 key");
	int bits = EVP_PKEY_get_bits(pkey);
	if (bits < SIGNING_RSA_BITS_MIN || bits > SIGNING_RSA_BITS_MAX)
		return fail(why, E_REFUSED, "is an RSA key of %d bits: expected %d to %d", bits,
			    SIGNING_RSA_BITS_MIN, SIGNING_RSA_BITS_MAX);
	*ret = SIGNING_RSA;
	return OK;
}

enum err signing_key_read(struct bytes pem, struct signing_key **ret, struct why *why)
{
	if (pem.len == 0 || pem.len > SIGNING_PEM_MAX)
		return fail(why, E_MALFORMED, "is not a private key in PEM");
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (!bio)
		abort();
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!pkey)
		return fail(why, E_MALFORMED,
			    "is not a private key in PEM (PKCS #8 or PKCS #1, no passphrase)");
	enum signing_kind kind = SIGNING_RSA;
	enum err err = check(pkey, &kind, why);
	if (err != OK) {
		EVP_PKEY_free(pkey);
		return err;
	}
	*ret = key_new(pkey, kind);
	return OK;
}

struct signing_key *signing_key_generate(enum signing_kind kind, unsigned rsa_bits)
{
	EVP_PKEY *pkey = kind == SIGNING_RSA ? EVP_RSA_gen(rsa_bits)
					     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey)
		abort();
	return key_new(pkey, kind);
}

static void context_free(struct context *context)
{
	EVP_PKEY_CTX_free(context->rsa);
	EVP_MD_CTX_free(context->ed25519);
	free(context);
}

void signing_key_free(struct signing_key **key)
{
	struct signing_key *k = *key;
	if (!k)
		return;
	*key = NULL;
	while (k->unused) {
		struct context *context = k->unused;
		k->unused = context->next;
		context_free(context);
	}
	pthread_mutex_destroy(&k->lock);
	EVP_PKEY_free(k->key);
	free(k);
}

/* ---- what it is ---- */

enum signing_kind signing_key_kind(const struct signing_key *key)
{
	return key->kind;
}

unsigned signing_key_bits(const struct signing_key *key)
{
	return (unsigned)EVP_PKEY_get_bits(key->key);
}

size_t signing_key_public(const struct signing_key *key, uint8_t out[SIGNING_PUBLIC_MAX])
{
	size_t len = SIGNING_PUBLIC_MAX;
	if (key->kind == SIGNING_ED25519) {
		if (EVP_PKEY_get_raw_public_key(key->key, out, &len) != 1)
			abort();
		return len;
	}
	unsigned char *der = NULL;
	int der_len = i2d_PUBKEY(key->key, &der);
	if (der_len <= 0 || der_len > SIGNING_PUBLIC_MAX)
		abort();
	memcpy(out, der, (size_t)der_len);
	OPENSSL_free(der);
	return (size_t)der_len;
}

enum err signing_key_write(const struct signing_key *key, struct buf *out)
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_secmem());
	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->key, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	long len = BIO_get_mem_data(bio, &text);
	enum err err = buf_append(out, bytes_from(text, (size_t)len));
	BIO_free(bio);
	return err;
}

/* ---- signing ---- */

static struct context *context_new(const struct signing_key *key)
{
	struct context *context = memory_new(sizeof *context);
	if (key->kind == SIGNING_ED25519) {
		context->ed25519 = EVP_MD_CTX_new();
		if (!context->ed25519 ||
		    EVP_DigestSignInit(context->ed25519, NULL, NULL, NULL, key->key) != 1)
			abort();
		return context;
	}
	context->rsa = EVP_PKEY_CTX_new(key->key, NULL);
	if (!context->rsa || EVP_PKEY_sign_init(context->rsa) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(context->rsa, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(context->rsa, EVP_sha256()) != 1)
		abort();
	return context;
}

static struct context *take_context(struct signing_key *key)
{
	pthread_mutex_lock(&key->lock);
	struct context *context = key->unused;
	if (context)
		key->unused = context->next;
	pthread_mutex_unlock(&key->lock);
	return context ? context : context_new(key);
}

static void give_context(struct signing_key *key, struct context *context)
{
	pthread_mutex_lock(&key->lock);
	context->next = key->unused;
	key->unused = context;
	pthread_mutex_unlock(&key->lock);
}

enum err signing_key_sign(struct signing_key *key, const struct digest *digest,
			  uint8_t out[SIGNATURE_MAX], size_t *ret_len)
{
	struct context *context = take_context(key);
	size_t len = SIGNATURE_MAX;
	int done = context->rsa ? EVP_PKEY_sign(context->rsa, out, &len, digest->bytes, DIGEST_SIZE)
				: EVP_DigestSign(context->ed25519, out, &len, digest->bytes,
						 DIGEST_SIZE);
	if (done != 1) {
		context_free(context);
		return E_IO;
	}
	give_context(key, context);
	*ret_len = len;
	return OK;
}
