/* Whatever decodes as a directive encodes to bytes that mean the same. */
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(directive, directive_decode, directive_encode, directive_decode)
