/* Base 64 by OpenSSL. */
#include "lib/crypto/base64.h"

#include <openssl/evp.h>

size_t base64_text(struct bytes b, char *out)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)out, b.data, (int)b.len);
}
