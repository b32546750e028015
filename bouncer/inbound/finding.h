/* What a returned mail comes to: about whom it speaks, and whether it is proved that we sent them what it speaks of. Pure.
 *
 *   proved   by the token in the address that the mail came to (lib/returnpath/token.h), together with an address that the report names
 *            and that the token was made for; or by the claim in what came back of the original (claim.h)
 *   else     anybody can write such a report: what to do with it is the settings' */
#ifndef LEVERET_BOUNCER_INBOUND_FINDING_H
#define LEVERET_BOUNCER_INBOUND_FINDING_H

#include "lib/report/report.h"
#include "lib/returnpath/returns.h"
#include "schemas/schemas.h"

enum finding_kind {
	FINDING_BOUNCE,
	FINDING_DELAY,
	FINDING_COMPLAINT,
	FINDING_UNSUBSCRIBE,
};

struct finding {
	enum finding_kind kind;
	const struct report_recipient *told; /* NULL: the mail names nobody itself */
	struct bytes address;		     /* canonical; of one that is proved: to whom we sent */
	bool is_proved;
	struct bytes message_id, tenant, pool,
		campaign;    /* of what is proved, as far as it is known */
	int64_t day_wall_ms; /* when its proof was made */
};

enum mail_fate {
	MAIL_FOUND, /* there are findings */
	MAIL_NOTICE, /* understood, and nothing follows: success, receipt, automatic answer, challenge */
	MAIL_REPORT,   /* a report on DMARC or TLS, which others read */
	MAIL_UNKNOWN,  /* nothing to be made of it */
	MAIL_UNPROVED, /* its proof is good, and it names nobody whom it was made for */
};

struct findings {
	enum mail_fate fate;
	struct finding *items;
	size_t count;
};

/* returns: NULL where nothing can be proved. `report` was read from mail->content. All bytes live as long as they, or in the arena. */
void findings_of(struct arena *arena, const struct returns *returns,
		 const struct inbound_mail *mail, const struct report *report, int64_t wall_ms,
		 struct findings *ret);

/* A feedback type (RFC 5965) as what it wishes: FINDING_COMPLAINT, FINDING_UNSUBSCRIBE. False: nothing of the recipient's. */
bool finding_kind_of_feedback(struct bytes feedback_type, enum finding_kind *ret);

#endif
