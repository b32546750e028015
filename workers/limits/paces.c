/* See paces.h. */
#include "workers/limits/paces.h"

#include <search.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"

#define SWEEP_MS 1000

struct named_pace {
	char *name; /* first, so that it is found by it */
	struct pace *pace;
	size_t holder_count;
	int64_t keep_ms, left_at_ms;
	TAILQ_ENTRY(named_pace) next;
};

struct paces {
	struct paces_options options;
	void *by_name; /* tsearch tree */
	TAILQ_HEAD(, named_pace) all;
	struct timer *sweep;
};

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct named_pace *)left)->name,
		      ((const struct named_pace *)right)->name);
}

static void drop(struct paces *paces, struct named_pace *entry)
{
	(void)tdelete(entry, &paces->by_name, by_name);
	TAILQ_REMOVE(&paces->all, entry, next);
	pace_free(&entry->pace);
	free(entry->name);
	free(entry);
}

static void on_sweep(void *owner)
{
	struct paces *paces = owner;
	struct named_pace *entry, *next;
	int64_t now = loop_now_ms(paces->options.loop);
	for (entry = TAILQ_FIRST(&paces->all); entry; entry = next) {
		next = TAILQ_NEXT(entry, next);
		if (entry->holder_count == 0 && now - entry->left_at_ms >= entry->keep_ms)
			drop(paces, entry);
	}
	if (!TAILQ_EMPTY(&paces->all))
		timer_start(paces->sweep, SWEEP_MS);
}

static struct named_pace *add(struct paces *paces, const char *name, bool is_shared, conf_rate rate)
{
	struct named_pace *entry = memory_new(sizeof *entry);
	entry->name = memory_text(name);
	entry->keep_ms = 2 * pace_interval_us(rate, pace_places(rate)) / 1000;
	entry->pace = pace_new(&(struct pace_options){
		.loop = paces->options.loop,
		.broker = is_shared ? paces->options.broker : NULL,
		.name = name,
		.rate = rate,
		.changed = paces->options.changed,
		.owner = paces->options.owner,
	});
	TAILQ_INSERT_TAIL(&paces->all, entry, next);
	if (!tsearch(entry, &paces->by_name, by_name))
		abort();
	if (!timer_is_running(paces->sweep))
		timer_start(paces->sweep, SWEEP_MS);
	return entry;
}

struct pace *paces_take(struct paces *paces, const char *name, bool is_shared, conf_rate rate)
{
	struct named_pace wanted = {.name = (char *)name};
	if (rate == 0)
		return NULL;
	struct named_pace **found = tfind(&wanted, &paces->by_name, by_name);
	struct named_pace *entry = found ? *found : add(paces, name, is_shared, rate);
	entry->holder_count++;
	pace_rate(entry->pace, rate);
	return entry->pace;
}

void paces_give(struct paces *paces, struct pace **pace)
{
	struct named_pace *entry;
	if (!*pace)
		return;
	TAILQ_FOREACH(entry, &paces->all, next)
	{
		if (entry->pace != *pace)
			continue;
		entry->holder_count--;
		entry->left_at_ms = loop_now_ms(paces->options.loop);
		break;
	}
	*pace = NULL;
}

struct paces *paces_new(const struct paces_options *options)
{
	struct paces *paces = memory_new(sizeof *paces);
	paces->options = *options;
	TAILQ_INIT(&paces->all);
	paces->sweep = timer_new(options->loop, on_sweep, paces);
	return paces;
}

void paces_free(struct paces **paces)
{
	if (!*paces)
		return;
	while (!TAILQ_EMPTY(&(*paces)->all))
		drop(*paces, TAILQ_FIRST(&(*paces)->all));
	timer_free(&(*paces)->sweep);
	free(*paces);
	*paces = NULL;
}
