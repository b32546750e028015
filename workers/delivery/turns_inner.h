/* Inside the turns: what turns.c keeps, and turns_next.c looks at. */
#ifndef LEVERET_WORKERS_DELIVERY_TURNS_INNER_H
#define LEVERET_WORKERS_DELIVERY_TURNS_INNER_H

#include "workers/delivery/turns.h"

TAILQ_HEAD(transaction_list, transaction);

struct line { /* of one campaign of one tenant; goes with its last transaction */
	struct bytes tenant, campaign; /* of its first transaction; copied */
	bool is_urgent;
	struct guest *guest;
	struct party *by_tenant, *by_campaign; /* NULL: no limit */
	struct transaction_list waiting;
	size_t count;
	TAILQ_ENTRY(line) next;
};

struct turns {
	struct turns_options options;
	TAILQ_HEAD(, line) lines; /* the first is the next */
	size_t count;
	unsigned urgent_turns; /* since one of mail that is not */
	unsigned passed_count; /* times that the first was passed over, since it was not */
};

/* The first of the line, which goes behind the others. */
struct transaction *line_take(struct turns *turns, struct line *line);

#endif
