/* The numbers behind a lane's decisions. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_LANE_PLAN_H
#define LEVERET_WORKERS_DELIVERY_LANE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One more connection helps: more transactions wait than connections are being opened for them. Busy connections do not count: when
 * one comes free first, it takes the work, and the new one finds less. */
bool plan_wants_link(size_t waiting_count, size_t opening_count);

/* A site has room for one more session. Sessions given back for reuse count while they may still be open. */
bool plan_site_has_room(size_t open_count, size_t lingering_count, int64_t limit);

/* How long others who come are told the same without trying: as long as it took to find out, at most a minute. A refusal that came at
 * once costs nothing to ask for again; a host that lets everybody wait would hold all the worker's mail. */
int64_t plan_dead_ms(int64_t began_at_ms, int64_t now_ms);

#endif
