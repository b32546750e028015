/* How fast a source may send to a site, learned from replies that ask for less: to MAIL, RCPT or DATA. Apart from feedback.h, because
 * a host that takes fewer messages a minute takes no more of them on fewer sessions. Pure: the caller tells the time. Reasons:
 * docs/design/shaping.md.
 *
 * No limit is known at first. The first such reply sets one, a little below what was sent in the last while; each later one lowers it;
 * time without them raises it, slowest near the rate that was last too much. */
#ifndef LEVERET_LIB_SHAPING_PACE_H
#define LEVERET_LIB_SHAPING_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_SLOTS 12

struct pace {
	double per_minute;	  /* 0: no limit known */
	double cap;		  /* most per minute, whatever is learned; 0: none */
	bool is_searching;	  /* the limit came from too short a time to be known well */
	int64_t landing_until_ms; /* after a search, which went too far by what the host had saved up */
	double ceiling;		  /* rate per minute that was last too much */
	double credit;		  /* messages that may go now */
	int64_t credit_at_ms;
	int64_t started_at_ms, limited_at_ms, raised_at_ms;
	/* Messages taken in the last minute, in twelfths, by the number of the twelfth. */
	int64_t slot_number[PACE_SLOTS];
	unsigned slot_count[PACE_SLOTS];
};

void pace_start(struct pace *pace, int64_t now_ms);
/* With what was learned before, both per minute; 0: nothing. */
void pace_resume(struct pace *pace, double per_minute, double ceiling, int64_t now_ms);
/* When may a message go? 0: now; else after so many ms. */
int64_t pace_wait_ms(struct pace *pace, int64_t now_ms);
void pace_note(struct pace *pace); /* one goes, after pace_wait_ms() said 0 */
/* Both at once. */
int64_t pace_take(struct pace *pace, int64_t now_ms);
/* Most per minute from now on, beside what is learned; 0: none. */
void pace_cap(struct pace *pace, double per_minute);
/* What the host took in the last minute, per minute. */
double pace_taken(const struct pace *pace, int64_t now_ms);
/* A message was taken by the host. */
void pace_accepted(struct pace *pace, int64_t now_ms);
/* The host asked for less. True when that changed the limit: replies on the heels of one another count once. */
bool pace_limited(struct pace *pace, int64_t now_ms);
/* The learned limit, per minute; 0: none. */
double pace_per_minute(const struct pace *pace);

#endif
