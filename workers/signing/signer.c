/* See signer.h. */
#include "workers/signing/signer.h"

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

struct signer {
	struct loop *loop;
	const struct dkim_settings *settings;
	struct keyring *keyring;
	struct offload *offload;
	bool is_closing;
};

/* ---- on a thread ---- */

static void sign(void *owner)
{
	struct signing *signing = owner;
	signing->err = dkim_sign_message(signing->message, signing->choice.wishes,
					 signing->choice.count, &signing->fields, &signing->why);
}

/* ---- on the loop ---- */

static enum signing_outcome note_unsigned(const struct signing *signing, const char *reason,
					  enum signing_outcome outcome)
{
	log_event(EV_message_unsigned, F_TEXT("reason", reason), F_TEXT("why", signing->why.text));
	return outcome;
}

/* Without a signature that is not required, the message goes as it is. */
static enum signing_outcome outcome_of(const struct signer *signer, const struct signing *signing)
{
	bool is_required = signer->settings->required;
	switch (signing->err) {
	case OK:
		return SIGNING_DONE;
	case E_NOT_FOUND:
		return note_unsigned(signing, "no_key",
				     is_required ? SIGNING_NO_KEY : SIGNING_DONE);
	case E_MALFORMED:
	case E_TOO_BIG:
		return note_unsigned(signing, "malformed",
				     is_required ? SIGNING_REFUSED : SIGNING_DONE);
	default:
		return note_unsigned(signing, "failed", SIGNING_FAILED);
	}
}

static void on_signed(void *owner)
{
	struct signing *signing = owner;
	struct signer *signer = signing->signer;
	if (signer->is_closing)
		return;
	key_choice_drop(&signing->choice);
	metric_observe_ms(M_signing_seconds, NULL,
			  loop_now_ms(signer->loop) - signing->begun_at_ms);
	signing->outcome = outcome_of(signer, signing);
	signing->done(signing);
}

static void hand_over(struct signer *signer, struct signing *signing)
{
	buf_init(&signing->fields, KEYRING_WISHES_MAX * DKIM_SIGNATURE_FIELD_MAX);
	signing->has_fields = true;
	signing->begun_at_ms = loop_now_ms(signer->loop);
	signing->signer = signer;
	signing->work = (struct work){.run = sign, .done = on_signed, .owner = signing};
	offload_ask(signer->offload, &signing->work);
}

enum signing_outcome signer_sign(struct signer *signer, struct signing *signing)
{
	signing->outcome = SIGNING_UNDER_WAY;
	signing->err = keyring_choose(signer->keyring, signing->message, loop_wall_ms(signer->loop),
				      &signing->choice, &signing->why);
	if (signing->err == OK)
		hand_over(signer, signing);
	else
		signing->outcome = outcome_of(signer, signing);
	return signing->outcome;
}

void signing_drop(struct signing *signing)
{
	if (signing->has_fields)
		buf_done(&signing->fields);
	signing->has_fields = false;
	signing->fields = (struct buf){0};
	key_choice_drop(&signing->choice);
}

/* ---- the life of a signer ---- */

enum err signer_open(struct loop *loop, const struct dkim_settings *settings, struct signer **ret,
		     struct why *why)
{
	struct keyring *keyring = NULL;
	*ret = NULL;
	if (settings->domains.count == 0 && !settings->required)
		return OK;
	enum err err = keyring_open(loop, settings, &keyring, why);
	if (err != OK)
		return err;
	struct signer *signer = memory_new(sizeof *signer);
	signer->loop = loop;
	signer->settings = settings;
	signer->keyring = keyring;
	signer->offload = offload_new(loop, (size_t)settings->threads);
	*ret = signer;
	return OK;
}

void signer_close(struct signer **signer)
{
	struct signer *s = *signer;
	if (!s)
		return;
	*signer = NULL;
	s->is_closing = true;
	offload_free(&s->offload);
	keyring_free(&s->keyring);
	free(s);
}
