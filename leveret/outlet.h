/* Bytes on their way to a file or a pipe that may be slow: written, and synced where asked, by a thread of its own, so that the
 * loop never waits for them. One write at a time. For the loop's thread. */
#ifndef LEVERET_LEVERET_OUTLET_H
#define LEVERET_LEVERET_OUTLET_H

#include "lib/base/buf.h"
#include "lib/loop/loop.h"

struct outlet;

struct outlet_options {
	int fd;	    /* borrowed; blocking */
	bool syncs; /* fdatasync() after each write; what cannot be synced (a pipe) is not */
	/* On the loop: all of it was written, and synced, or it failed with this errno (then how much was written is unknown). */
	void (*written)(void *owner, int error_number);
	void *owner;
};

struct outlet *outlet_new(struct loop *loop, const struct outlet_options *options);
/* Takes what is in `bytes` and leaves it empty. Not while busy. */
void outlet_write(struct outlet *outlet, struct buf *bytes);
bool outlet_is_busy(const struct outlet *outlet); /* from outlet_write() until `written` */
/* Only when the loop runs no more. A write that hangs is left to its thread, and ends with the process. */
void outlet_free(struct outlet **outlet);

#endif
