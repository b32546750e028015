/* What a domain publishes to be told of TLS failures (RFC 8460 3): the record at _smtp._tls.<domain>, and the addresses in it. Pure functions
 * on outside bytes (fuzzed). */
#ifndef LEVERET_LIB_TLSREPORT_RECORD_H
#define LEVERET_LIB_TLSREPORT_RECORD_H

#include "lib/base/bytes.h"

#define TLS_RUA_MAX  4	 /* addresses of one domain; further ones are left out */
#define TLS_RUA_SIZE 256 /* of one, with its NUL; longer ones are left out */

struct tls_ruas {
	size_t count;
	char uris[TLS_RUA_MAX][TLS_RUA_SIZE]; /* "mailto:..." or "https://..."; printable ASCII */
};

/* One TXT record. False: it is none, malformed, or has no address that we know to report to. */
bool tls_record_parse(struct bytes text, struct tls_ruas *ret);
/* Does it claim to be one? Of several that do, nobody knows which counts: the domain then has none. */
bool tls_record_is_one(struct bytes text);

/* The address of a mailto: URI, decoded, without what follows "?". False: it is none that mail can be sent to. */
bool tls_rua_mail(const char *uri, char out[TLS_RUA_SIZE]);
bool tls_rua_is_https(const char *uri);

#endif
