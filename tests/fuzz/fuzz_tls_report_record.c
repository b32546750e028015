/* Any bytes as a record of TLS-RPT: within the maxima, and what is an address is one that mail or a request can go to. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "lib/tlsreport/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_ruas ruas;
	if (!tls_record_parse(bytes_from(data, size), &ruas))
		return 0;
	assert(tls_record_is_one(bytes_from(data, size)));
	assert(ruas.count > 0 && ruas.count <= TLS_RUA_MAX);
	for (size_t i = 0; i < ruas.count; i++) {
		char address[TLS_RUA_SIZE];
		assert(strlen(ruas.uris[i]) < TLS_RUA_SIZE);
		if (!tls_rua_mail(ruas.uris[i], address)) {
			assert(tls_rua_is_https(ruas.uris[i]));
			continue;
		}
		for (const char *p = address; *p; p++)
			assert(isgraph((unsigned char)*p));
		assert(strchr(address, '@'));
	}
	return 0;
}
