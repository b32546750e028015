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
	struct tempo *tenant_tempo, *campaign_tempo; /* NULL: no limit */
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

static struct tempo *tempo_of(const struct turns *turns, const char *what, struct bytes name,
			      conf_rate rate)
{
	char text[NAME_MAX_LEN];
	(void)snprintf(text, sizeof text, "%s.%.*s.%s", what, BYTES_ARGS(name),
		       turns->options.site);
	return tempos_take(turns->options.tempos, text, turns->options.is_shared, rate);
}

static struct bytes copy(struct bytes b)
{
	uint8_t *at = memory_array(b.len, 1);
	if (b.len > 0)
		memcpy(at, b.data, b.len);
	return bytes_from(at, b.len);
}

static struct line *line_new(struct turns *turns, const struct transaction *transaction)
{
	struct line *line = memory_new(sizeof *line);
	const struct site_settings *settings = turns->options.settings;
	struct bytes tenant = transaction->tenant, campaign = transaction->campaign;
	line->is_urgent = transaction->is_urgent;
	line->tenant = copy(tenant);
	line->campaign = copy(campaign);
	if (tenant.len > 0)
		line->tenant_tempo = tempo_of(turns, "tenant", tenant, settings->rate_per_tenant);
	if (campaign.len > 0)
		line->campaign_tempo =
			tempo_of(turns, "campaign", campaign, settings->rate_per_campaign);
	TAILQ_INIT(&line->waiting);
	TAILQ_INSERT_TAIL(&turns->lines, line, next);
	return line;
}

static void line_free(struct turns *turns, struct line *line)
{
	tempos_give(turns->options.tempos, &line->tenant_tempo);
	tempos_give(turns->options.tempos, &line->campaign_tempo);
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
	turns->count++;
}

void turns_remove(struct turns *turns, struct transaction *transaction)
{
	struct line *line = line_of(turns, transaction);
	TAILQ_REMOVE(&line->waiting, transaction, next);
	line->count--;
	turns->count--;
	if (TAILQ_EMPTY(&line->waiting))
		line_free(turns, line);
}

size_t turns_count(const struct turns *turns)
{
	return turns->count;
}

/* ---- whose turn it is ---- */

static int64_t wait_of(struct tempo *tempo)
{
	return tempo ? tempo_wait_ms(tempo) : 0;
}

static int64_t wait_ms(const struct line *line)
{
	int64_t tenant_ms = wait_of(line->tenant_tempo);
	int64_t campaign_ms = wait_of(line->campaign_tempo);
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

/* The first that may go now; *wait_ms becomes what those who may not must wait, when it is less. */
static struct line *find_line(struct turns *turns, bool is_urgent, int64_t *wait)
{
	struct line *line;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		int64_t ms = line->is_urgent == is_urgent ? wait_ms(line) : TEMPO_UNKNOWN;
		if (ms == 0)
			return line;
		*wait = ms < *wait ? ms : *wait;
	}
	return NULL;
}

struct transaction *turns_take(struct turns *turns, int64_t *ret_wait_ms)
{
	bool is_urgent_first = turns->urgent_turns < URGENT_TURNS;
	*ret_wait_ms = turns->count > 0 ? TEMPO_UNKNOWN : 0;
	struct line *line = find_line(turns, is_urgent_first, ret_wait_ms);
	if (!line)
		line = find_line(turns, !is_urgent_first, ret_wait_ms);
	if (!line)
		return NULL;
	if (line->tenant_tempo)
		tempo_note(line->tenant_tempo);
	if (line->campaign_tempo)
		tempo_note(line->campaign_tempo);
	turns->urgent_turns = line->is_urgent ? turns->urgent_turns + 1 : 0;
	*ret_wait_ms = 0;
	return take_from(turns, line);
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
