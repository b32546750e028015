/* What follows from replies in this worker: rules judge them (lib/shaping), what they put in force is asked before mail is sent, and
 * what they teach is kept (learned.h). Tells of what is new, so that other workers put it in force too. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_SHAPER_H
#define LEVERET_WORKERS_DELIVERY_SHAPER_H

#include "lib/loop/loop.h"
#include "workers/delivery/learned.h"

struct shaper;
struct shaper_options { /* borrowed */
	struct loop *loop;
	const struct shaping_settings *settings;
	const struct conf_items *sites; /* struct site_settings */
	struct store *store;		/* what is in force and learned outlives us there; NULL */
};
/* E_MALFORMED, E_TOO_BIG: rules that cannot work. */
enum err shaper_new(const struct shaper_options *options, struct shaper **ret,
		    struct why *why) MUST_USE;
void shaper_free(struct shaper **shaper); /* after all that is learned was given back */

/* Called when what is in force for a site changed (NULL: for any); from inside the calls below and from the loop. One each. */
void shaper_watch(struct shaper *shaper, void (*changed)(void *owner, const char *site),
		  void *owner);
/* What fired here and stays in force, for others: borrowed for the upcall. */
void shaper_tell(struct shaper *shaper,
		 void (*fired)(void *owner, const struct shaping_fired *fired,
			       const struct shaping_facts *facts),
		 void *owner);

/* Each rule that fires here, and the end of what was put in force so: borrowed for the upcall. One each. */
struct shaper_reporter {
	/* entry NULL: it is for the delivery only, or was not put in force as there is too much already. */
	void (*fired)(void *owner, const struct shaping_fired *fired,
		      const struct shaping_facts *facts, const struct shaping_entry *entry);
	void (*ended)(void *owner, const struct shaping_entry *entry, const char *reason);
};
void shaper_report(struct shaper *shaper, const struct shaper_reporter *reporter, void *owner);

/* ---- replies ---- */

struct ruling { /* what follows for the recipient */
	bool is_bounced;
	int64_t retry_after_ms; /* 0: as its schedule says */
	const char *class;	/* of bounce; NULL: no rule says. Lives as long as the shaper */
	bool is_trouble; /* a rule says that there are too many sessions: for who asked to learn, once */
};
/* Of a reply, or what stands in its place; facts->now_ms is filled in. learned: of the facts' source and site. A 2xx is not judged. */
void shaper_judge(struct shaper *shaper, struct learned *learned, struct shaping_facts *facts,
		  struct ruling *ret);
/* What fired in another worker. */
void shaper_heard(struct shaper *shaper, const struct shaping_fired *fired,
		  struct shaping_facts *facts);
/* What has been in force there for a while: nothing changes where it is so here, nor by a rule that our settings do not have (any more). */
void shaper_told(struct shaper *shaper, const struct shaping_fired *fired,
		 struct shaping_facts *facts);

/* ---- before sending ---- */

bool shaper_is_idle(const struct shaper *shaper); /* nothing is in force */
void shaper_ask(const struct shaper *shaper, const char *source, const char *site,
		struct shaping_answer *ret);
/* How long nothing may be sent there, in ms; 0: it may. */
int64_t shaper_site_closed_ms(const struct shaper *shaper, const char *site);
int64_t shaper_source_closed_ms(const struct shaper *shaper, const char *source, const char *site);
int64_t shaper_line_closed_ms(const struct shaper *shaper, const char *site, struct bytes tenant,
			      struct bytes campaign);
int64_t shaper_host_closed_ms(const struct shaper *shaper, const char *host);

struct learned *shaper_learned(struct shaper *shaper, const char *source,
			       const struct site_settings *settings, const char *site);
void shaper_give_back(struct shaper *shaper, struct learned *learned);

/* What is in force for the site is over, and what was learned of it: it is another's now. */
void shaper_forget(struct shaper *shaper, const char *site);
/* What is in force for one site is so for the other too: its mail goes there. */
void shaper_hand_over(struct shaper *shaper, const char *from, const char *to);

/* ---- for operators ---- */

/* The same of one action, site, source and subject in all workers. */
uint64_t shaper_entry_id(const struct shaping_entry *entry);
void shaper_each(const struct shaper *shaper, const char *site,
		 void (*each)(void *owner, const struct shaping_entry *entry), void *owner);
bool shaper_cancel(struct shaper *shaper, uint64_t id); /* by shaper_entry_id() */

/* A label, or none, as text; cut. */
#define SHAPER_NAME_MAX 300
void shaper_name(struct bytes name, char out[SHAPER_NAME_MAX]);

#endif
