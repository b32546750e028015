/* One returned mail under way, and what its findings ask for. */
#ifndef LEVERET_BOUNCER_INBOUND_MAIL_H
#define LEVERET_BOUNCER_INBOUND_MAIL_H

#include <sys/queue.h>

#include "bouncer/inbound/finding.h"
#include "bouncer/inbound/seen.h"
#include "bouncer/suppressions/suppressor.h"
#include "broker/broker.h"
#include "lib/loop/offload.h"
#include "lib/report/classifier.h"

struct inbound;

struct returned { /* in its arena */
	struct inbound *inbound;
	struct lease *lease; /* NULL: given back */
	struct arena *arena;
	struct work work;
	struct inbound_mail mail;
	struct report report;
	struct findings findings;
	uint8_t (*seen)[SEEN_KEY_SIZE]; /* room for one more than there are findings */
	size_t seen_count;
	int64_t now_wall_ms, forget_before_wall_ms;
	size_t unkept;
	enum err err; /* the first */
	LIST_ENTRY(returned) next;
};

/* What to ask of the suppressor, and the event for others. Texts live in the arena. */
void returned_judge(struct returned *returned, const struct finding *finding,
		    const struct classifier *classifier, struct happening *ret_happening,
		    struct bouncer_event *ret_event);
/* finding: NULL for the mail as a whole. `outcome` is a word of a closed set. */
void returned_log(const struct returned *returned, const struct finding *finding,
		  const char *outcome);

#endif
