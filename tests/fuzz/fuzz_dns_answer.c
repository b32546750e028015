/* Any bytes as a DNS answer: within the maxima, names are lower-case host names, and nothing else happens. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "lib/net/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mx_answer mx;
	dns_answer_mx(bytes_from(data, size), &mx);
	assert(mx.count <= RESOLVER_MX_MAX);
	assert(mx.outcome == DNS_FOUND || mx.count == 0);
	for (size_t i = 0; i < mx.count; i++) {
		size_t len = strnlen(mx.hosts[i].name, sizeof mx.hosts[i].name);
		assert(len < sizeof mx.hosts[i].name);
		for (size_t j = 0; j < len; j++)
			assert(isgraph((unsigned char)mx.hosts[i].name[j]) &&
			       !isupper((unsigned char)mx.hosts[i].name[j]));
	}
	struct address_answer addresses = {.count = 0};
	enum dns_outcome outcome = dns_answer_addresses(bytes_from(data, size), &addresses);
	assert(addresses.count <= RESOLVER_ADDRESSES_MAX);
	assert((outcome == DNS_FOUND) == (addresses.count > 0));
	static struct txt_answer txt;
	dns_answer_txt(bytes_from(data, size), &txt);
	assert(txt.count <= RESOLVER_TXT_MAX && (txt.outcome == DNS_FOUND || txt.count == 0));
	for (size_t i = 0; i < txt.count; i++)
		assert(txt.records[i].len <= RESOLVER_TXT_BYTES_MAX);
	static struct tlsa_answer tlsa;
	dns_answer_tlsa(bytes_from(data, size), &tlsa);
	assert(tlsa.count <= RESOLVER_TLSA_MAX && (tlsa.outcome == DNS_FOUND || tlsa.count == 0));
	for (size_t i = 0; i < tlsa.count; i++) {
		assert(tlsa.records[i].len <= TLSA_DATA_MAX);
		(void)tlsa_is_usable(&tlsa.records[i]);
	}
	(void)dns_answer_alias(bytes_from(data, size));
	return 0;
}
