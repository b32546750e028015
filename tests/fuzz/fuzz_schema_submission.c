/* Whatever decodes as a submission encodes to bytes that mean the same. */
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(submission, submission_decode, submission_encode, submission_decode)
