/*   flying -- kept --> done(true)
 *   flying -- not kept --> waiting -- wanted --> flying
 *                          waiting -- not wanted --> done(false) */
#include "workers/delivery/posting.h"

#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define WAIT_FIRST_MS 100
#define WAIT_MAX_MS   3000

struct posting {
	struct postings *postings;
	struct publication publication; /* its texts and head are ours */
	char *key, *message_id;
	uint8_t *head;
	const struct posting_handler *handler;
	void *owner;
	unsigned failures;
	struct timer *timer; /* made at the first failure */
	LIST_ENTRY(posting) next;
};

struct postings {
	struct loop *loop;
	struct broker *broker;
	LIST_HEAD(, posting) all;
};

int64_t posting_wait_ms(unsigned failures, double random)
{
	int64_t wait = WAIT_FIRST_MS;
	for (unsigned i = 1; i < failures && wait < WAIT_MAX_MS; i++)
		wait *= 2;
	if (wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	return (int64_t)((double)wait * (0.5 + random));
}

struct postings *postings_new(struct loop *loop, struct broker *broker)
{
	struct postings *postings = memory_new(sizeof *postings);
	postings->loop = loop;
	postings->broker = broker;
	LIST_INIT(&postings->all);
	return postings;
}

static void posting_free(struct posting *posting)
{
	LIST_REMOVE(posting, next);
	timer_free(&posting->timer);
	blob_unref(&posting->publication.tail);
	free(posting->key);
	free(posting->message_id);
	free(posting->head);
	free(posting);
}

static void end(struct posting *posting, bool is_kept)
{
	const struct posting_handler *handler = posting->handler;
	void *owner = posting->owner;
	posting_free(posting);
	handler->done(owner, is_kept);
}

static void on_published(void *owner, enum err err);

static void publish(struct posting *posting)
{
	broker_publish(posting->postings->broker, &posting->publication, on_published, posting);
}

static void on_wait_over(void *owner)
{
	struct posting *posting = owner;
	const struct posting_handler *handler = posting->handler;
	if (handler->is_wanted && !handler->is_wanted(posting->owner))
		end(posting, false);
	else
		publish(posting);
}

/* While the broker is away or blocked every failure is expected: it was told of once by the broker itself. */
static void on_published(void *owner, enum err err)
{
	struct posting *posting = owner;
	if (!err) {
		end(posting, true);
		return;
	}
	if (err == E_CANCELLED)
		return; /* the broker is closed: postings_free() follows */
	posting->failures++;
	if (err != E_AWAY && err != E_BLOCKED)
		log_event(EV_publication_failed, F_TEXT("reason", err_text(err)),
			  F_TEXT("key", posting->key), F_INT("failures", posting->failures));
	if (!posting->timer)
		posting->timer = timer_new(posting->postings->loop, on_wait_over, posting);
	timer_start(posting->timer, posting_wait_ms(posting->failures, random_unit()));
}

void postings_add(struct postings *postings, const struct publication *publication,
		  const struct posting_handler *handler, void *owner)
{
	struct posting *posting = memory_new(sizeof *posting);
	posting->postings = postings;
	posting->handler = handler;
	posting->owner = owner;
	posting->key = memory_text(publication->key);
	posting->message_id = publication->message_id ? memory_text(publication->message_id) : NULL;
	posting->head = memory_new(publication->head.len);
	if (publication->head.len > 0)
		memcpy(posting->head, publication->head.data, publication->head.len);
	posting->publication = *publication;
	posting->publication.key = posting->key;
	posting->publication.message_id = posting->message_id;
	posting->publication.head = bytes_from(posting->head, publication->head.len);
	posting->publication.tail = blob_ref(publication->tail);
	LIST_INSERT_HEAD(&postings->all, posting, next);
	publish(posting);
}

void postings_free(struct postings **postings)
{
	if (!*postings)
		return;
	while (!LIST_EMPTY(&(*postings)->all))
		posting_free(LIST_FIRST(&(*postings)->all));
	free(*postings);
	*postings = NULL;
}
