/* TLSA records (RFC 6698, 7671): what a domain says in DNS about the certificate of a host. */
#ifndef LEVERET_LIB_NET_TLSA_H
#define LEVERET_LIB_NET_TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLSA_DATA_MAX 2048 /* a whole certificate */

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };

struct tlsa_record {
	uint8_t usage, selector, matching;
	size_t len; /* 0: it was too long, or had none */
	uint8_t data[TLSA_DATA_MAX];
};

/* Usable with SMTP (RFC 7672 3.1): usage 2 or 3, selector and matching type known, data that fit them. Pure. */
bool tlsa_is_usable(const struct tlsa_record *record);

#endif
