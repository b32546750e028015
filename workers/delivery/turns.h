/* Transactions that wait for a lane: tenants take turns by what each has had of the whole site (guests.h), their campaigns one after the
 * other, each by its own limits, and within one they keep their order. Urgent ones go first: four of them to one of the others. Lives on
 * one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_TURNS_H
#define LEVERET_WORKERS_DELIVERY_TURNS_H

#include "workers/delivery/guests.h"
#include "workers/delivery/lanes.h"
#include "workers/limits/parties.h"

#define URGENT_TURNS 4 /* one after the other, then one of mail that is not */

struct turns;
struct turns_options {
	struct parties *parties;
	struct guests *guests; /* of the site; they outlive the turns */
	const char *site;      /* borrowed */
	bool is_shared;	       /* other workers can reach the site's limits */
	const struct site_settings *settings;
};
struct turns *turns_new(const struct turns_options *options);
void turns_free(struct turns **turns); /* forgets what waits */

/* What turns_take() gave counts against its tenant's and campaign's limits until this. */
void turns_end(struct transaction *transaction);
/* Limits of the settings may have changed, and whether others can reach them. */
void turns_relimit(struct turns *turns, bool is_shared);

/* Who a session is opened for; borrowed from their lines. NULL: nobody whose connect_rate is limited. */
struct turns_opener {
	struct party *by_tenant, *by_campaign;
};
/* Whether one more session may be opened, and for whom: 0, or in so many ms (TEMPO_UNKNOWN too). So many are being opened for nobody
 * whose connect_rate is limited. */
int64_t turns_open(const struct turns *turns, size_t free_opening_count, struct turns_opener *ret);

void turns_add(struct turns *turns, struct transaction *transaction);
void turns_add_first(struct turns *turns, struct transaction *transaction);
void turns_remove(struct turns *turns, struct transaction *transaction);
size_t turns_count(const struct turns *turns);
/* The session that what is taken goes on. */
struct turns_session {
	int64_t carried_count; /* transactions so far */
	/* Who it was opened for, while it has carried none: of those whose connect_rate is limited only they begin it. NULL: it has. */
	const struct turns_opener *opener;
	bool is_last; /* no other can be opened: who may not go on this one is not passed over */
};
#define TURNS_ELSEWHERE (-1) /* what may go now may go only on a session that has carried less */
/* Takes the next that may go now. NULL: none waits (*ret_wait_ms is 0), or their limits let none go for so many ms (TEMPO_UNKNOWN and
 * TURNS_ELSEWHERE too). */
struct transaction *turns_take(struct turns *turns, const struct turns_session *session,
			       int64_t *ret_wait_ms);
/* Who goes next. */
struct turn {
	struct guest *guest; /* borrowed; NULL: none waits */
	bool is_urgent;
	bool may_go;	 /* now; false: their limits let none go, and this is the first who waits */
	int64_t wait_ms; /* until one may, on a new session; 0: now; TEMPO_UNKNOWN too */
};
struct turn turns_next(const struct turns *turns);
/* The first of a line that is closed for so many ms, by `closed_ms`; NULL: none is. */
struct transaction *turns_first_closed(struct turns *turns,
				       int64_t (*closed_ms)(void *owner, struct bytes tenant,
							    struct bytes campaign),
				       void *owner, int64_t *ret_ms);
struct transaction *turns_last(struct turns *turns); /* of the longest line; NULL: none waits */
struct transaction *
turns_take_any(struct turns *turns); /* whatever its limits are; NULL: none waits */

/* All that wait, in no order. */
void turns_each(const struct turns *turns,
		void (*each)(void *owner, const struct transaction *transaction), void *owner);

#endif
