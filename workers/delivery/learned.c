/* See learned.h. */
#include "workers/delivery/learned.h"

#include <search.h>
#include <stdio.h>

#include "lib/base/memory.h"

#define KEY_MAX		700
#define COHORTS		1.0
#define SLOW_FROM_LEAST 1.0 /* per minute */

struct learned_set {
	void *by_key;			      /* tsearch tree */
	struct learned *unused, **unused_end; /* the longest unused first */
	size_t count, unused_count;
};

static int by_key(const void *left, const void *right)
{
	return strcmp(((const struct learned *)left)->key, ((const struct learned *)right)->key);
}

/* ---- the list of those that nobody uses ---- */

static void put_aside(struct learned_set *set, struct learned *learned)
{
	learned->next = NULL;
	learned->link = set->unused_end;
	*set->unused_end = learned;
	set->unused_end = &learned->next;
	set->unused_count++;
}

static void take_up(struct learned_set *set, struct learned *learned)
{
	*learned->link = learned->next;
	if (learned->next)
		learned->next->link = learned->link;
	else
		set->unused_end = learned->link;
	learned->link = NULL;
	set->unused_count--;
}

/* ---- birth and end ---- */

void learned_limit(struct learned *learned, const struct site_settings *settings)
{
	int64_t most = settings->connections_per_source > 0 ? settings->connections_per_source
							    : settings->connections;
	int64_t start = settings->connections_start < most ? settings->connections_start : most;
	learned->limits = (struct feedback_limits){
		.start = (unsigned)start, .most = (unsigned)most, .cohorts = COHORTS};
}

static struct learned *learned_new(const char *source, const struct site_settings *settings,
				   const char *site, int64_t now_ms)
{
	struct learned *learned = memory_new(sizeof *learned);
	size_t source_size = strlen(source) + 1, site_size = strlen(site) + 1;
	learned->key = memory_array(source_size + site_size, 1);
	memcpy(learned->key, source, source_size - 1);
	learned->key[source_size - 1] = ' ';
	memcpy(learned->key + source_size, site, site_size);
	learned->site = learned->key + source_size;
	learned->source = memory_text(source);
	learned_limit(learned, settings);
	feedback_start(&learned->feedback, &learned->limits);
	pace_start(&learned->pace, now_ms);
	learned->is_new = true;
	learned->kept = learned_lesson(learned);
	return learned;
}

static void learned_free(struct learned *learned)
{
	shaping_state_free(&learned->state);
	free((char *)learned->source);
	free(learned->key);
	free(learned);
}

static void forget(struct learned_set *set, struct learned *learned)
{
	take_up(set, learned);
	(void)tdelete(learned, &set->by_key, by_key);
	set->count--;
	learned_free(learned);
}

void learned_forget_old(struct learned_set *set, int64_t now_ms)
{
	while (set->unused && (set->unused_count > LEARNED_MAX ||
			       now_ms - set->unused->used_at_ms >= LEARNED_KEPT_MS))
		forget(set, set->unused);
}

struct learned *learned_take(struct learned_set *set, const char *source,
			     const struct site_settings *settings, const char *site, int64_t now_ms)
{
	char key[KEY_MAX];
	(void)snprintf(key, sizeof key, "%s %s", source, site);
	struct learned wanted = {.key = key};
	struct learned **found = tfind(&wanted, &set->by_key, by_key);
	struct learned *learned = found ? *found : learned_new(source, settings, site, now_ms);
	if (!found) {
		set->count++;
		if (!tsearch(learned, &set->by_key, by_key))
			abort();
	} else {
		learned_limit(learned, settings);
		if (learned->use_count == 0)
			take_up(set, learned);
	}
	learned->use_count++;
	return learned;
}

void learned_give(struct learned_set *set, struct learned *learned, int64_t now_ms)
{
	if (--learned->use_count > 0)
		return;
	learned->used_at_ms = now_ms;
	put_aside(set, learned);
	learned_forget_old(set, now_ms);
}

struct learned_set *learned_set_new(void)
{
	struct learned_set *set = memory_new(sizeof *set);
	set->unused_end = &set->unused;
	return set;
}

static void free_node(void *learned)
{
	learned_free(learned);
}

void learned_set_free(struct learned_set **set)
{
	if (!*set)
		return;
	tdestroy((*set)->by_key, free_node);
	free(*set);
	*set = NULL;
}

size_t learned_set_count(const struct learned_set *set)
{
	return set->count;
}

/* ---- what it says ---- */

struct probing {
	const char *site, *source;
};

static void probe(const void *node, VISIT visit, void *owner)
{
	struct learned *learned = *(struct learned *const *)node;
	const struct probing *whom = owner;
	bool is_meant = (visit == postorder || visit == leaf) &&
			strcmp(learned->site, whom->site) == 0 &&
			(!whom->source[0] || strcmp(learned->source, whom->source) == 0);
	if (is_meant)
		feedback_probe(&learned->feedback);
}

void learned_probe(struct learned_set *set, const char *site, const char *source)
{
	struct probing whom = {site, source};
	twalk_r(set->by_key, probe, &whom);
}

struct each {
	void (*each)(void *owner, struct learned *learned);
	void *owner;
};

static void visit(const void *node, VISIT visit, void *owner)
{
	const struct each *each = owner;
	if (visit == postorder || visit == leaf)
		each->each(each->owner, *(struct learned *const *)node);
}

void learned_each(const struct learned_set *set, void (*each)(void *owner, struct learned *learned),
		  void *owner)
{
	struct each all = {each, owner};
	twalk_r(set->by_key, visit, &all);
}

struct lesson learned_lesson(const struct learned *learned)
{
	return (struct lesson){
		.sessions = learned->feedback.sessions,
		.ceiling = learned->feedback.ceiling,
		.patience = learned->feedback.patience,
		.rate = learned->pace.per_minute,
		.rate_ceiling = learned->pace.ceiling,
	};
}

void learned_resume(struct learned *learned, const struct lesson *lesson, int64_t now_ms)
{
	feedback_resume(&learned->feedback, &learned->limits, lesson->sessions, lesson->ceiling,
			lesson->patience);
	pace_resume(&learned->pace, lesson->rate, lesson->rate_ceiling, now_ms);
}

/* slow_by is in percent of what was sent when it began. */
void learned_heed(struct learned *learned, const struct shaping_answer *answer, int64_t now_ms)
{
	if (answer->rate_percent >= 100) {
		learned->slow_from = 0;
		pace_cap(&learned->pace, 0);
		return;
	}
	if (learned->slow_from <= 0) {
		double taken = pace_taken(&learned->pace, now_ms);
		learned->slow_from = taken > SLOW_FROM_LEAST ? taken : SLOW_FROM_LEAST;
	}
	pace_cap(&learned->pace, learned->slow_from * answer->rate_percent / 100);
}

size_t learned_sessions(const struct learned *learned, const struct shaping_answer *answer)
{
	size_t count = learned->feedback.sessions;
	count = count * answer->connections_percent / 100;
	return count > 0 ? count : 1;
}

bool learned_trouble(struct learned *learned)
{
	feedback_trouble(&learned->feedback, &learned->limits);
	if (!feedback_is_dead(&learned->feedback))
		return false;
	feedback_probe(&learned->feedback);
	return true;
}
