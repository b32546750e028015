#include "workers/delivery/last_replies.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"

struct site_replies {
	char *site;				   /* first: the key */
	struct last_reply items[LAST_REPLIES_MAX]; /* the newest first */
	size_t count;
	TAILQ_ENTRY(site_replies) next;
};

struct last_replies {
	void *by_site;					 /* tsearch tree */
	TAILQ_HEAD(site_replies_list, site_replies) all; /* the one heard of last first */
	size_t count;
};

static int by_site(const void *left, const void *right)
{
	return strcmp(((const struct site_replies *)left)->site,
		      ((const struct site_replies *)right)->site);
}

static struct site_replies *find(const struct last_replies *replies, const char *site)
{
	struct site_replies wanted = {.site = (char *)(uintptr_t)site};
	struct site_replies **found = tfind(&wanted, &replies->by_site, by_site);
	return found ? *found : NULL;
}

static void forget(struct last_replies *replies, struct site_replies *site)
{
	(void)tdelete(site, &replies->by_site, by_site);
	TAILQ_REMOVE(&replies->all, site, next);
	replies->count--;
	free(site->site);
	free(site);
}

static struct site_replies *site_for(struct last_replies *replies, const char *name)
{
	struct site_replies *site = find(replies, name);
	if (site) {
		TAILQ_REMOVE(&replies->all, site, next);
	} else {
		if (replies->count == LAST_REPLIES_SITES)
			forget(replies, TAILQ_LAST(&replies->all, site_replies_list));
		site = memory_new(sizeof *site);
		site->site = memory_text(name);
		replies->count++;
		if (!tsearch(site, &replies->by_site, by_site))
			abort();
	}
	TAILQ_INSERT_HEAD(&replies->all, site, next);
	return site;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Runs of digits are as good as each other. */
static bool is_same_text(const char *left, const char *right)
{
	for (;; left++, right++) {
		while (is_digit(*left) && is_digit(left[1]))
			left++;
		while (is_digit(*right) && is_digit(right[1]))
			right++;
		if (*left != *right && !(is_digit(*left) && is_digit(*right)))
			return false;
		if (!*left)
			return true;
	}
}

static size_t place_of(struct site_replies *site, const struct last_reply *reply)
{
	for (size_t i = 0; i < site->count; i++)
		if (site->items[i].code == reply->code &&
		    strcmp(site->items[i].step, reply->step) == 0 &&
		    is_same_text(site->items[i].text, reply->text))
			return i;
	if (site->count < LAST_REPLIES_MAX)
		site->count++;
	site->items[site->count - 1].count = 0;
	return site->count - 1;
}

void last_replies_note(struct last_replies *replies, const char *name,
		       const struct last_reply *reply, struct bytes text)
{
	struct site_replies *site = site_for(replies, name);
	struct last_reply newest = *reply;
	(void)snprintf(newest.text, sizeof newest.text, "%.*s", BYTES_ARGS(text));
	size_t place = place_of(site, &newest);
	newest.count = site->items[place].count + 1;
	memmove(&site->items[1], &site->items[0], place * sizeof site->items[0]);
	site->items[0] = newest;
}

const struct last_reply *last_replies_at(const struct last_replies *replies, const char *name,
					 size_t index)
{
	const struct site_replies *site = find(replies, name);
	return site && index < site->count ? &site->items[index] : NULL;
}

struct last_replies *last_replies_new(void)
{
	struct last_replies *replies = memory_new(sizeof *replies);
	TAILQ_INIT(&replies->all);
	return replies;
}

void last_replies_free(struct last_replies **replies)
{
	struct last_replies *freeing = *replies;
	*replies = NULL;
	if (!freeing)
		return;
	while (!TAILQ_EMPTY(&freeing->all))
		forget(freeing, TAILQ_FIRST(&freeing->all));
	free(freeing);
}
