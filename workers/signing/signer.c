/* See signer.h. */
#include "workers/signing/signer.h"

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

struct signer {
	struct loop *loop;
	const struct dkim_settings *settings;
	struct keyring *keyring;
	struct resolver *resolver;
	struct offload *offload;
	struct sealing_list asking;
	bool is_closing;
};

/* ---- on a thread ---- */

static void sign(void *owner)
{
	struct signing *signing = owner;
	for (size_t i = 0; i < signing->choice.count; i++)
		signing->choice.wishes[i].is_binary = signing->is_binary;
	signing->err = dkim_sign_message(signing->message, signing->choice.wishes,
					 signing->choice.count, &signing->fields, &signing->why);
}

/* Two visits there, with the look-ups of DNS on the loop between them. */
static void read_arrival(void *owner)
{
	struct signing *signing = owner;
	signing->err = arrival_read(signing->message, signing->sealing.choice.wish.signed_at_s,
				    &signing->sealing.arrival, &signing->why);
}

static void sign_and_seal(void *owner)
{
	struct signing *signing = owner;
	struct seal_choice *choice = &signing->sealing.choice;
	struct arrival_seal seal = {&choice->wish, choice->authserv_id};
	signing->err = arrival_sign(signing->sealing.arrival, signing->choice.wishes,
				    signing->choice.count, &seal, &signing->fields,
				    &signing->is_sealed, &signing->why);
}

/* ---- on the loop: how it ended ---- */

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

static void note_seal(const struct signing *signing)
{
	if (!signing->sealing.arrival || signing->err != OK)
		return;
	log_event(EV_message_sealed, F_TEXT("outcome", signing->is_sealed ? "sealed" : "left"),
		  F_TEXT("chain", arc_status_text(arrival_status(signing->sealing.arrival))));
}

static void on_signed(void *owner)
{
	struct signing *signing = owner;
	struct signer *signer = signing->signer;
	if (signer->is_closing)
		return;
	note_seal(signing);
	key_choice_drop(&signing->choice);
	sealing_drop(&signing->sealing);
	metric_observe_ms(M_signing_seconds, NULL,
			  loop_now_ms(signer->loop) - signing->begun_at_ms);
	signing->outcome = outcome_of(signer, signing);
	signing->done(signing);
}

/* ---- on the loop: what is asked for ---- */

static void ask(struct signing *signing, void (*run)(void *owner), void (*done)(void *owner))
{
	signing->work = (struct work){.run = run, .done = done, .owner = signing};
	offload_ask(signing->signer->offload, &signing->work);
}

static void on_keys(void *owner)
{
	ask(owner, sign_and_seal, on_signed);
}

static void on_arrival(void *owner)
{
	struct signing *signing = owner;
	struct signer *signer = signing->signer;
	struct sealing *sealing = &signing->sealing;
	if (signer->is_closing)
		return;
	if (signing->err != OK) {
		on_signed(signing);
		return;
	}
	sealing->loop = signer->loop;
	sealing->resolver = signer->resolver;
	sealing->answered = on_keys;
	sealing->owner = signing;
	if (!sealing_ask(sealing, &signer->asking))
		on_keys(signing);
}

static void hand_over(struct signer *signer, struct signing *signing)
{
	buf_init(&signing->fields,
		 KEYRING_WISHES_MAX * DKIM_SIGNATURE_FIELD_MAX + ARRIVAL_FIELDS_MAX);
	signing->has_fields = true;
	signing->begun_at_ms = loop_now_ms(signer->loop);
	signing->signer = signer;
	if (signing->sealing.is_wanted)
		ask(signing, read_arrival, on_arrival);
	else
		ask(signing, sign, on_signed);
}

static enum signing_outcome refuse_binary(struct signing *signing)
{
	signing_drop(signing);
	signing->outcome = SIGNING_WANTS_LINES;
	return signing->outcome;
}

enum signing_outcome signer_sign(struct signer *signer, struct signing *signing)
{
	int64_t now = loop_wall_ms(signer->loop);
	signing->outcome = SIGNING_UNDER_WAY;
	signing->err = keyring_choose(signer->keyring, signing->message, now, &signing->choice,
				      &signing->why);
	bool may_seal =
		signing->err == OK || (signing->err == E_NOT_FOUND && !signer->settings->required);
	signing->sealing.is_wanted =
		may_seal && signing->pool && (!signing->is_binary || signing->refuses_binary) &&
		keyring_choose_seal(signer->keyring, signing->pool, now, &signing->sealing.choice);
	bool is_wanted = signing->err == OK || signing->sealing.is_wanted;
	if (is_wanted && signing->refuses_binary)
		return refuse_binary(signing);
	if (is_wanted)
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
	sealing_drop(&signing->sealing);
}

/* ---- the life of a signer ---- */

enum err signer_open(struct loop *loop, const struct dkim_settings *settings,
		     struct resolver *resolver, struct signer **ret, struct why *why)
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
	signer->resolver = resolver;
	LIST_INIT(&signer->asking);
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
	while (!LIST_EMPTY(&s->asking))
		sealing_cancel(LIST_FIRST(&s->asking));
	offload_free(&s->offload);
	keyring_free(&s->keyring);
	free(s);
}
