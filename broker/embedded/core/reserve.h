/* A little space kept back in a file, for the moment when the disk is full: even a removal needs a few free pages before it gives
 * any back, so a disk without any could never empty its queues. As good as the file system allows; failures are not told. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_RESERVE_H
#define LEVERET_BROKER_EMBEDDED_CORE_RESERVE_H

void reserve_keep(const char *directory);
void reserve_spend(const char *directory);

#endif
