/* What one alert watches, read from the settings over what is shipped, and what a count means to it. Pure. */
#ifndef LEVERET_BOUNCER_ALERTS_ALERT_RULE_H
#define LEVERET_BOUNCER_ALERTS_ALERT_RULE_H

#include "bouncer/alerts/alert_settings.h"
#include "bouncer/alerts/sighting.h"
#include "lib/base/err.h"

/* What a rate is of: whatever ended, whatever was tried, or what was delivered. */
enum alert_of { OF_ENDED, OF_ATTEMPTS, OF_DELIVERED };

struct alert_rule {
	const char *name;  /* borrowed */
	char measure[256]; /* for people: "hard, soft" */
	uint32_t words;	   /* bits, one per word of the list in alert_rule.c */
	uint32_t classes;  /* bits, by enum bounce_class */
	unsigned by;	   /* bits, by enum alert_by */
	enum alert_of of;
	int64_t window_ms, brake_for_ms;
	uint64_t minimum, at_least;
	uint32_t raise_ppm, clear_ppm;
	int then;	    /* THEN_TELL, THEN_BRAKE, THEN_SLOW, THEN_OFF */
	unsigned slow_by;   /* percent */
	int64_t shaping_ms; /* the longest that a shaping rule that names it acts; 0: none does */
};

/* E_MALFORMED: a person is told why. */
enum err alert_rule_make(const struct alert_settings *settings, struct alert_rule *ret,
			 struct why *why) MUST_USE;

struct alert_rules {
	struct alert_rule *items;
	size_t count;
};
/* Those shipped and those of the settings (checked; NULL: none), but for those that are off. */
void alert_rules_init(struct alert_rules *rules, const struct conf_items *settings);
void alert_rules_done(struct alert_rules *rules);

/* Is it one of those that are counted, and one of those that they are counted among? */
bool alert_rule_matches(const struct alert_rule *rule, const struct sighting *sighting);
bool alert_rule_totals(const struct alert_rule *rule, const struct sighting *sighting);

bool alert_rule_is_over(const struct alert_rule *rule, uint64_t matched, uint64_t total);
bool alert_rule_is_under(const struct alert_rule *rule, uint64_t matched, uint64_t total);
uint64_t alert_rate_ppm(uint64_t matched, uint64_t total); /* 0 of nothing */

/* "0.3%" to parts per million, at most 100 %, four digits behind the point. */
bool alert_rate_parse(const char *text, uint32_t *ret_ppm);
/* "0.3%", at most two digits behind the point. */
#define ALERT_RATE_SIZE 32
void alert_rate_text(uint64_t ppm, char out[ALERT_RATE_SIZE]);

bool alert_rule_acts(const struct alert_rule *rule); /* something follows beside the telling */
/* How long what follows lasts: the longest of it; 0: until somebody ends it, or nothing does. */
int64_t alert_rule_lasts_ms(const struct alert_rule *rule);
const char *
alert_action_name(const struct alert_rule *rule); /* "brake"; "shape": by rules of shaping only */

#endif
