/* ARC (RFC 8617): what earlier hosts found out about a message, sealed one upon the other, so that those behind us can believe it although
 * forwarding broke its signatures. Reads and judges such a chain, and adds our link. Pure but for the key; may be used on any thread.
 *
 * All failures are permanent (5.2.1): a chain that cannot be proven now has failed. */
#ifndef LEVERET_LIB_DKIM_ARC_H
#define LEVERET_LIB_DKIM_ARC_H

#include "lib/dkim/signature.h"
#include "lib/dkim/verification.h"

#define ARC_INSTANCES_MAX 50 /* RFC 8617 4.2.1 */

enum arc_status { ARC_NONE, ARC_PASS, ARC_FAIL };
const char *arc_status_text(enum arc_status status); /* as cv= has it */

struct arc_set { /* borrowed; NULL: it is not there */
	const struct header_field *results, *signature, *seal;
};
struct arc_chain {
	struct arc_set sets[ARC_INSTANCES_MAX];
	unsigned count;	   /* the highest instance */
	bool is_malformed; /* sets are missing, come twice, or say what cannot be */
	bool has_failed;   /* the newest seal says cv=fail: nobody adds to it */
};
void arc_chain_read(const struct header *header, struct arc_chain *ret);
/* The keys of all seals and of the newest signature; none of a chain that has failed already. */
void arc_chain_ask(struct arena *arena, const struct arc_chain *chain, int64_t now_s,
		   struct dkim_keys *keys);
/* Once the keys are answered. `why` says what failed. */
enum arc_status arc_chain_validate(struct dkim_verifier *verifier, const struct arc_chain *chain,
				   int64_t now_s, struct why *why);

struct arc_link {		/* borrowed */
	struct dkim_wish *wish; /* who seals, by an RSA key; its instance is set here */
	const char *authserv_id;
	struct bytes results; /* what goes behind it: " dkim=pass ...;" for each, or none */
	enum arc_status status;
};
/* False: another set cannot be added, as there are 50, or the chain has failed before. */
bool arc_may_seal(const struct arc_chain *chain);
/* Appends ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results for the message with this header, each a whole line. E_MALFORMED, E_TOO_BIG,
 * E_FULL as dkim_sign(). */
enum err arc_seal(const struct header *header, const struct arc_chain *chain,
		  const struct dkim_body_hashes *hashes, const struct arc_link *link,
		  struct buf *out, struct why *why) MUST_USE;

#endif
