/* The class of the reply decides (RFC 5321 4.2.1); no reply, and one that makes no sense, are taken as "not now". */
#include "workers/delivery/verdict.h"

/* A 5xx to the greeting, to EHLO or to our login refuses this host of ours, by its address, its load or its password: no word about a
 * recipient. Bouncing on it would bounce a whole queue. */
static bool is_about_us(const struct smtp_outcome *outcome)
{
	return outcome->step == SMTP_STEP_GREETING || outcome->step == SMTP_STEP_EHLO ||
	       outcome->step == SMTP_STEP_AUTH;
}

enum verdict verdict_of(const struct smtp_outcome *outcome, int64_t retry_wall_ms,
			int64_t expires_wall_ms)
{
	bool has_reply = outcome->kind == SMTP_REPLIED && !is_about_us(outcome);
	if (has_reply && outcome->step == SMTP_STEP_BODY && reply_is_positive(&outcome->reply))
		return VERDICT_DELIVERED;
	if (has_reply && reply_is_permanent(&outcome->reply))
		return VERDICT_BOUNCED;
	if (expires_wall_ms > 0 && retry_wall_ms >= expires_wall_ms)
		return VERDICT_EXPIRED;
	return VERDICT_RETRY;
}

enum verdict verdict_ruled(enum verdict verdict, const struct ruling *ruling, int64_t retry_wall_ms,
			   int64_t expires_wall_ms)
{
	if (verdict == VERDICT_DELIVERED)
		return verdict;
	if (ruling->is_bounced)
		return VERDICT_BOUNCED;
	if (ruling->retry_after_ms == 0)
		return verdict;
	bool is_over = expires_wall_ms > 0 && retry_wall_ms >= expires_wall_ms;
	return is_over ? VERDICT_EXPIRED : VERDICT_RETRY;
}
