/* What rules have put in force, until when, and why: what `leveret site show` lists, and what a worker asks before it sends. Bounded;
 * for one thread. Pure but for its memory: the caller tells the time.
 *
 * The same action for the same (source, site) is one entry: another reply makes it last longer. slow_by and connections_by get stronger
 * with each reply, but not within SHAPING_SETTLE_MS of the last: those were sent before the slowing was felt. When their time is over, they
 * go back in a straight line over as much time again, so that the site is not met with full speed at once. */
#ifndef LEVERET_LIB_SHAPING_FORCE_H
#define LEVERET_LIB_SHAPING_FORCE_H

#include "lib/shaping/judge.h"

#define SHAPING_FORCE_MAX     10000 /* entries; more are not put in force, and counted */
#define SHAPING_REPLY_MAX     240   /* bytes of the reply that are kept */
#define SHAPING_SETTLE_MS     30000
#define SHAPING_PERCENT_LEAST 1 /* nothing is slowed below it: that would be parking */

struct shaping_entry {
	uint64_t id; /* rising from 1 */
	enum shaping_action action;
	const char *site,
		*source;     /* "" of entries for a host; source "" of entries for all sources */
	const char *subject; /* tenant, campaign or host; "" */
	const char *tenant;  /* of a campaign; "" of others, and where mail has none */
	const char *rule;
	const char *text;  /* the pool; "" */
	const char *reply; /* the last that fired it: "421 4.7.0 text", shortened */
	int64_t value; /* a rate per day; of slow_by and connections_by what is left, in percent, before it goes back */
	int64_t since_ms, until_ms;
	int64_t fired_ms; /* the last reply that fired it */
	int64_t over_ms;  /* when the entry leaves: until_ms, or later while it goes back */
	int64_t period_ms;
	unsigned reply_count;
	bool is_own; /* something of it fired here */
};

/* In place of a site: the entry holds at all of them. Where one of the site's own holds too, whichever lets less through does. */
#define SHAPING_EVERYWHERE "*"

struct shaping_force;
struct shaping_force *shaping_force_new(void);
void shaping_force_free(struct shaping_force **force);

/* Puts a fired action in force; all texts are copied. Returns its entry (borrowed until the next call that changes the table), or NULL
 * when it is for the delivery only, or the table is full. */
const struct shaping_entry *shaping_force_add(struct shaping_force *force,
					      const struct shaping_fired *fired,
					      const struct shaping_facts *facts);
/* The entry that it would be added to; NULL: there is none. Borrowed as above. */
const struct shaping_entry *shaping_force_find(const struct shaping_force *force,
					       enum shaping_action action,
					       const struct shaping_facts *facts);
bool shaping_force_cancel(struct shaping_force *force, uint64_t id); /* false: there is none */
/* Takes out what is over; tells each before it goes. gone may be NULL. Returns how many. */
size_t shaping_force_expire(struct shaping_force *force, int64_t now_ms,
			    void (*gone)(void *owner, const struct shaping_entry *entry),
			    void *owner);
/* When the next entry is over; INT64_MAX: none. */
int64_t shaping_force_next_ms(const struct shaping_force *force);

/* The same in all processes: a hash of its action and whom it is for. */
uint64_t shaping_entry_name(const struct shaping_entry *entry);
uint64_t shaping_name_of(enum shaping_action action, const struct shaping_facts *facts);

struct shaping_question { /* texts as in facts; tenant and campaign may be "" */
	const char *site, *source, *tenant, *campaign;
	int64_t now_ms;
};
struct shaping_answer {
	int64_t rate_per_day;  /* most messages of the source to the site; 0: none is given */
	unsigned rate_percent; /* of the rate it would have otherwise: 100 is all of it */
	unsigned connections_percent; /* the same of sessions; whoever rounds leaves at least 1 */
	/* Until when nothing may be sent: by the source, to the site at all, of the tenant, of the campaign. 0: it may. */
	int64_t source_until_ms, site_until_ms, tenant_until_ms, campaign_until_ms;
	const char *pool; /* that is used instead; NULL: none; borrowed until the next change */
};
void shaping_force_ask(const struct shaping_force *force, const struct shaping_question *question,
		       struct shaping_answer *ret);
/* Until when the MX host is not connected to; 0: it may be. */
int64_t shaping_force_host_until(const struct shaping_force *force, const char *host,
				 int64_t now_ms);

/* What is left of slow_by or connections_by at this time, in percent. */
unsigned shaping_entry_percent(const struct shaping_entry *entry, int64_t now_ms);
/* What would put the same in force in a table that knows nothing of it yet: for other processes. Texts are borrowed from the entry. */
void shaping_entry_again(const struct shaping_entry *entry, int64_t now_ms,
			 struct shaping_fired *ret_fired, struct shaping_facts *ret_facts);

/* Calls for each entry of the site, in no order; NULL: for all, hosts included. Not to be changed meanwhile. */
void shaping_force_each(const struct shaping_force *force, const char *site,
			void (*each)(void *owner, const struct shaping_entry *entry), void *owner);
size_t shaping_force_count(const struct shaping_force *force);
uint64_t shaping_force_refused(const struct shaping_force *force); /* not put in force: full */

#endif
