/* Immutable bytes that several threads hold: on the heap, or the mapping of a body's file. Written once by whoever makes them,
 * before the first other reference exists. References may be taken and dropped on any thread. */
#ifndef LEVERET_BROKER_EMBEDDED_PACKET_SHARED_H
#define LEVERET_BROKER_EMBEDDED_PACKET_SHARED_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct shared;

struct shared *shared_new(size_t len, uint8_t **ret_data); /* to be filled by the caller */
struct shared *shared_copy(struct bytes b);
/* Maps a whole file for reading; E_NOT_FOUND, E_IO. The file may be unlinked meanwhile. */
enum err shared_map(const char *path, struct shared **ret, struct why *why) MUST_USE;
struct shared *shared_ref(struct shared *shared); /* NULL gives NULL */
void shared_unref(struct shared **shared);
struct bytes shared_bytes(const struct shared *shared); /* none for NULL */

#endif
