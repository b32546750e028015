/* Whatever decodes as a inbound_mail encodes to bytes that mean the same. */
#include "tests/fuzz/fuzz_schema.h"

FUZZ_ROUND_TRIP(inbound_mail, inbound_mail_decode, inbound_mail_encode, inbound_mail_decode)
