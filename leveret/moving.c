/* See moving.h. */
#include "leveret/moving.h"

#include <string.h>

static const char *const exchange_names[] = {
	[EXCHANGE_SUBMIT] = "submit",	[EXCHANGE_DELIVER] = "deliver",
	[EXCHANGE_RESULTS] = "results", [EXCHANGE_INBOUND] = "inbound",
	[EXCHANGE_BURIED] = "buried",	[EXCHANGE_REFUSED] = "refused",
	[EXCHANGE_EVENTS] = "events",
};

/* Where the messages of a queue came from. Those of "lost", and those that wait, say it themselves. */
static const struct {
	const char *start; /* of the queue's name */
	enum exchange exchange;
	bool is_told_by_lease;
} ways[] = {
	{"deliver.", EXCHANGE_DELIVER, false},
	{"submit.", EXCHANGE_SUBMIT, false},
	{QUEUE_BOUNCER_RESULTS, EXCHANGE_RESULTS, false},
	{QUEUE_BOUNCER_DIRECTIVES, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_DSN, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_FBL, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_UNSUB, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_MAIL, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_UNKNOWN, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_REPORTS, EXCHANGE_INBOUND, false},
	{QUEUE_BOUNCER_TLS, EXCHANGE_INBOUND, false},
	{QUEUE_BURIED, EXCHANGE_BURIED, false},
	{QUEUE_REFUSED, EXCHANGE_REFUSED, false},
	{QUEUE_LOST, EXCHANGE_DELIVER, true},
};
#define WAY_COUNT (sizeof ways / sizeof ways[0])

static bool fits(const char *queue, const char *start)
{
	size_t len = strlen(start);
	return start[len - 1] == '.' ? strncmp(queue, start, len) == 0 : strcmp(queue, start) == 0;
}

bool moving_takes(const char *queue)
{
	for (size_t i = 0; i < WAY_COUNT; i++)
		if (fits(queue, ways[i].start))
			return true;
	return queue_is_waiting(queue);
}

static enum err find_exchange(const char *queue, const struct lease *lease, enum exchange *ret)
{
	for (size_t i = 0; i < WAY_COUNT; i++) {
		if (!fits(queue, ways[i].start))
			continue;
		*ret = ways[i].is_told_by_lease ? lease_exchange(lease) : ways[i].exchange;
		return OK;
	}
	if (!queue_is_waiting(queue))
		return E_NOT_FOUND;
	*ret = lease_exchange(lease);
	return OK;
}

enum err moving_record(const char *queue, const struct lease *lease, struct backlog_record *ret)
{
	enum exchange exchange = EXCHANGE_DELIVER;
	enum err err = find_exchange(queue, lease, &exchange);
	if (err)
		return err;
	*ret = (struct backlog_record){
		.not_before_wall_ms = lease_not_before_wall_ms(lease),
		.exchange = bytes_of(exchange_names[exchange]),
		.key = bytes_of(lease_key(lease)),
		.message_id = bytes_of(lease_message_id(lease)),
		.content_type = bytes_of(lease_content_type(lease)),
		.content_encoding = bytes_of(lease_content_encoding(lease)),
		.reason = bytes_of(lease_reason(lease)),
		.queue = bytes_of(queue),
		.body = lease_body(lease),
	};
	return OK;
}

static const char *text(struct arena *arena, struct bytes b)
{
	return b.len > 0 ? arena_cstr(arena, b) : NULL;
}

enum err moving_publication(struct arena *arena, const struct backlog_record *record,
			    struct publication *ret, struct why *why)
{
	for (size_t i = 0; i < sizeof exchange_names / sizeof exchange_names[0]; i++) {
		if (!bytes_is(record->exchange, exchange_names[i]))
			continue;
		*ret = (struct publication){
			.exchange = (enum exchange)i,
			.key = arena_cstr(arena, record->key),
			.message_id = text(arena, record->message_id),
			/* "" is kept: for NULL the engine would put a type of its own */
			.content_type = arena_cstr(arena, record->content_type),
			.content_encoding = text(arena, record->content_encoding),
			.reason = text(arena, record->reason),
			.head = record->body,
			.not_before_wall_ms =
				i == EXCHANGE_DELIVER ? record->not_before_wall_ms : 0,
		};
		return OK;
	}
	return fail(why, E_MALFORMED, "a message for an exchange that is not known here");
}
