/* See turns.h. */
#include "workers/delivery/turns.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

#define NAME_MAX_LEN 1200
#define URGENT_TURNS 4 /* one after the other, then one of mail that is not */

TAILQ_HEAD(transaction_list, transaction);

struct line { /* of one campaign of one tenant; goes with its last transaction */
	struct bytes tenant, campaign; /* of its first transaction; copied */
	bool is_urgent;
	struct party *by_tenant, *by_campaign; /* NULL: no limit */
	struct transaction_list waiting;
	size_t count;
	TAILQ_ENTRY(line) next;
};

struct turns {
	struct turns_options options;
	TAILQ_HEAD(, line) lines; /* the first is the next */
	size_t count;
	unsigned urgent_turns; /* since one of mail that is not */
};

/* ---- lines ---- */

static struct party *party_of(const struct turns *turns, const char *what, struct bytes name,
			      const struct limits *limits)
{
	char text[NAME_MAX_LEN];
	if (name.len == 0)
		return NULL;
	(void)snprintf(text, sizeof text, "%s.%.*s.%s", what, BYTES_ARGS(name),
		       turns->options.site);
	return party_take(turns->options.parties, text, turns->options.is_shared, limits);
}

static struct bytes copy(struct bytes b)
{
	uint8_t *at = memory_array(b.len, 1);
	if (b.len > 0)
		memcpy(at, b.data, b.len);
	return bytes_from(at, b.len);
}

static void take_parties(const struct turns *turns, struct line *line)
{
	const struct site_settings *settings = turns->options.settings;
	const struct limits of_tenant = {
		.connections = settings->connections_per_tenant,
		.connect_rate = settings->connect_rate_per_tenant,
		.rate = settings->rate_per_tenant,
		.messages_per_connection = settings->messages_per_connection_per_tenant,
	};
	const struct limits of_campaign = {
		.connections = settings->connections_per_campaign,
		.connect_rate = settings->connect_rate_per_campaign,
		.rate = settings->rate_per_campaign,
		.messages_per_connection = settings->messages_per_connection_per_campaign,
	};
	line->by_tenant = party_of(turns, "tenant", line->tenant, &of_tenant);
	line->by_campaign = party_of(turns, "campaign", line->campaign, &of_campaign);
}

static struct line *line_new(struct turns *turns, const struct transaction *transaction)
{
	struct line *line = memory_new(sizeof *line);
	struct bytes tenant = transaction->tenant, campaign = transaction->campaign;
	line->is_urgent = transaction->is_urgent;
	line->tenant = copy(tenant);
	line->campaign = copy(campaign);
	take_parties(turns, line);
	TAILQ_INIT(&line->waiting);
	TAILQ_INSERT_TAIL(&turns->lines, line, next);
	return line;
}

static void note_waiting(struct line *line, int change)
{
	party_wait(line->by_tenant, change);
	party_wait(line->by_campaign, change);
}

void turns_relimit(struct turns *turns, bool is_shared)
{
	struct line *line;
	turns->options.is_shared = is_shared;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		note_waiting(line, -(int)line->count);
		party_give(&line->by_tenant);
		party_give(&line->by_campaign);
		take_parties(turns, line);
		note_waiting(line, (int)line->count);
	}
}

static void line_free(struct turns *turns, struct line *line)
{
	note_waiting(line, -(int)line->count);
	party_give(&line->by_tenant);
	party_give(&line->by_campaign);
	TAILQ_REMOVE(&turns->lines, line, next);
	free((void *)line->tenant.data);
	free((void *)line->campaign.data);
	free(line);
}

static struct line *line_of(const struct turns *turns, const struct transaction *transaction)
{
	struct line *line;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (line->is_urgent == transaction->is_urgent &&
		    bytes_equal(line->tenant, transaction->tenant) &&
		    bytes_equal(line->campaign, transaction->campaign))
			return line;
	}
	return NULL;
}

/* ---- waiting ---- */

void turns_add(struct turns *turns, struct transaction *transaction)
{
	struct line *line = line_of(turns, transaction);
	if (!line)
		line = line_new(turns, transaction);
	TAILQ_INSERT_TAIL(&line->waiting, transaction, next);
	line->count++;
	note_waiting(line, 1);
	turns->count++;
}

void turns_add_first(struct turns *turns, struct transaction *transaction)
{
	struct line *line = line_of(turns, transaction);
	if (!line)
		line = line_new(turns, transaction);
	TAILQ_INSERT_HEAD(&line->waiting, transaction, next);
	TAILQ_REMOVE(&turns->lines, line, next);
	TAILQ_INSERT_HEAD(&turns->lines, line, next);
	line->count++;
	note_waiting(line, 1);
	turns->count++;
}

void turns_remove(struct turns *turns, struct transaction *transaction)
{
	struct line *line = line_of(turns, transaction);
	TAILQ_REMOVE(&line->waiting, transaction, next);
	line->count--;
	note_waiting(line, -1);
	turns->count--;
	if (TAILQ_EMPTY(&line->waiting))
		line_free(turns, line);
}

size_t turns_count(const struct turns *turns)
{
	return turns->count;
}

/* ---- whose turn it is ---- */

static int64_t wait_ms(const struct line *line)
{
	int64_t tenant_ms = party_wait_ms(line->by_tenant);
	int64_t campaign_ms = party_wait_ms(line->by_campaign);
	return tenant_ms > campaign_ms ? tenant_ms : campaign_ms;
}

/* The line goes behind the others. */
static struct transaction *take_from(struct turns *turns, struct line *line)
{
	struct transaction *transaction = TAILQ_FIRST(&line->waiting);
	TAILQ_REMOVE(&turns->lines, line, next);
	TAILQ_INSERT_TAIL(&turns->lines, line, next);
	turns_remove(turns, transaction);
	return transaction;
}

static bool may_begin(const struct line *line, const struct turns_opener *opener)
{
	return (!party_limits_connects(line->by_tenant) || line->by_tenant == opener->by_tenant) &&
	       (!party_limits_connects(line->by_campaign) ||
		line->by_campaign == opener->by_campaign);
}

static bool may_go_on(const struct line *line, const struct turns_session *session)
{
	if (session->opener && !may_begin(line, session->opener))
		return false;
	return session->carried_count < party_messages_max(line->by_tenant) &&
	       session->carried_count < party_messages_max(line->by_campaign);
}

/* The first that may go now; *wait_ms becomes what those who may not must wait, when it is less. */
static struct line *find_line(struct turns *turns, bool is_urgent,
			      const struct turns_session *session, int64_t *wait)
{
	struct line *line;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		int64_t ms = line->is_urgent == is_urgent ? wait_ms(line) : TEMPO_UNKNOWN;
		if (ms == 0 && may_go_on(line, session))
			return line;
		if (ms == 0)
			ms = TURNS_ELSEWHERE;
		*wait = ms < *wait ? ms : *wait;
		if (ms == TURNS_ELSEWHERE && session->is_last)
			return NULL;
	}
	return NULL;
}

struct transaction *turns_take(struct turns *turns, const struct turns_session *session,
			       int64_t *ret_wait_ms)
{
	bool is_urgent_first = turns->urgent_turns < URGENT_TURNS;
	*ret_wait_ms = turns->count > 0 ? TEMPO_UNKNOWN : 0;
	struct line *line = find_line(turns, is_urgent_first, session, ret_wait_ms);
	if (!line && !(*ret_wait_ms == TURNS_ELSEWHERE && session->is_last))
		line = find_line(turns, !is_urgent_first, session, ret_wait_ms);
	if (!line)
		return NULL;
	struct party *by_tenant = party_begin(line->by_tenant);
	struct party *by_campaign = party_begin(line->by_campaign);
	turns->urgent_turns = line->is_urgent ? turns->urgent_turns + 1 : 0;
	*ret_wait_ms = 0;
	struct transaction *transaction = take_from(turns, line);
	transaction->by_tenant = by_tenant;
	transaction->by_campaign = by_campaign;
	return transaction;
}

void turns_end(struct transaction *transaction)
{
	party_end(&transaction->by_tenant);
	party_end(&transaction->by_campaign);
}

/* ---- sessions ---- */

/* The first whose mail one more session would carry. */
int64_t turns_open(const struct turns *turns, size_t free_opening_count, struct turns_opener *ret)
{
	const struct site_settings *settings = turns->options.settings;
	const struct line *line;
	size_t free_count = 0;
	int64_t wait = TEMPO_UNKNOWN;
	*ret = (struct turns_opener){0};
	if (settings->connect_rate_per_tenant == 0 && settings->connect_rate_per_campaign == 0)
		return 0;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (!party_limits_connects(line->by_tenant) &&
		    !party_limits_connects(line->by_campaign)) {
			free_count += line->count;
			if (free_count > free_opening_count)
				return 0;
			continue;
		}
		int64_t tenant_ms = party_connect_wait_ms(line->by_tenant);
		int64_t campaign_ms = party_connect_wait_ms(line->by_campaign);
		int64_t ms = tenant_ms > campaign_ms ? tenant_ms : campaign_ms;
		if (ms == 0) {
			*ret = (struct turns_opener){line->by_tenant, line->by_campaign};
			return 0;
		}
		wait = ms < wait ? ms : wait;
	}
	return wait;
}

struct transaction *turns_first_closed(struct turns *turns,
				       int64_t (*closed_ms)(void *owner, struct bytes tenant,
							    struct bytes campaign),
				       void *owner, int64_t *ret_ms)
{
	struct line *line;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (line->tenant.len + line->campaign.len == 0)
			continue;
		*ret_ms = closed_ms(owner, line->tenant, line->campaign);
		if (*ret_ms > 0)
			return TAILQ_FIRST(&line->waiting);
	}
	return NULL;
}

struct transaction *turns_last(struct turns *turns)
{
	struct line *line, *longest = TAILQ_FIRST(&turns->lines);
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (line->count > longest->count)
			longest = line;
	}
	return longest ? TAILQ_LAST(&longest->waiting, transaction_list) : NULL;
}

struct transaction *turns_take_any(struct turns *turns)
{
	struct line *line = TAILQ_FIRST(&turns->lines);
	return line ? take_from(turns, line) : NULL;
}

/* ---- birth and end ---- */

struct turns *turns_new(const struct turns_options *options)
{
	struct turns *turns = memory_new(sizeof *turns);
	turns->options = *options;
	TAILQ_INIT(&turns->lines);
	return turns;
}

void turns_free(struct turns **turns)
{
	if (!*turns)
		return;
	while (!TAILQ_EMPTY(&(*turns)->lines))
		line_free(*turns, TAILQ_FIRST(&(*turns)->lines));
	free(*turns);
	*turns = NULL;
}

void turns_each(const struct turns *turns,
		void (*each)(void *owner, const struct transaction *transaction), void *owner)
{
	const struct line *line;
	const struct transaction *transaction;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		TAILQ_FOREACH(transaction, &line->waiting, next)
		{
			each(owner, transaction);
		}
	}
}
