/* What leveret queue bounce, drop, move and flush do with a message that is taken from its queue: a row each. */
#ifndef LEVERET_LEVERET_QUEUE_ACT_H
#define LEVERET_LEVERET_QUEUE_ACT_H

#include "leveret/queue_walk.h"

struct act_wish {	      /* borrowed from the command line */
	const char *to_pool;  /* of move */
	const char *reason;   /* of bounce */
	bool takes_scheduled; /* of flush */
};

struct act {
	const char *done_word; /* "bounced" */
	/* Publish what becomes of the recipients that fit; `rest` has the others, if any. */
	void (*apply)(const struct act_wish *wish, struct walk *walk, struct taken *taken,
		      const struct delivery_request *fitting, const struct delivery_request *rest);
	/* False: the message is left alone. NULL: none is. */
	bool (*is_fit)(const struct act_wish *wish, const struct delivery_request *mail);
	bool takes_queues;
};

extern const struct act act_bounce, act_drop, act_move, act_flush;

#endif
