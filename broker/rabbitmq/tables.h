/* Tables as streams, read over AMQP from an offset on. A follower learns that it has caught up by
 * appending a marker of its own and reading it back: whatever stood in the table before it has then
 * come by.
 *
 * A power cut may cost a stream its last entries, which their owner then appends again at offsets
 * that were used before; so a following begins a few thousand entries early. And a stream that was
 * made anew is shorter than the position: RabbitMQ then shows nothing at all, not even the marker,
 * and the following begins again at the first entry. So it does whenever the marker is kept and nothing of the stream is
 * shown: nobody may wait for ever for a table. */
#ifndef LEVERET_BROKER_RABBITMQ_TABLES_H
#define LEVERET_BROKER_RABBITMQ_TABLES_H

#include <sys/queue.h>

#include "broker/engine.h"
#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/publisher.h"

struct follower;
LIST_HEAD(follower_list, follower);

struct tables {
	const struct engine *engine;
	struct loop *loop;
	struct connection *connection;
	struct publisher *publisher;
	const struct broker_settings *settings;
	void (*queue_missing)(void *owner);
	void *owner;
	struct follower_list followers;
	bool is_allowed;
};

void tables_done(struct tables *tables);
void tables_allow(struct tables *tables, bool is_allowed);
struct table_follower *tables_follow(struct tables *tables, const char *table, uint64_t position,
				     const struct table_handler *handler, void *owner);
void tables_follower_free(struct table_follower *follower);
void tables_append(struct tables *tables, const char *table, const struct table_entry *entry,
		   published done, void *owner);

#endif
