/* Every part is measured before one is kept, and the largest goes first: whether it is too big only the broker can tell. */
#include "ingest/parts.h"

#include <assert.h>
#include <stdio.h>

#define LARGE_BYTES  ((uint64_t)1 << 20)
#define RECEIVED_MAX 4096

static enum exchange exchange_of(enum fate fate)
{
	if (fate == FATE_INBOUND)
		return EXCHANGE_INBOUND;
	return fate == FATE_DELIVER ? EXCHANGE_DELIVER : EXCHANGE_RESULTS;
}

static bool has_content(enum fate fate)
{
	return fate == FATE_DELIVER || fate == FATE_INBOUND;
}

enum err parts_encode(const struct parts *parts, const struct part *part, struct buf *out)
{
	return encode_group(parts->mail, part->group, buf_bytes(&parts->received), parts->hostname,
			    out);
}

/* Urgent mail has a queue of its own where its pool says so. */
static void choose_key(const struct parts *parts, const struct group *group,
		       char out[ENCODING_KEY_SIZE])
{
	const struct destination *first = group->destinations;
	char word[ROUTING_NAME_MAX + 1];
	encode_key(group, out);
	if (first->fate != FATE_DELIVER || parts->mail->wishes.priority < ROUTING_URGENT_PRIORITY)
		return;
	const struct pool_settings *pool = routing_pool(parts->routing, first->pool);
	if (pool && routing_pool_word(pool, true, word) && mail_fits_key(word, first->site))
		(void)snprintf(out, ENCODING_KEY_SIZE, "%s.%s", word, first->site);
}

struct publication part_publication(const struct parts *parts, const struct part *part,
				    char key[ENCODING_KEY_SIZE])
{
	enum fate fate = part->group->destinations->fate;
	choose_key(parts, part->group, key);
	return (struct publication){
		.exchange = exchange_of(fate),
		.key = key,
		.message_id = parts->mail->id,
		.tail = has_content(fate) ? parts->mail->content : NULL,
		.not_before_wall_ms = fate == FATE_DELIVER ? parts->mail->not_before_wall_ms : 0,
	};
}

static enum err measure_part(const struct parts *parts, const struct part *part,
			     uint64_t *ret_bytes)
{
	struct buf head;
	buf_init(&head, ENCODING_HEAD_MAX);
	enum err err = parts_encode(parts, part, &head);
	*ret_bytes = head.len;
	if (has_content(part->group->destinations->fate))
		*ret_bytes += blob_size(parts->mail->content);
	buf_done(&head);
	return err;
}

static enum err measure(struct parts *parts)
{
	uint64_t largest_bytes = 0, bytes = 0;
	size_t largest = 0;
	enum err err = OK;
	for (size_t i = 0; i < parts->count && err == OK; i++) {
		err = measure_part(parts, &parts->items[i], &bytes);
		if (bytes > largest_bytes) {
			largest_bytes = bytes;
			largest = i;
		}
	}
	parts->has_large = largest_bytes >= LARGE_BYTES;
	if (parts->has_large) {
		struct part part = parts->items[largest];
		parts->items[largest] = parts->items[0];
		parts->items[0] = part;
	}
	return err;
}

enum err parts_cut(struct mail *mail, const char *hostname, const struct routing *routing,
		   void *owner, struct parts *ret)
{
	const struct group *groups;
	*ret = (struct parts){.mail = mail, .hostname = hostname, .routing = routing};
	ret->count = grouping_cut(mail, &groups);
	ret->items = arena_zalloc(mail->arena, ret->count, sizeof *ret->items);
	for (size_t i = 0; i < ret->count; i++)
		ret->items[i] = (struct part){.group = &groups[i], .owner = owner};
	buf_init(&ret->received, RECEIVED_MAX);
	enum err err = encode_received(mail, hostname, &ret->received);
	assert(err == OK); /* the field has an upper bound below that of its buffer */
	return err == OK && ret->count > 1 ? measure(ret) : err;
}

void parts_done(struct parts *parts)
{
	buf_done(&parts->received);
}
