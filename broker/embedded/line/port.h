/* What host.c needs of port.c: the calls that a client makes are in host.h. A port has two halves, the client's and the host's,
 * each used by one loop; packets cross between them in two queues under a lock. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_PORT_H
#define LEVERET_BROKER_EMBEDDED_LINE_PORT_H

#include "broker/embedded/line/host.h"

struct loop *host_loop(const struct host *host);
struct core *host_core(const struct host *host); /* for the host's thread */

#endif
