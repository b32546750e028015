/* Whatever decodes as a skeleton encodes to bytes that mean the same. */
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(skeleton, skeleton_decode, skeleton_encode, skeleton_decode)
