/* libunbound's event table on our loop: what it needs of sockets and timers, by struct watch and struct timer. */
#ifndef LEVERET_LIB_NET_DNS_EVENTS_H
#define LEVERET_LIB_NET_DNS_EVENTS_H

#include "lib/loop/loop.h"

struct ub_event_base;

struct ub_event_base *dns_events_new(struct loop *loop);
void dns_events_free(struct ub_event_base **base); /* after ub_ctx_delete() */

#endif
