/* The fields of a message's header that results tell (`workers.result_headers`). Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_TOLD_HEADERS_H
#define LEVERET_WORKERS_DELIVERY_TOLD_HEADERS_H

#include "lib/conf/conf.h"
#include "schemas/schemas.h"

#define TOLD_HEADER_MAX 512 /* bytes of a value; what is longer is cut */

/* The first field of each name (any case of letters), in one line, under the name that the settings give it; empty ones are left out.
 * Values are UTF-8 without controls: of others each such byte is '?'. Nothing is read when there are no names. */
struct pair *told_headers(struct arena *arena, const struct conf_text_list *names,
			  struct bytes message, size_t *ret_count);
bool told_headers_is_name(const char *name); /* could a field have it, and a column of a table? */

#endif
