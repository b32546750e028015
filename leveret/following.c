/* See following.h. Results are published under <event>.<pool>.<site>; a site may hold dots. */
#include "leveret/following.h"

#include <stdio.h>
#include <string.h>

#include "schemas/schemas.h"

#define NAME_START	"follow."
#define ALL_NAME	NAME_START "results"
#define ALL_EVENTS	"event.#"
#define ALL_EVENTS_NAME NAME_START "events"

static bool is_of_the_topology(const char *name)
{
	static const char *const starts[] = {"deliver.", "submit.", "bouncer.", "leveret.", "amq."};
	static const char *const names[] = {QUEUE_LOST, QUEUE_BURIED, QUEUE_REFUSED, "waiting"};
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

enum err following_name(const char *name, struct following *ret, struct why *why)
{
	size_t len = strlen(name);
	if (len == 0 || len > FOLLOWING_NAME_MAX)
		return fail(why, E_MALFORMED, "a follower's name has 1 to %d characters",
			    FOLLOWING_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || (unsigned char)name[i] >= 0x7f)
			return fail(why, E_MALFORMED,
				    "a follower's name holds only visible ASCII characters");
	if (is_of_the_topology(name))
		return fail(why, E_MALFORMED,
			    "\"%s\" is a queue of Leveret's own, or looks like one", name);
	memcpy(ret->queue, name, len + 1);
	return OK;
}

static bool is_event(const char *word)
{
	for (int event = RESULT_DELIVERED; event <= RESULT_EVENT_LAST; event++)
		if (strcmp(result_event_name((enum result_event)event), word) == 0)
			return true;
	return false;
}

static enum err add_pattern(struct following *ret, const char *pattern, struct why *why)
{
	if (strlen(pattern) > FOLLOWING_PATTERN_MAX)
		return fail(why, E_MALFORMED, "the selection is longer than %d characters",
			    FOLLOWING_PATTERN_MAX);
	if (ret->pattern_count == FOLLOWING_PATTERNS_MAX)
		return fail(why, E_MALFORMED, "more than %d events or patterns",
			    FOLLOWING_PATTERNS_MAX);
	memcpy(ret->patterns[ret->pattern_count++], pattern, strlen(pattern) + 1);
	return OK;
}

/* "bounced.*.gmail"; what is not selected is "*", or "#" where only that follows. */
static enum err add_selection(struct following *ret, const char *event, const char *pool,
			      const char *site, struct why *why)
{
	char pattern[FOLLOWING_PATTERN_MAX + 2];
	if (!event && !pool && !site)
		return add_pattern(ret, "#", why);
	/* One byte more than is allowed fits, so that what is too long is seen. */
	(void)snprintf(pattern, sizeof pattern, "%s.%s%s%s", event ? event : "*",
		       pool   ? pool
		       : site ? "*"
			      : "#",
		       pool || site ? "." : "",
		       site   ? site
		       : pool ? "#"
			      : "");
	return add_pattern(ret, pattern, why);
}

static enum err add_selections(const struct options *options, struct following *ret,
			       struct why *why)
{
	const char *events[OPTIONS_MAX];
	size_t count = options_values(options, "event", events);
	const char *pool = options_value(options, "pool", NULL);
	const char *site = options_value(options, "site", NULL);
	enum err err = count == 0 ? add_selection(ret, NULL, pool, site, why) : OK;
	for (size_t i = 0; i < count && !err; i++) {
		if (!is_event(events[i]))
			return fail(why, E_MALFORMED,
				    "\"%s\" is no event: delivered, deferred, bounced, expired, "
				    "suppressed or cancelled",
				    events[i]);
		err = add_selection(ret, events[i], pool, site, why);
	}
	return err;
}

static bool is_kind(const char *word)
{
	for (int kind = EVENT_DELIVERED; kind <= BOUNCER_EVENT_LAST; kind++)
		if (strcmp(bouncer_event_name((enum bouncer_event_kind)kind), word) == 0)
			return true;
	return false;
}

static enum err add_kinds(const struct options *options, struct following *ret, struct why *why)
{
	const char *kinds[OPTIONS_MAX];
	char pattern[FOLLOWING_PATTERN_MAX + 2];
	size_t count = options_values(options, "kind", kinds);
	enum err err = count == 0 ? add_pattern(ret, ALL_EVENTS, why) : OK;
	for (size_t i = 0; i < count && !err; i++) {
		if (!is_kind(kinds[i]))
			return fail(why, E_MALFORMED, "there are no events \"%s\"", kinds[i]);
		(void)snprintf(pattern, sizeof pattern, "event.%s.#", kinds[i]);
		err = add_pattern(ret, pattern, why);
	}
	return err;
}

static enum err add_patterns(const struct options *options, struct following *ret, struct why *why)
{
	const char *patterns[OPTIONS_MAX];
	size_t count = options_values(options, "pattern", patterns);
	enum err err = OK;
	if (options_has(options, "event") || options_has(options, "pool") ||
	    options_has(options, "site") || options_has(options, "kind"))
		return fail(why, E_MALFORMED, "give --pattern, or what it would select");
	for (size_t i = 0; i < count && !err; i++)
		err = add_pattern(ret, patterns[i], why);
	return err;
}

/* Shell and broker tools read "*" and "#" as more than names: "any" and "all" stand for them. */
static enum err name_by_patterns(struct following *ret, struct why *why)
{
	char name[FOLLOWING_PATTERNS_MAX * (FOLLOWING_PATTERN_MAX + 1) * 3 + sizeof NAME_START] =
		NAME_START;
	size_t len = strlen(name);
	if (ret->pattern_count == 1 && strcmp(ret->patterns[0], "#") == 0)
		return following_name(ALL_NAME, ret, why);
	if (ret->pattern_count == 1 && strcmp(ret->patterns[0], ALL_EVENTS) == 0)
		return following_name(ALL_EVENTS_NAME, ret, why);
	for (size_t i = 0; i < ret->pattern_count; i++) {
		if (i > 0)
			name[len++] = '+';
		for (const char *at = ret->patterns[i]; *at; at++) {
			const char *word = *at == '*' ? "any" : *at == '#' ? "all" : NULL;
			for (; word && *word; word++)
				name[len++] = *word;
			if (*at != '*' && *at != '#')
				name[len++] = *at;
		}
	}
	name[len] = '\0';
	if (len > FOLLOWING_NAME_MAX)
		return fail(why, E_MALFORMED, "so long a selection needs a name: give --queue");
	return following_name(name, ret, why);
}

enum err following_make(const struct options *options, bool is_of_events, struct following *ret,
			struct why *why)
{
	const char *name = options_value(options, "queue", NULL);
	*ret = (struct following){0};
	enum err err = options_has(options, "pattern") ? add_patterns(options, ret, why)
		       : is_of_events		       ? add_kinds(options, ret, why)
						       : add_selections(options, ret, why);
	if (err)
		return err;
	return name ? following_name(name, ret, why) : name_by_patterns(ret, why);
}
