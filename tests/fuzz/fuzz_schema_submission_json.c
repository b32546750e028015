/* Whatever is taken from JSON is a submission that Protocol Buffers carry unchanged. */
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(submission, submission_from_json, submission_encode, submission_decode)
