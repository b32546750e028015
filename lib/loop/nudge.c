/* See nudge.h. There is one box per loop in the process, kept for ever: a post that is still on its way when all its nudges are
 * cancelled finds an empty box instead of freed memory. A later loop at the same address takes the box over. */
#include "lib/loop/nudge.h"

#include <pthread.h>

#include "lib/base/memory.h"

struct nudge_box {
	struct loop *loop;
	pthread_mutex_t lock; /* over all that is private in its nudges */
	struct nudge *first, **end;
	struct nudge_box *next;
};

static pthread_mutex_t boxes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nudge_box *boxes;

static struct nudge_box *box_of(struct loop *loop)
{
	pthread_mutex_lock(&boxes_lock);
	struct nudge_box *box = boxes;
	while (box && box->loop != loop)
		box = box->next;
	if (!box) {
		box = memory_new(sizeof *box);
		box->loop = loop;
		pthread_mutex_init(&box->lock, NULL);
		box->end = &box->first;
		box->next = boxes;
		boxes = box;
	}
	pthread_mutex_unlock(&boxes_lock);
	return box;
}

static struct nudge *take(struct nudge_box *box)
{
	pthread_mutex_lock(&box->lock);
	struct nudge *nudge = box->first;
	if (nudge) {
		box->first = nudge->next;
		if (!box->first)
			box->end = &box->first;
		nudge->is_waiting = false;
	}
	pthread_mutex_unlock(&box->lock);
	return nudge;
}

/* One by one, because each may cancel others. */
static void run_all(void *owner)
{
	struct nudge_box *box = owner;
	struct nudge *nudge;
	while ((nudge = take(box)))
		nudge->run(nudge->owner);
}

void nudge_init(struct nudge *nudge, struct loop *loop, void (*run)(void *owner), void *owner)
{
	*nudge = (struct nudge){.run = run, .owner = owner, .box = box_of(loop)};
}

void nudge_send(struct nudge *nudge)
{
	struct nudge_box *box = nudge->box;
	pthread_mutex_lock(&box->lock);
	if (!nudge->is_waiting && !nudge->is_cancelled) {
		bool was_empty = !box->first;
		nudge->is_waiting = true;
		nudge->next = NULL;
		*box->end = nudge;
		box->end = &nudge->next;
		/* Within the lock: once a nudge is cancelled, its loop may go. */
		if (was_empty)
			loop_post(box->loop, run_all, box);
	}
	pthread_mutex_unlock(&box->lock);
}

void nudge_cancel(struct nudge *nudge)
{
	struct nudge_box *box = nudge->box;
	pthread_mutex_lock(&box->lock);
	for (struct nudge **link = &box->first; *link; link = &(*link)->next) {
		if (*link != nudge)
			continue;
		*link = nudge->next;
		if (!*link)
			box->end = link;
		break;
	}
	nudge->is_waiting = false;
	nudge->is_cancelled = true;
	pthread_mutex_unlock(&box->lock);
}
