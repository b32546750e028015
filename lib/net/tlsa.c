/* Which TLSA records can be used. A digest must have its length, a whole certificate or key must be one. */
#include "lib/net/tlsa.h"

#include <openssl/err.h>
#include <openssl/x509.h>

enum { SELECTOR_CERTIFICATE, SELECTOR_KEY };
enum { MATCHING_WHOLE, MATCHING_SHA256, MATCHING_SHA512 };

static bool is_whole(const struct tlsa_record *record)
{
	const uint8_t *at = record->data;
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	if (record->selector == SELECTOR_CERTIFICATE)
		certificate = d2i_X509(NULL, &at, (long)record->len);
	else
		key = d2i_PUBKEY(NULL, &at, (long)record->len);
	bool is_one = (certificate || key) && at == record->data + record->len;
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return is_one;
}

bool tlsa_is_usable(const struct tlsa_record *record)
{
	if (record->usage != TLSA_DANE_TA && record->usage != TLSA_DANE_EE)
		return false;
	if (record->selector > SELECTOR_KEY)
		return false;
	switch (record->matching) {
	case MATCHING_WHOLE:
		return record->len > 0 && is_whole(record);
	case MATCHING_SHA256:
		return record->len == 32;
	case MATCHING_SHA512:
		return record->len == 64;
	default:
		return false;
	}
}
