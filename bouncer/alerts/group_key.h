/* Whom a group is about, as bytes: the alert's name and the values of its `per`, each with a NUL behind it. Pure. */
#ifndef LEVERET_BOUNCER_ALERTS_GROUP_KEY_H
#define LEVERET_BOUNCER_ALERTS_GROUP_KEY_H

#include "bouncer/alerts/rates.h"

/* 0: the sighting has not all of them. */
size_t group_key_write(const struct alert_rule *rule, const struct sighting *sighting,
		       uint8_t out[ALERT_KEY_MAX]);
/* The values, into the key. E_MALFORMED: it is none of this rule. */
enum err group_key_read(const struct alert_rule *rule, struct bytes key,
			struct bytes ret_by[BY_COUNT]) MUST_USE;
struct bytes group_key_name(struct bytes key); /* the alert's */
uint64_t group_key_id(struct bytes key);

#endif
