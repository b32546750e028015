/* Signs messages on threads of its own, because an RSA signature takes as long as sending many mails. Everything here is for the loop's
 * thread; what is signed is read by another one, and so must not change until `done`.
 *
 * There is no limit of its own: who asks holds the message, and asks for those that it has a session for. */
#ifndef LEVERET_WORKERS_SIGNING_SIGNER_H
#define LEVERET_WORKERS_SIGNING_SIGNER_H

#include "lib/base/buf.h"
#include "lib/loop/offload.h"
#include "workers/signing/keyring.h"
#include "workers/signing/sealing.h"

struct signer;
/* The resolver is asked for the keys of what is sealed. NULL when nothing is to be signed. Fails when a key cannot be read. */
enum err signer_open(struct loop *loop, const struct dkim_settings *settings,
		     struct resolver *resolver, struct signer **ret, struct why *why) MUST_USE;
void signer_close(struct signer **signer); /* waits for what is being signed; no upcalls */

enum signing_outcome {
	SIGNING_UNDER_WAY,   /* `done` comes later */
	SIGNING_DONE,	     /* `fields` go before the message: none, when it goes unsigned */
	SIGNING_NO_KEY,	     /* a key is required, and its domain has none now */
	SIGNING_REFUSED,     /* a signature is required, and the message cannot have one */
	SIGNING_FAILED,	     /* not now */
	SIGNING_WANTS_LINES, /* not with its bare line ends, as was asked; nothing is held */
};
struct signing {	      /* zeroed; embedded in its owner's */
	struct bytes message; /* borrowed */
	const char *pool;     /* borrowed; its mail may get an ARC seal */
	bool is_binary;	      /* CR and LF alone are bytes of its body, which is not sealed then */
	bool refuses_binary;  /* what would be signed or sealed gets SIGNING_WANTS_LINES */
	void (*done)(struct signing *signing);
	enum signing_outcome outcome;
	struct buf fields; /* of DKIM and ARC, whole lines */
	struct why why;
	/* private */
	struct key_choice choice;
	int64_t begun_at_ms;
	enum err err;
	bool has_fields, is_sealed;
	struct signer *signer;
	struct work work;
	struct sealing sealing;
};
/* Never calls `done` itself. Gives the outcome, which `signing` has too. */
enum signing_outcome signer_sign(struct signer *signer, struct signing *signing);
/* Gives back what it holds, but not while it is under way. Of zeroed ones too. */
void signing_drop(struct signing *signing);

#endif
