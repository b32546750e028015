/* What operators are told of the queues. */
#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

static int64_t oldest_age_ms(const struct core *core, struct queue *queue, struct store_txn *txn)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	const struct entry *entry = queue_first(queue, txn);
	struct record record;
	struct bytes stored;
	if (!entry)
		return -1;
	if (entry->record)
		stored = shared_bytes(entry->record);
	else if (store_get(txn, core->databases.messages,
			   layout_number_key(entry->standing.number, key), &stored) != OK)
		return -1;
	if (record_parse(stored, &record) != OK)
		return -1;
	int64_t age = loop_wall_ms(core->loop) - record.since_wall_ms;
	return age > 0 ? age : 0;
}

void session_inspect(struct session *session, uint64_t tag)
{
	const struct core *core = session->core;
	struct store_txn *txn = store_read_begin(core->store);
	for (struct queue *queue = catalog_first(core->catalog); queue; queue = queue->next) {
		struct packet *packet = packet_new(PACKET_QUEUE, tag);
		int64_t consumers = 0;
		for (const struct seat *seat = queue->seats; seat; seat = seat->next)
			consumers++;
		packet->text = memory_text(queue->name);
		packet->value[0] = (int64_t)queue_ready(queue);
		packet->value[1] = (int64_t)queue->leased;
		packet->value[2] = consumers;
		packet->value[3] = oldest_age_ms(core, queue, txn);
		session_send(session, packet);
	}
	store_read_end(&txn);
	session_answer(session, tag, OK);
}
