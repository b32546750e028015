/* Mail written again for hosts that do not take it as it came: what is binary in lines, or all of it in 7 bits (lib/mail/repair.h). Small
 * mail is at once, large mail on a thread, so that the loop goes on. For the loop's thread. */
#ifndef LEVERET_WORKERS_DELIVERY_REWRITER_H
#define LEVERET_WORKERS_DELIVERY_REWRITER_H

#include "lib/base/buf.h"
#include "lib/loop/offload.h"
#include "lib/mail/repair.h"

#define REWRITER_AT_ONCE_MAX ((size_t)64 << 10) /* bytes of a message; some 0.2 ms */
#define REWRITER_LINE_MAX    998		/* of what is written, RFC 5322 2.1.1 */

struct rewriter;
struct rewriter *rewriter_new(struct loop *loop);
void rewriter_free(struct rewriter **rewriter); /* waits for what is under way; no upcalls */

struct rewriting {	      /* zeroed; embedded in its owner's, who keeps it until `done` */
	struct bytes message; /* borrowed; must not change meanwhile */
	unsigned kinds;	      /* REPAIR_... */
	void (*done)(struct rewriting *rewriting);
	void *owner; /* of no meaning here */
	/* What came of it. E_MALFORMED: it cannot be written so, with the reason. */
	enum err err;
	struct why why;
	struct buf text; /* after OK only: to be released by the owner */
	bool is_8bit;	 /* the text holds bytes over 127 */
	/* private */
	struct rewriter *rewriter;
	struct work work;
};
/* True: it is done, and `done` will not come. False: it comes later. */
bool rewriter_write(struct rewriter *rewriter, struct rewriting *rewriting);

#endif
