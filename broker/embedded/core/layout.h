/* Keys and values of the engine's databases. Pure. Keys are big-endian, so that LMDB's order is the order of the numbers.
 *
 *   messages   number -> the record (record.h)
 *   ready      queue, order -> standing            what consumers may take, oldest first
 *   waiting    due, number -> queue, standing      what is not due yet: retries and scheduled mail
 *   files      file -> number                      records whose body is in a file
 *   queues     queue -> name
 *   bindings   queue, pattern -> nothing           of subscribers' queues
 *   log.T      position -> version, key, value     a table's entries; only the last of a key is kept
 *   keys.T     key -> position
 *   engine     a name -> a number
 *
 * Numbers and orders come from one count, which goes on from the highest that is on disk at a start. A message has one number for its life; each time it becomes ready
 * it gets a new order, so that a queue's end is always its end. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_LAYOUT_H
#define LEVERET_BROKER_EMBEDDED_CORE_LAYOUT_H

#include "lib/base/bytes.h"

/* What is remembered of a message that stands in a queue or waits. */
struct standing {
	uint64_t number;
	uint32_t run;	/* of the engine, in which this was written; see core_parts.h */
	uint16_t count; /* times it was leased and came back */
};

#define LAYOUT_NUMBER_KEY   8
#define LAYOUT_READY_KEY    12
#define LAYOUT_WAITING_KEY  16
#define LAYOUT_STANDING	    14
#define LAYOUT_WAITING	    (4 + LAYOUT_STANDING)
#define LAYOUT_BINDING_MAX  (4 + 500)
#define LAYOUT_ENTRY_HEADER 10

struct bytes layout_number_key(uint64_t number, uint8_t out[LAYOUT_NUMBER_KEY]);
struct bytes layout_queue_key(uint32_t queue, uint8_t out[4]);
struct bytes layout_ready_key(uint32_t queue, uint64_t order, uint8_t out[LAYOUT_READY_KEY]);
struct bytes layout_waiting_key(int64_t due_wall_ms, uint64_t number,
				uint8_t out[LAYOUT_WAITING_KEY]);
struct bytes layout_standing(const struct standing *standing, uint8_t out[LAYOUT_STANDING]);
struct bytes layout_waiting(uint32_t queue, const struct standing *standing,
			    uint8_t out[LAYOUT_WAITING]);
struct bytes layout_binding_key(uint32_t queue, const char *pattern,
				uint8_t out[LAYOUT_BINDING_MAX]);
struct bytes layout_entry_header(uint64_t version, uint16_t key_len,
				 uint8_t out[LAYOUT_ENTRY_HEADER]);

/* Reading back; false: not of that form. */
bool layout_read_number(struct bytes b, uint64_t *ret);
bool layout_read_queue(struct bytes b, uint32_t *ret);
bool layout_read_ready_key(struct bytes b, uint32_t *ret_queue, uint64_t *ret_order);
bool layout_read_waiting_key(struct bytes b, int64_t *ret_due_wall_ms, uint64_t *ret_number);
bool layout_read_standing(struct bytes b, struct standing *ret);
bool layout_read_waiting(struct bytes b, uint32_t *ret_queue, struct standing *ret);
bool layout_read_binding_key(struct bytes b, uint32_t *ret_queue, char *pattern, size_t size);
bool layout_read_entry(struct bytes b, uint64_t *ret_version, struct bytes *ret_key,
		       struct bytes *ret_value);

#endif
