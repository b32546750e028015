/* Writes large bodies to files of their own, `<directory>/bodies/<16 hex digits>`, on a thread, so that the loop never waits for the
 * disk. A body that was written is synced, and so is its name. For the thread of `loop` only; the thread of bodies.c touches nothing
 * of a body but what it reads: head, tail and file. */
#ifndef LEVERET_BROKER_EMBEDDED_BODIES_H
#define LEVERET_BROKER_EMBEDDED_BODIES_H

#include <sys/queue.h>

#include "lib/base/blob.h"
#include "lib/loop/loop.h"

#define BODIES_COUNT_MAX 1000 /* being written; then bodies_write() says E_FULL */

struct body {
	uint64_t file;	   /* its name, never 0 */
	struct bytes head; /* copied */
	struct blob *tail; /* a reference, which also keeps other threads' hands off its count */
	enum err err;	   /* how the writing ended: OK, E_FULL, E_IO */
	struct why why;
	void *waiting; /* what is published with it; NULL: forgotten */
	bool is_unwanted;
	STAILQ_ENTRY(body) next;
};

struct bodies;

/* `written` comes from the loop, once per body that was not forgotten. A body that failed leaves no file. */
struct bodies *bodies_new(struct loop *loop, const char *directory,
			  void (*written)(void *owner, const struct body *body), void *owner);
/* Waits for the piece being written; what was not told of yet leaves no file. */
void bodies_free(struct bodies **bodies);
/* The body is bodies' own, until `written`, or bodies_forget(). E_FULL. */
enum err bodies_write(struct bodies *bodies, uint64_t file, struct bytes head, struct blob *tail,
		      void *waiting, struct body **ret) MUST_USE;
void bodies_forget(struct bodies *bodies, struct body *body); /* its file is removed */

#endif
