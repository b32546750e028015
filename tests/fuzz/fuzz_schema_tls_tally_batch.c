/* Whatever decodes as a batch of tallies encodes to bytes that mean the same. */
#include "schemas/tls_report.h"
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(tls_tally_batch, tls_tally_batch_decode, tls_tally_batch_encode,
		tls_tally_batch_decode)
