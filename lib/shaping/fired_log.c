/* See fired_log.h. */
#include "lib/shaping/fired_log.h"

#include "lib/obs/log.h"

void shaping_log_fired(const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	log_event(EV_shaping_fired, F_TEXT("action", shaping_action_name(fired->action)),
		  F_TEXT("site", facts->site), F_TEXT("source", facts->source),
		  F_TEXT("host", facts->host), F_TEXT("tenant", facts->tenant),
		  F_TEXT("campaign", facts->campaign), F_TEXT("rule", fired->rule),
		  F_INT("value", fired->value), F_TEXT("argument", fired->text),
		  F_INT("period_ms", fired->period_ms), F_TEXT("step", facts->step),
		  F_INT("code", facts->code), F_BYTES("reply", facts->text));
}
