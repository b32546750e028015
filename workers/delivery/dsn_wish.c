/* See dsn_wish.h. */
#include "workers/delivery/dsn_wish.h"

enum { ASKED, ALWAYS, NEVER }; /* as dsn.def counts them */

static bool is_asked(int policy, uint32_t notify, uint32_t bit)
{
	if (policy == NEVER || (notify & NOTIFY_NEVER))
		return false;
	return (notify & bit) || (policy == ALWAYS && notify == 0);
}

static bool is_delay_wished(const struct dsn_settings *settings, const struct dsn_facts *facts)
{
	if (facts->was_delay_told)
		return false;
	if (facts->is_late &&
	    is_asked(settings->delay == NEVER ? NEVER : ALWAYS, facts->notify, NOTIFY_DELAY))
		return true;
	return facts->age_ms >= settings->delay_after &&
	       is_asked(settings->delay, facts->notify, NOTIFY_DELAY);
}

bool dsn_is_wished(const struct dsn_settings *settings, const struct dsn_facts *facts,
		   enum dsn_kind *ret)
{
	if (!facts->has_sender)
		return false;
	switch (facts->event) {
	case RESULT_BOUNCED:
	case RESULT_EXPIRED:
	case RESULT_SUPPRESSED:
		*ret = DSN_FAILED;
		return is_asked(settings->failure, facts->notify, NOTIFY_FAILURE);
	case RESULT_DELIVERED:
		*ret = facts->is_last_host ? DSN_DELIVERED : DSN_RELAYED;
		return !facts->is_passed_on && settings->success == ASKED &&
		       is_asked(ASKED, facts->notify, NOTIFY_SUCCESS);
	case RESULT_DEFERRED:
		*ret = DSN_DELAYED;
		return is_delay_wished(settings, facts);
	default:
		return false; /* recalled: by the sender */
	}
}
