/* The table of all queues, as `broker status` and `queue list` print it. */
#ifndef LEVERET_LEVERET_QUEUE_TABLE_H
#define LEVERET_LEVERET_QUEUE_TABLE_H

#include "leveret/options.h"

extern const struct option_row queue_table_rows[];
extern const size_t queue_table_row_count;
/* tells_pauses: and which are suspended. Gives an enum exit_code. */
int queue_table_print(const struct options *options, bool tells_pauses);

#define QUEUE_TABLE_TEXT                                                                           \
	"Lists every queue of the topology. RabbitMQ tells unacked counts only through its "       \
	"management plugin: set\n"                                                                 \
	"broker.management_url for them; what is not known is \"-\" (null in JSON). Ages "         \
	"come from the plugin too, where it tells them;\n"                                         \
	"--oldest reads them from the first message of each queue, which counts as one of "        \
	"its deliveries (broker.delivery_limit)."

#endif
