/* See tempos.h. */
#include "workers/limits/tempos.h"

#include <search.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"

#define SWEEP_MS 1000

struct named_tempo {
	char *name; /* first, so that it is found by it */
	struct tempo *tempo;
	size_t holder_count;
	int64_t keep_ms, left_at_ms;
	TAILQ_ENTRY(named_tempo) next;
};

struct tempos {
	struct tempos_options options;
	void *by_name; /* tsearch tree */
	TAILQ_HEAD(, named_tempo) all;
	struct timer *sweep;
};

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct named_tempo *)left)->name,
		      ((const struct named_tempo *)right)->name);
}

static void drop(struct tempos *tempos, struct named_tempo *entry)
{
	(void)tdelete(entry, &tempos->by_name, by_name);
	TAILQ_REMOVE(&tempos->all, entry, next);
	tempo_free(&entry->tempo);
	free(entry->name);
	free(entry);
}

static void on_sweep(void *owner)
{
	struct tempos *tempos = owner;
	struct named_tempo *entry, *next;
	int64_t now = loop_now_ms(tempos->options.loop);
	for (entry = TAILQ_FIRST(&tempos->all); entry; entry = next) {
		next = TAILQ_NEXT(entry, next);
		if (entry->holder_count == 0 && now - entry->left_at_ms >= entry->keep_ms)
			drop(tempos, entry);
	}
	if (!TAILQ_EMPTY(&tempos->all))
		timer_start(tempos->sweep, SWEEP_MS);
}

static struct named_tempo *add(struct tempos *tempos, const char *name, bool is_shared,
			       conf_rate rate)
{
	struct named_tempo *entry = memory_new(sizeof *entry);
	entry->name = memory_text(name);
	entry->keep_ms = 2 * tempo_interval_us(rate, tempo_places(rate)) / 1000;
	entry->tempo = tempo_new(&(struct tempo_options){
		.loop = tempos->options.loop,
		.broker = is_shared ? tempos->options.broker : NULL,
		.name = name,
		.rate = rate,
		.changed = tempos->options.changed,
		.owner = tempos->options.owner,
	});
	TAILQ_INSERT_TAIL(&tempos->all, entry, next);
	if (!tsearch(entry, &tempos->by_name, by_name))
		abort();
	if (!timer_is_running(tempos->sweep))
		timer_start(tempos->sweep, SWEEP_MS);
	return entry;
}

struct tempo *tempos_take(struct tempos *tempos, const char *name, bool is_shared, conf_rate rate)
{
	struct named_tempo wanted = {.name = (char *)name};
	if (rate == 0)
		return NULL;
	struct named_tempo **found = tfind(&wanted, &tempos->by_name, by_name);
	struct named_tempo *entry = found ? *found : add(tempos, name, is_shared, rate);
	entry->holder_count++;
	tempo_rate(entry->tempo, rate);
	return entry->tempo;
}

void tempos_give(struct tempos *tempos, struct tempo **tempo)
{
	struct named_tempo *entry;
	if (!*tempo)
		return;
	TAILQ_FOREACH(entry, &tempos->all, next)
	{
		if (entry->tempo != *tempo)
			continue;
		entry->holder_count--;
		entry->left_at_ms = loop_now_ms(tempos->options.loop);
		break;
	}
	*tempo = NULL;
}

struct tempos *tempos_new(const struct tempos_options *options)
{
	struct tempos *tempos = memory_new(sizeof *tempos);
	tempos->options = *options;
	TAILQ_INIT(&tempos->all);
	tempos->sweep = timer_new(options->loop, on_sweep, tempos);
	return tempos;
}

void tempos_free(struct tempos **tempos)
{
	if (!*tempos)
		return;
	while (!TAILQ_EMPTY(&(*tempos)->all))
		drop(*tempos, TAILQ_FIRST(&(*tempos)->all));
	timer_free(&(*tempos)->sweep);
	free(*tempos);
	*tempos = NULL;
}
