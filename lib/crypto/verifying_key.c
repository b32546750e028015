/* By OpenSSL; what it does not understand is no key, and no error. */
#include "lib/crypto/verifying_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct verifying_key {
	EVP_PKEY *key;
	enum signing_kind kind;
};

static EVP_PKEY *read_rsa(struct bytes public)
{
	const unsigned char *at = public.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public.len);
	if (!key) {
		at = public.data;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)public.len);
	}
	ERR_clear_error();
	return key;
}

static enum err check_rsa(EVP_PKEY *key)
{
	if (!EVP_PKEY_is_a(key, "RSA"))
		return E_MALFORMED;
	int bits = EVP_PKEY_get_bits(key);
	return bits < SIGNING_RSA_BITS_MIN || bits > SIGNING_RSA_BITS_MAX ? E_REFUSED : OK;
}

enum err verifying_key_read(enum signing_kind kind, struct bytes public, struct verifying_key **ret)
{
	bool is_rsa = kind == SIGNING_RSA;
	if (public.len == 0 || public.len > SIGNING_PUBLIC_MAX)
		return E_MALFORMED;
	EVP_PKEY *pkey = is_rsa ? read_rsa(public)
				: EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public.data,
							      public.len);
	ERR_clear_error();
	if (!pkey)
		return E_MALFORMED;
	enum err err = is_rsa ? check_rsa(pkey) : OK;
	if (err != OK) {
		EVP_PKEY_free(pkey);
		return err;
	}
	*ret = memory_new(sizeof **ret);
	(*ret)->key = pkey;
	(*ret)->kind = kind;
	return OK;
}

void verifying_key_free(struct verifying_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->key);
	free(*key);
	*key = NULL;
}

static bool is_good_rsa(EVP_PKEY *pkey, const struct digest *digest, struct bytes signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
	bool is_good = context && EVP_PKEY_verify_init(context) == 1 &&
		       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
		       EVP_PKEY_verify(context, signature.data, signature.len, digest->bytes,
				       DIGEST_SIZE) == 1;
	EVP_PKEY_CTX_free(context);
	return is_good;
}

static bool is_good_ed25519(EVP_PKEY *pkey, const struct digest *digest, struct bytes signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
		       EVP_DigestVerify(context, signature.data, signature.len, digest->bytes,
					DIGEST_SIZE) == 1;
	EVP_MD_CTX_free(context);
	return is_good;
}

bool verifying_key_is_good(struct verifying_key *key, const struct digest *digest,
			   struct bytes signature)
{
	bool is_good = signature.len > 0 &&
		       (key->kind == SIGNING_RSA ? is_good_rsa(key->key, digest, signature)
						 : is_good_ed25519(key->key, digest, signature));
	ERR_clear_error();
	return is_good;
}
