/* Records: what parses is encoded again to the same bytes. */
#include <stdlib.h>

#include "broker/embedded/packet/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record record;
	struct bytes in = bytes_from(data, size);
	if (record_parse(in, &record) != OK)
		return 0;
	struct shared *again = NULL;
	size_t half = record.body.len / 2; /* a body in two parts is the same body */
	struct bytes tail = bytes_skip(record.body, half);
	record.body = bytes_first(record.body, half);
	if (record_encode(&record, tail, &again) != OK || !bytes_equal(shared_bytes(again), in))
		abort();
	shared_unref(&again);
	return 0;
}
