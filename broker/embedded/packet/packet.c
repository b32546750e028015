/* Packets: their life, their queues, and their bytes on the socket (packet.h). */
#include "broker/embedded/packet/packet.h"

#include <assert.h>
#include <string.h>

#include "lib/base/little.h"
#include "lib/base/memory.h"

#define SIZE_LEN 4
#define NO_TEXT	 0xffff
/* kind, tag, values; the two texts' lengths come behind. */
#define HEAD_LEN (1 + 8 + 4 * 8)
#define BODY_MIN (HEAD_LEN + 2 + 2)

struct packet *packet_new(enum packet_kind kind, uint64_t tag)
{
	struct packet *packet = memory_new(sizeof *packet);
	packet->kind = kind;
	packet->tag = tag;
	return packet;
}

void packet_free(struct packet **packet)
{
	if (!*packet)
		return;
	free((*packet)->text);
	free((*packet)->more);
	shared_unref(&(*packet)->record);
	free(*packet);
	*packet = NULL;
}

/* ---- queues ---- */

void packets_init(struct packets *packets)
{
	*packets = (struct packets){.end = &packets->first};
}

void packets_add(struct packets *packets, struct packet *packet)
{
	packet->next = NULL;
	*packets->end = packet;
	packets->end = &packet->next;
	packets->count++;
}

struct packet *packets_take(struct packets *packets)
{
	struct packet *packet = packets->first;
	if (!packet)
		return NULL;
	packets->first = packet->next;
	if (!packets->first)
		packets->end = &packets->first;
	packets->count--;
	packet->next = NULL;
	return packet;
}

void packets_move_all(struct packets *from, struct packets *to)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	to->count += from->count;
	packets_init(from);
}

void packets_free_all(struct packets *packets)
{
	for (struct packet *packet; (packet = packets_take(packets));)
		packet_free(&packet);
}

/* ---- writing ---- */

static size_t text_size(const char *text)
{
	return 2 + (text ? strlen(text) : 0);
}

size_t packet_size(const struct packet *packet)
{
	return SIZE_LEN + HEAD_LEN + text_size(packet->text) + text_size(packet->more) +
	       shared_bytes(packet->record).len;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
	if (!text)
		return little_put16(at, NO_TEXT);
	size_t len = strlen(text);
	at = little_put16(at, (uint16_t)len);
	memcpy(at, text, len);
	return at + len;
}

enum err packet_write(const struct packet *packet, struct buf *out)
{
	assert(packet->kind >= PACKET_HELLO && packet->kind < PACKET_KIND_COUNT);
	size_t size = packet_size(packet);
	if (size > PACKET_SIZE_MAX || text_size(packet->text) > 2 + PACKET_TEXT_MAX ||
	    text_size(packet->more) > 2 + PACKET_TEXT_MAX)
		return E_TOO_BIG;
	if (size > buf_room(out))
		return E_FULL;
	uint8_t *at = buf_reserve(out, size);
	at = little_put32(at, (uint32_t)(size - SIZE_LEN));
	*at++ = (uint8_t)packet->kind;
	at = little_put64(at, packet->tag);
	for (size_t i = 0; i < 4; i++)
		at = little_put64(at, (uint64_t)packet->value[i]);
	at = put_text(at, packet->text);
	at = put_text(at, packet->more);
	struct bytes record = shared_bytes(packet->record);
	if (record.len > 0)
		memcpy(at, record.data, record.len);
	buf_commit(out, size);
	return OK;
}

/* ---- reading ---- */

/* Takes a text with its length from the front of `rest`. */
static enum err take_text(struct bytes *rest, char **ret)
{
	if (rest->len < 2)
		return E_MALFORMED;
	size_t len = little_get16(rest->data);
	*rest = bytes_skip(*rest, 2);
	if (len == NO_TEXT)
		return OK;
	if (len > PACKET_TEXT_MAX || len > rest->len ||
	    bytes_find(bytes_first(*rest, len), '\0') >= 0)
		return E_MALFORMED;
	char *text = memory_new(len + 1);
	if (len > 0)
		memcpy(text, rest->data, len);
	*ret = text;
	*rest = bytes_skip(*rest, len);
	return OK;
}

static enum err read_texts_and_record(struct bytes rest, struct packet *packet)
{
	enum err err = take_text(&rest, &packet->text);
	if (err == OK)
		err = take_text(&rest, &packet->more);
	if (err == OK && rest.len > 0)
		packet->record = shared_copy(rest);
	return err;
}

static enum err read_body(struct bytes body, struct packet **ret)
{
	const uint8_t *at = body.data;
	if (at[0] < PACKET_HELLO || at[0] >= PACKET_KIND_COUNT)
		return E_MALFORMED;
	struct packet *packet = packet_new((enum packet_kind)at[0], little_get64(at + 1));
	for (size_t i = 0; i < 4; i++)
		packet->value[i] = (int64_t)little_get64(at + 9 + 8 * i);
	enum err err = read_texts_and_record(bytes_skip(body, HEAD_LEN), packet);
	if (err == OK)
		*ret = packet;
	else
		packet_free(&packet);
	return err;
}

enum err packet_read(struct bytes in, struct packet **ret, size_t *ret_len)
{
	*ret_len = 0;
	if (in.len < SIZE_LEN)
		return E_NOT_FOUND;
	size_t size = little_get32(in.data);
	if (size < BODY_MIN || size > PACKET_SIZE_MAX - SIZE_LEN)
		return E_MALFORMED;
	struct bytes body = bytes_skip(in, SIZE_LEN);
	if (body.len < size)
		return E_NOT_FOUND;
	enum err err = read_body(bytes_first(body, size), ret);
	if (err == OK)
		*ret_len = SIZE_LEN + size;
	return err;
}
