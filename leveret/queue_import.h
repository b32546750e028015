/* Publishes what `queue export` wrote; see queue_import.c. */
#ifndef LEVERET_LEVERET_QUEUE_IMPORT_H
#define LEVERET_LEVERET_QUEUE_IMPORT_H

#include <stdint.h>

#include "leveret/options.h"

struct queue_import_options {
	int fds[OPTIONS_MAX]; /* of the files, in order; borrowed */
	size_t fd_count;      /* at least 1 */
	uint64_t skip;	      /* so many messages from the beginning on are there already */
	bool takes_cut;	      /* a file without its end: of an export that was killed */
	bool as_json;
};

int queue_import(const struct options *line,
		 const struct queue_import_options *options); /* gives an enum exit_code */

#endif
