/* Two lists between the loop and the threads: what waits, and what is done. A thread that finishes something nudges the loop. */
#include "workers/signing/signer.h"

#include <pthread.h>

#include "lib/base/memory.h"
#include "lib/loop/nudge.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

STAILQ_HEAD(signing_list, signing);

struct signer {
	struct loop *loop;
	const struct dkim_settings *settings;
	struct keyring *keyring;
	struct nudge nudge;
	pthread_mutex_t lock; /* over the next four */
	pthread_cond_t came;
	struct signing_list waiting, finished;
	bool is_closing;
	pthread_t *threads;
	size_t thread_count;
};

/* ---- on a thread ---- */

static struct signing *wait_for_one(struct signer *signer)
{
	pthread_mutex_lock(&signer->lock);
	while (STAILQ_EMPTY(&signer->waiting) && !signer->is_closing)
		pthread_cond_wait(&signer->came, &signer->lock);
	struct signing *signing = signer->is_closing ? NULL : STAILQ_FIRST(&signer->waiting);
	if (signing)
		STAILQ_REMOVE_HEAD(&signer->waiting, next);
	pthread_mutex_unlock(&signer->lock);
	return signing;
}

static void put_finished(struct signer *signer, struct signing *signing)
{
	pthread_mutex_lock(&signer->lock);
	STAILQ_INSERT_TAIL(&signer->finished, signing, next);
	pthread_mutex_unlock(&signer->lock);
	nudge_send(&signer->nudge);
}

static void *sign_all(void *owner)
{
	struct signer *signer = owner;
	struct signing *signing;
	while ((signing = wait_for_one(signer))) {
		signing->err =
			dkim_sign_message(signing->message, signing->choice.wishes,
					  signing->choice.count, &signing->fields, &signing->why);
		put_finished(signer, signing);
	}
	return NULL;
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

static struct signing *take_finished(struct signer *signer)
{
	pthread_mutex_lock(&signer->lock);
	struct signing *signing = STAILQ_FIRST(&signer->finished);
	if (signing)
		STAILQ_REMOVE_HEAD(&signer->finished, next);
	pthread_mutex_unlock(&signer->lock);
	return signing;
}

static void on_finished(void *owner)
{
	struct signer *signer = owner;
	struct signing *signing;
	while ((signing = take_finished(signer))) {
		key_choice_drop(&signing->choice);
		metric_observe_ms(M_signing_seconds, NULL,
				  loop_now_ms(signer->loop) - signing->begun_at_ms);
		signing->outcome = outcome_of(signer, signing);
		signing->done(signing);
	}
}

static void hand_over(struct signer *signer, struct signing *signing)
{
	buf_init(&signing->fields, KEYRING_WISHES_MAX * DKIM_SIGNATURE_FIELD_MAX);
	signing->has_fields = true;
	signing->begun_at_ms = loop_now_ms(signer->loop);
	pthread_mutex_lock(&signer->lock);
	STAILQ_INSERT_TAIL(&signer->waiting, signing, next);
	pthread_cond_signal(&signer->came);
	pthread_mutex_unlock(&signer->lock);
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
	nudge_init(&signer->nudge, loop, on_finished, signer);
	pthread_mutex_init(&signer->lock, NULL);
	pthread_cond_init(&signer->came, NULL);
	STAILQ_INIT(&signer->waiting);
	STAILQ_INIT(&signer->finished);
	signer->threads = memory_array((size_t)settings->threads, sizeof *signer->threads);
	for (; signer->thread_count < (size_t)settings->threads; signer->thread_count++)
		if (pthread_create(&signer->threads[signer->thread_count], NULL, sign_all,
				   signer) != 0)
			abort();
	*ret = signer;
	return OK;
}

void signer_close(struct signer **signer)
{
	struct signer *s = *signer;
	if (!s)
		return;
	*signer = NULL;
	pthread_mutex_lock(&s->lock);
	s->is_closing = true;
	pthread_cond_broadcast(&s->came);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->thread_count; i++)
		(void)pthread_join(s->threads[i], NULL);
	nudge_cancel(&s->nudge);
	keyring_free(&s->keyring);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->came);
	free(s->threads);
	free(s);
}
