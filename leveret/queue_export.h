/* Takes the mail of queues into a file; see queue_export.c. */
#ifndef LEVERET_LEVERET_QUEUE_EXPORT_H
#define LEVERET_LEVERET_QUEUE_EXPORT_H

#include <stdint.h>

#include "leveret/options.h"

struct queue_export_options {
	int fd; /* of the file; borrowed */
	const char *queues[OPTIONS_MAX];
	size_t queue_count;    /* 0: all that hold mail */
	bool is_copy, as_json; /* copy: the messages stay where they are */
};

/* Tells on standard output, or on standard error when that is the file. Gives an enum exit_code, and how many messages the file
 * holds. */
int queue_export(const struct options *line, const struct queue_export_options *options,
		 uint64_t *ret_count);

#endif
