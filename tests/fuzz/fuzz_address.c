/* Addresses: whatever is taken stays what it was when it is written and read again, and has one key. */
#include <stdlib.h>
#include <string.h>

#include "lib/mail/address.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_address(const struct address *address)
{
	char key[ADDRESS_MAX + 1], again_key[ADDRESS_MAX + 1];
	struct address again;
	check(address->text.len <= ADDRESS_MAX && bytes_find(address->text, 0) < 0);
	check(bytes_find(address->text, '\n') < 0 && bytes_find(address->text, '\r') < 0);
	if (address->domain.len == 0 || address_canonical(address, key) != OK)
		return;
	check(address_parse(bytes_of(key), true, &again) == OK);
	check(address_canonical(&again, again_key) == OK && strcmp(key, again_key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(data, size);
	struct address address, again;
	size_t used = 0;
	if (address_parse_path(in, true, &address, &used) == OK) {
		check(used >= 2 && used <= size && data[used - 1] == '>');
		check_address(&address);
	}
	if (address_parse(in, true, &address) == OK) {
		check(bytes_equal(address.text, in));
		check_address(&address);
		if (!address.needs_smtputf8)
			check(address_parse(in, false, &again) == OK);
	}
	char domain[ADDRESS_DOMAIN_MAX + 1], again_domain[ADDRESS_DOMAIN_MAX + 1];
	if (domain_canonical(in, domain) == OK) {
		check(bytes_is_ascii(bytes_of(domain)));
		check(domain_canonical(bytes_of(domain), again_domain) == OK);
		check(strcmp(domain, again_domain) == 0);
	}
	return 0;
}
