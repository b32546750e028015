/* Recipients out of a message's header, as sendmail -t takes them. Pure. */
#ifndef LEVERET_LEVERET_RECIPIENTS_H
#define LEVERET_LEVERET_RECIPIENTS_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

#define RECIPIENTS_MAX 1000

struct recipients {
	struct bytes items
		[RECIPIENTS_MAX]; /* addresses without names and brackets; borrowed from the message */
	size_t count;
};

/* Adds the addresses of every To, Cc and Bcc field; E_TOO_BIG past RECIPIENTS_MAX. */
enum err recipients_from_header(struct bytes message, struct recipients *recipients) MUST_USE;
/* The message with CRLF line ends and without its Bcc fields. */
struct bytes message_for_sending(struct arena *arena, struct bytes message);

#endif
