/* Reads the PROXY header of one connection and not a byte more: what follows may be a TLS handshake, which is not ours to look at.
 * Lives on one loop. */
#ifndef LEVERET_INGEST_SMTP_PROXY_READER_H
#define LEVERET_INGEST_SMTP_PROXY_READER_H

#include "ingest/smtp/proxy.h"
#include "lib/loop/loop.h"

struct proxy_reader;
/* Never PROXY_MORE; PROXY_BAD also when it is too late, or the peer is gone. The socket is the owner's again, with all that stands
 * behind the header unread; `client` is told with PROXY_CLIENT. */
typedef void (*proxy_read)(void *owner, enum proxy_verdict verdict, int fd,
			   const struct net_address *client);
/* Takes the socket, which does not block. `done` comes once, from the loop; free the reader there or later. */
struct proxy_reader *proxy_reader_new(struct loop *loop, int fd, int64_t limit_ms, proxy_read done,
				      void *owner);
void proxy_reader_free(struct proxy_reader **reader); /* before `done` it closes the socket */

#endif
