/* What kind of notice a mail in prose is, by the words that all of its kind have. */
#include "lib/report/inner.h"

bool notice_is_delay(const struct reading *reading)
{
	static const char *const still[] = {"warning message only",
					    "has been delayed",
					    "is delayed",
					    "been delayed",
					    "will be retried",
					    "will retry",
					    "not need to resend",
					    "not need to re-send",
					    "temporary failure report",
					    "advisory-only",
					    "attempts will continue",
					    "will continue to try",
					    "will continue trying",
					    "has been postponed",
					    "still trying",
					    "not yet been delivered",
					    "delivery delayed",
					    "delayed mail",
					    "message delayed",
					    "delivery is delayed",
					    "will keep trying",
					    "warning: could not send",
					    "warning: message",
					    "delivery status notification (delay)",
					    "wird weiterhin versucht",
					    "delayed:",
					    NULL};
	static const char *const over[] = {"given up",
					   "giving up",
					   "permanent error",
					   "permanent fatal",
					   "failed permanently",
					   "has been removed from the queue",
					   "not going to try again",
					   "permanent failure",
					   NULL};
	bool is_still =
		text_has_any(reading->subject, still) || text_has_any(reading->notice, still);
	return is_still && !text_has_any(reading->notice, over);
}

bool notice_is_bounce(const struct reading *reading)
{
	static const char *const subjects[] = {"undeliver",
					       "not deliver",
					       "non-deliver",
					       "delivery fail",
					       "delivery has failed",
					       "delivery status",
					       "delivery error",
					       "delivery problem",
					       "delivery report",
					       "mail delivery",
					       "delivery notification",
					       "message delivery",
					       "returned mail",
					       "mail fail",
					       "failure notice",
					       "failure delivery",
					       "returning message to sender",
					       "returned to sender",
					       "could not be delivered",
					       "couldn't be delivered",
					       "mail system error",
					       "returning mail",
					       "bounce",
					       "message you sent blocked",
					       "unzustellbar",
					       "rejected mail",
					       "message rejected",
					       "nondeliverable",
					       "undelivered",
					       "error sending your mail",
					       "permanent delivery",
					       "non remis",
					       "delivery delayed",
					       "delayed mail",
					       "delivery warning",
					       "loop alert",
					       "mail not delivered",
					       "warning: could not send",
					       "unknown user",
					       "user unknown",
					       "message undeliverable",
					       NULL};
	static const char *const texts[] = {"could not be delivered",
					    "couldn't be delivered",
					    "unable to deliver",
					    "was not delivered to",
					    "did not reach the following",
					    "not able to deliver",
					    "wasn't able to deliver",
					    "cannot be delivered",
					    "can't be delivered",
					    "delivery to the following",
					    "undeliverable",
					    "delivery failed",
					    "failed to deliver",
					    "permanent fatal errors",
					    "following recipients was rejected",
					    "mail delivery failed",
					    "unable to be delivered",
					    "not be delivered to",
					    "rejected your message",
					    NULL};
	struct bytes value;
	if (mime_field(reading->mime.parts[0].header, "x-failed-recipients", &value))
		return true;
	bool is_told = text_has_any(reading->subject, subjects);
	return reading->is_from_daemon ? is_told || reading->notice.len > 0
				       : is_told || text_has_any(reading->notice, texts);
}
