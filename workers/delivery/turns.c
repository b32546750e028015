/* See turns.h. */
#include "workers/delivery/turns_inner.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "schemas/schemas.h"

#define NAME_MAX_LEN  (16 + 2 * (SCHEMA_NAME_MAX + 1))
#define PARTY_MAX_LEN (NAME_MAX_LEN + 1 + 256) /* with its site */

/* ---- lines ---- */

/* No site has an @ in it: the same name is not another's at another site. */
static struct party *party_named(const struct turns *turns, const char *name,
				 const struct limits *limits)
{
	char text[PARTY_MAX_LEN];
	(void)snprintf(text, sizeof text, "%s@%s", name, turns->options.site);
	return party_take(turns->options.parties, text, turns->options.is_shared, limits);
}

static struct party *tenant_party(const struct turns *turns, struct bytes tenant,
				  const struct limits *limits)
{
	char name[NAME_MAX_LEN];
	if (tenant.len == 0)
		return NULL;
	(void)snprintf(name, sizeof name, "tenant.%.*s", BYTES_ARGS(tenant));
	return party_named(turns, name, limits);
}

/* Campaigns of two tenants are two, whatever they are called. */
static struct party *campaign_party(const struct turns *turns, struct bytes campaign,
				    struct bytes tenant, const struct limits *limits)
{
	char name[NAME_MAX_LEN];
	if (campaign.len == 0)
		return NULL;
	(void)snprintf(name, sizeof name, "campaign.%.*s@%.*s", BYTES_ARGS(campaign),
		       BYTES_ARGS(tenant));
	return party_named(turns, name, limits);
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
	line->by_tenant = tenant_party(turns, line->tenant, &of_tenant);
	line->by_campaign = campaign_party(turns, line->campaign, line->tenant, &of_campaign);
}

static struct line *line_new(struct turns *turns, const struct transaction *transaction)
{
	struct line *line = memory_new(sizeof *line);
	struct bytes tenant = transaction->tenant, campaign = transaction->campaign;
	line->is_urgent = transaction->is_urgent;
	line->tenant = copy(tenant);
	line->campaign = copy(campaign);
	line->guest = guest_take(turns->options.guests, tenant);
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
	guest_give(&line->guest);
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

/* ---- taking one ---- */

struct transaction *line_take(struct turns *turns, struct line *line)
{
	struct transaction *transaction = TAILQ_FIRST(&line->waiting);
	TAILQ_REMOVE(&turns->lines, line, next);
	TAILQ_INSERT_TAIL(&turns->lines, line, next);
	turns_remove(turns, transaction);
	return transaction;
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
	return line ? line_take(turns, line) : NULL;
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
