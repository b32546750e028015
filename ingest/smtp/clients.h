/* How many sessions each client address has open. An IPv6 client is its /64, which is what one
 * customer gets. */
#ifndef LEVERET_INGEST_SMTP_CLIENTS_H
#define LEVERET_INGEST_SMTP_CLIENTS_H

#include "lib/net/address.h"

struct clients;

struct clients *clients_new(void);
void clients_free(struct clients **clients);
/* Count one more session; false, and nothing is counted, when there are max_count already. */
bool clients_enter(struct clients *clients, const struct net_address *address, unsigned max_count);
void clients_leave(struct clients *clients,
		   const struct net_address *address); /* one that entered */

#endif
