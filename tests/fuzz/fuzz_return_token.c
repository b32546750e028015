/* Any bytes as the local part of a return path: read or refused, and never taken for one of ours. */
#include <stdlib.h>

#include "lib/returnpath/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct return_keys keys = {
		.items = {{.id = '0', .secret = {(const uint8_t *)"not known to a fuzzer", 21}}},
		.count = 1,
	};
	struct return_token token;
	if (return_token_check(&keys, bytes_from(data, size), 0, 65535, &token) == OK)
		abort();
	return 0;
}
