/* One change in the store's transaction, on the store's thread. A change may be applied again, when the map had to grow: it depends
 * on nothing but its own fields and what the transaction shows. */
#include <assert.h>

#include "broker/embedded/core/changes.h"
#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"

static enum err put_standing(struct store_txn *txn, const struct databases *db,
			     const struct change *change)
{
	uint8_t key[LAYOUT_WAITING_KEY], value[LAYOUT_WAITING];
	if (change->due_wall_ms > 0)
		return store_put(
			txn, db->waiting,
			layout_waiting_key(change->due_wall_ms, change->standing.number, key),
			layout_waiting(change->queue, &change->standing, value));
	return store_put(txn, db->ready, layout_ready_key(change->queue, change->order, key),
			 layout_standing(&change->standing, value));
}

static enum err delete_ready(struct store_txn *txn, const struct databases *db,
			     const struct change *change)
{
	uint8_t key[LAYOUT_READY_KEY];
	return store_delete(txn, db->ready, layout_ready_key(change->queue, change->order, key));
}

static enum err delete_waiting(struct store_txn *txn, const struct databases *db,
			       const struct change *change)
{
	uint8_t key[LAYOUT_WAITING_KEY];
	return store_delete(txn, db->waiting,
			    layout_waiting_key(change->due_wall_ms, change->standing.number, key));
}

static enum err delete_record(struct store_txn *txn, const struct databases *db,
			      const struct change *change)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	enum err err = OK;
	if (change->file)
		err = store_delete(txn, db->files, layout_number_key(change->file, key));
	if (!err)
		err = store_delete(txn, db->messages,
				   layout_number_key(change->standing.number, key));
	return err;
}

static enum err apply_add(struct store_txn *txn, const struct databases *db,
			  const struct change *change)
{
	uint8_t key[LAYOUT_NUMBER_KEY], number[LAYOUT_NUMBER_KEY];
	struct bytes number_key = layout_number_key(change->standing.number, number);
	enum err err = put_standing(txn, db, change);
	if (!err && change->file)
		err = store_put(txn, db->files, layout_number_key(change->file, key), number_key);
	return err ? err : store_put(txn, db->messages, number_key, shared_bytes(change->record));
}

static enum err apply_defer(struct store_txn *txn, const struct databases *db,
			    const struct change *change)
{
	enum err err = delete_ready(txn, db, change);
	return err ? err : put_standing(txn, db, change);
}

static enum err apply_promote(struct store_txn *txn, const struct databases *db,
			      const struct change *change)
{
	uint8_t key[LAYOUT_READY_KEY], value[LAYOUT_STANDING];
	enum err err = delete_waiting(txn, db, change);
	return err ? err
		   : store_put(txn, db->ready, layout_ready_key(change->queue, change->order, key),
			       layout_standing(&change->standing, value));
}

static enum err apply_bind(struct store_txn *txn, const struct databases *db,
			   const struct change *change)
{
	uint8_t key[LAYOUT_BINDING_MAX];
	return store_put(txn, db->bindings, layout_binding_key(change->queue, change->text, key),
			 BYTES_NONE);
}

/* One that was appended late: who reads the table later must not get it for the newer one. */
static bool is_outdated(struct store_txn *txn, const struct change *change, struct bytes at)
{
	struct bytes stored, key, value;
	uint64_t version;
	return store_get(txn, change->table->log, at, &stored) == OK &&
	       layout_read_entry(stored, &version, &key, &value) && version > change->version;
}

/* The key's earlier entry goes, so that a table's log is no longer than the table. */
static enum err apply_append(struct store_txn *txn, const struct change *change)
{
	struct bytes record = shared_bytes(change->record), old;
	struct bytes key = bytes_first(record, change->key_len);
	uint8_t position[LAYOUT_NUMBER_KEY];
	enum err err = store_get(txn, change->table->keys, key, &old);
	if (!err && is_outdated(txn, change, old))
		return OK;
	if (!err)
		err = store_delete(txn, change->table->log, old);
	if (err && err != E_NOT_FOUND)
		return err;
	struct bytes at = layout_number_key(change->position, position);
	uint8_t *value = memory_array(1, LAYOUT_ENTRY_HEADER + record.len);
	(void)layout_entry_header(change->version, change->key_len, value);
	memcpy(value + LAYOUT_ENTRY_HEADER, record.data, record.len);
	err = store_put(txn, change->table->log, at,
			bytes_from(value, LAYOUT_ENTRY_HEADER + record.len));
	free(value);
	return err ? err : store_put(txn, change->table->keys, key, at);
}

/* The log's last entry stays: its position must not be given again, or who read it would miss another one there. */
static enum err apply_forget(struct store_txn *txn, const struct change *change)
{
	struct bytes key = bytes_first(shared_bytes(change->record), change->key_len);
	struct bytes at, stored, last_key, last, entry_key, value;
	uint8_t position[LAYOUT_NUMBER_KEY];
	uint64_t version;
	enum err err = store_get(txn, change->table->keys, key, &at);
	if (err || at.len != sizeof position)
		return err == E_NOT_FOUND ? OK : err;
	memcpy(position, at.data, sizeof position);
	at = bytes_from(position, sizeof position);
	err = store_last(txn, change->table->log, &last_key, &last);
	if (err || bytes_equal(last_key, at))
		return err == E_NOT_FOUND ? OK : err;
	err = store_get(txn, change->table->log, at, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (!layout_read_entry(stored, &version, &entry_key, &value) || version > change->version)
		return OK;
	err = store_delete(txn, change->table->log, at);
	return err ? err : store_delete(txn, change->table->keys, key);
}

/* Places that are found before they are deleted: deleting inside a walk is not allowed. */
#define UNQUEUE_MAX 256

struct unqueue {
	struct store_txn *txn;
	const struct databases *db;
	uint32_t queue;
	size_t count; /* of places that were found */
	uint8_t keys[UNQUEUE_MAX][LAYOUT_READY_KEY];
	uint64_t numbers[UNQUEUE_MAX];
	uint8_t binding[LAYOUT_BINDING_MAX];
	size_t binding_len; /* 0: none was found */
};

static bool note_place(void *owner, struct bytes key, struct bytes value)
{
	struct unqueue *unqueue = owner;
	struct standing standing;
	uint32_t queue;
	uint64_t order;
	if (!layout_read_ready_key(key, &queue, &order) || queue != unqueue->queue ||
	    !layout_read_standing(value, &standing))
		return false;
	memcpy(unqueue->keys[unqueue->count], key.data, LAYOUT_READY_KEY);
	unqueue->numbers[unqueue->count++] = standing.number;
	return unqueue->count < UNQUEUE_MAX;
}

/* With the row of its body's file, so that the next start removes the file too. */
static enum err delete_whole_record(const struct unqueue *unqueue, uint64_t number)
{
	uint8_t number_key[LAYOUT_NUMBER_KEY], file_key[LAYOUT_NUMBER_KEY];
	struct bytes key = layout_number_key(number, number_key), stored;
	struct record record;
	enum err err = store_get(unqueue->txn, unqueue->db->messages, key, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (record_parse(stored, &record) == OK && record.file)
		err = store_delete(unqueue->txn, unqueue->db->files,
				   layout_number_key(record.file, file_key));
	return err ? err : store_delete(unqueue->txn, unqueue->db->messages, key);
}

static enum err delete_places(struct unqueue *unqueue)
{
	enum err err = OK;
	for (size_t i = 0; i < unqueue->count && !err; i++) {
		err = store_delete(unqueue->txn, unqueue->db->ready,
				   bytes_from(unqueue->keys[i], LAYOUT_READY_KEY));
		if (!err)
			err = delete_whole_record(unqueue, unqueue->numbers[i]);
	}
	return err;
}

static bool note_binding(void *owner, struct bytes key, struct bytes value)
{
	struct unqueue *unqueue = owner;
	uint32_t queue;
	(void)value;
	if (!layout_read_queue(bytes_first(key, 4), &queue) || queue != unqueue->queue ||
	    key.len > sizeof unqueue->binding)
		return false;
	memcpy(unqueue->binding, key.data, key.len);
	unqueue->binding_len = key.len;
	return false;
}

static enum err delete_bindings(struct unqueue *unqueue)
{
	uint8_t key[4];
	enum err err;
	do {
		unqueue->binding_len = 0;
		err = store_each(unqueue->txn, unqueue->db->bindings,
				 layout_queue_key(unqueue->queue, key), note_binding, unqueue);
		if (!err && unqueue->binding_len)
			err = store_delete(unqueue->txn, unqueue->db->bindings,
					   bytes_from(unqueue->binding, unqueue->binding_len));
	} while (!err && unqueue->binding_len);
	return err;
}

static enum err apply_unqueue(struct store_txn *txn, const struct databases *db,
			      const struct change *change)
{
	struct unqueue unqueue = {.txn = txn, .db = db, .queue = change->queue};
	uint8_t key[LAYOUT_READY_KEY];
	enum err err;
	do {
		unqueue.count = 0;
		err = store_each(txn, db->ready, layout_ready_key(change->queue, 0, key),
				 note_place, &unqueue);
		if (!err)
			err = delete_places(&unqueue);
	} while (!err && unqueue.count);
	if (!err)
		err = delete_bindings(&unqueue);
	return err ? err : store_delete(txn, db->queues, layout_queue_key(change->queue, key));
}

enum err change_apply(struct store_txn *txn, const struct databases *db,
		      const struct change *change)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	enum err err;
	switch (change->kind) {
	case CHANGE_ADD:
		return apply_add(txn, db, change);
	case CHANGE_REMOVE:
		err = delete_ready(txn, db, change);
		return err ? err : delete_record(txn, db, change);
	case CHANGE_DEFER:
		return apply_defer(txn, db, change);
	case CHANGE_PROMOTE:
		return apply_promote(txn, db, change);
	case CHANGE_DISCARD:
		err = delete_waiting(txn, db, change);
		return err ? err : delete_record(txn, db, change);
	case CHANGE_MARK:
		return put_standing(txn, db, change);
	case CHANGE_QUEUE:
		return store_put(txn, db->queues, layout_queue_key(change->queue, key),
				 bytes_of(change->text));
	case CHANGE_UNQUEUE:
		return apply_unqueue(txn, db, change);
	case CHANGE_BIND:
		return apply_bind(txn, db, change);
	case CHANGE_APPEND:
		return apply_append(txn, change);
	case CHANGE_FORGET:
		return apply_forget(txn, change);
	case CHANGE_NUMBER:
		return store_put(txn, db->engine, bytes_of(change->text),
				 layout_number_key(change->position, key));
	case CHANGE_PROBE:
		return store_put(txn, db->engine, BYTES("space_probe"),
				 shared_bytes(change->record));
	}
	assert(false);
	return E_MALFORMED;
}
