/* Permits without a broker: these definitions stand in for those of broker/broker.h. Included by one file of a test program. Places that
 * permits_take_away() gave to others are free again after permits_bring_back(). */
#ifndef LEVERET_TESTS_UNIT_WORKERS_PERMITS_FIXTURE_H
#define LEVERET_TESTS_UNIT_WORKERS_PERMITS_FIXTURE_H

#include <string.h>

#include "broker/broker.h"
#include "lib/base/memory.h"

#define PERMITS_MAX 400

struct permit {
	char name[PERMIT_NAME_MAX];
	const struct permit_handler *handler;
	void *owner;
	unsigned limit;
	int place; /* -1: none */
	size_t number;
};
static struct permit *permits[PERMITS_MAX];
static struct loop *permits_loop;
static unsigned permits_of_others; /* the first places of every name */
static size_t permits_asked_count;

static bool permits_is_free(const char *name, unsigned place)
{
	if (place < permits_of_others)
		return false;
	for (size_t i = 0; i < PERMITS_MAX; i++)
		if (permits[i] && permits[i]->place == (int)place &&
		    strcmp(permits[i]->name, name) == 0)
			return false;
	return true;
}

/* Who has asked for the longest and can be given a place. */
static struct permit *permits_next(unsigned *ret_place)
{
	struct permit *next = NULL;
	for (size_t i = 0; i < PERMITS_MAX; i++) {
		struct permit *permit = permits[i];
		if (!permit || permit->place >= 0 || (next && next->number < permit->number))
			continue;
		for (unsigned place = 0; place < permit->limit; place++) {
			if (!permits_is_free(permit->name, place))
				continue;
			next = permit;
			*ret_place = place;
			break;
		}
	}
	return next;
}

static void permits_deal(void *owner)
{
	struct permit *permit;
	unsigned place = 0;
	(void)owner;
	while ((permit = permits_next(&place))) {
		permit->place = (int)place;
		permit->handler->granted(permit->owner, place);
	}
}

struct permit *permit_ask(struct broker *broker, const char *name, unsigned limit,
			  const struct permit_handler *handler, void *owner)
{
	struct permit *permit = memory_new(sizeof *permit);
	size_t i = 0;
	(void)broker;
	snprintf(permit->name, sizeof permit->name, "%s", name);
	permit->handler = handler;
	permit->owner = owner;
	permit->limit = limit;
	permit->place = -1;
	while (permits[i])
		i++;
	permits[i] = permit;
	permit->number = permits_asked_count++;
	loop_post(permits_loop, permits_deal, NULL);
	return permit;
}

void permit_limit(struct permit *permit, unsigned limit)
{
	permit->limit = limit;
	if (permit->place >= (int)limit) {
		permit->place = -1;
		permit->handler->lost(permit->owner);
	}
	loop_post(permits_loop, permits_deal, NULL);
}

void permit_free(struct permit **permit)
{
	for (size_t i = 0; i < PERMITS_MAX; i++)
		if (permits[i] && permits[i] == *permit)
			permits[i] = NULL;
	free(*permit);
	*permit = NULL;
	loop_post(permits_loop, permits_deal, NULL);
}

/* Others have so many of the places of every name: who holds one loses it. */
static inline void permits_take_away(unsigned count)
{
	permits_of_others = count;
	for (size_t i = 0; i < PERMITS_MAX; i++) {
		if (!permits[i] || permits[i]->place < 0 || permits[i]->place >= (int)count)
			continue;
		permits[i]->place = -1;
		permits[i]->handler->lost(permits[i]->owner);
	}
	loop_post(permits_loop, permits_deal, NULL);
}

static inline size_t permits_held(const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < PERMITS_MAX; i++)
		count +=
			permits[i] && permits[i]->place >= 0 && strcmp(permits[i]->name, name) == 0;
	return count;
}

#endif
