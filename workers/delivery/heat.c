/* See heat.h. What was told is not told again for a while: the bouncer answers by the table, or has no queue to lend. */
#include "workers/delivery/heat.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "workers/delivery/lesson.h"

#define ASKED_MAX    32 /* domains; the oldest makes room */
#define ASK_AGAIN_MS 5000
#define RENEWALS     6 /* within the time for which a queue is lent */

struct asked {
	char domain[ROUTING_NAME_MAX + 1];
	int64_t at_ms;
};

struct heat {
	struct heat_options options;
	struct asked asked[ASKED_MAX];
	struct asked lent[LENT_MAX]; /* whose it is, and when it was last asked for again */
};

static void tell(struct heat *heat, struct asked *asked, const char *site, int64_t now_ms)
{
	const struct heat_options *options = &heat->options;
	asked->at_ms = now_ms;
	lesson_tell(options->postings, asked->domain, site,
		    loop_wall_ms(options->loop) + options->settings->lent_for,
		    options->worker_name);
}

static void renew(struct heat *heat, struct asked *asked, const char *site, int64_t now_ms)
{
	int64_t every_ms = heat->options.settings->lent_for / RENEWALS;
	if (asked->domain[0] && (asked->at_ms == 0 || now_ms - asked->at_ms >= every_ms))
		tell(heat, asked, site, now_ms);
}

static struct asked *asked_of(struct heat *heat, const char *domain)
{
	struct asked *oldest = &heat->asked[0];
	for (size_t i = 0; i < ASKED_MAX; i++) {
		if (strcmp(heat->asked[i].domain, domain) == 0)
			return &heat->asked[i];
		if (heat->asked[i].at_ms < oldest->at_ms)
			oldest = &heat->asked[i];
	}
	(void)snprintf(oldest->domain, sizeof oldest->domain, "%s", domain);
	oldest->at_ms = 0;
	return oldest;
}

void heat_note(struct heat *heat, const char *site, int64_t now_ms)
{
	char first[ROUTING_NAME_MAX + 1];
	int index = lent_index(site);
	lent_name(0, first);
	if (index >= 0) {
		renew(heat, &heat->lent[index], site, now_ms);
		return;
	}
	if (!strchr(site, '.') || !routing_known_site(heat->options.routing, first))
		return;
	struct asked *asked = asked_of(heat, site);
	if (asked->at_ms == 0 || now_ms - asked->at_ms >= ASK_AGAIN_MS)
		tell(heat, asked, LENT_ANY, now_ms);
}

void heat_see(struct heat *heat, const char *site, const char *domain)
{
	int index = lent_index(site);
	char before[ROUTING_NAME_MAX + 1];
	if (index < 0 || strcmp(heat->lent[index].domain, domain) == 0)
		return;
	(void)snprintf(before, sizeof before, "%s", heat->lent[index].domain);
	(void)snprintf(heat->lent[index].domain, sizeof heat->lent[index].domain, "%s", domain);
	heat->lent[index].at_ms = 0;
	if (heat->options.handed)
		heat->options.handed(heat->options.owner, site, domain, before);
}

const char *heat_domain(const struct heat *heat, const char *site)
{
	int index = lent_index(site);
	return index < 0 ? "" : heat->lent[index].domain;
}

struct heat *heat_new(const struct heat_options *options)
{
	struct heat *heat = memory_new(sizeof *heat);
	heat->options = *options;
	return heat;
}

void heat_free(struct heat **heat)
{
	free(*heat);
	*heat = NULL;
}
