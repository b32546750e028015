/* The service manager's readiness protocol (sd_notify): one datagram to $NOTIFY_SOCKET; nothing happens without it. */
#ifndef LEVERET_LEVERET_NOTIFY_H
#define LEVERET_LEVERET_NOTIFY_H

void notify_supervisor(const char *state); /* "READY=1", "STOPPING=1" */

#endif
