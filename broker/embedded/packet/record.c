/* Records: see record.h for their bytes. Written in one go into an allocation of the right size, and parsed in place. */
#include "broker/embedded/packet/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/little.h"

#define RECORD_VERSION 1
#define TEXT_COUNT     5
#define HEAD_SIZE      (1 + 1 + 2 + 8 + 8 + 8 + 2 * TEXT_COUNT)

void body_path(const char *directory, uint64_t file, char out[BODY_PATH_MAX])
{
	(void)snprintf(out, BODY_PATH_MAX, "%s/bodies/%016" PRIx64, directory, file);
}

/* ---- writing ---- */

static enum err measure(const char *const *texts, size_t *ret_len, size_t lens[TEXT_COUNT])
{
	size_t total = 0;
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		lens[i] = texts[i] ? strlen(texts[i]) : 0;
		if (lens[i] > RECORD_TEXT_MAX)
			return E_TOO_BIG;
		total += lens[i] + 1;
	}
	*ret_len = total;
	return OK;
}

static uint8_t *put_head(uint8_t *at, const struct record *record, const size_t lens[TEXT_COUNT])
{
	*at++ = RECORD_VERSION;
	*at++ = (uint8_t)record->exchange;
	at = little_put16(at, 0);
	at = little_put64(at, (uint64_t)record->since_wall_ms);
	at = little_put64(at, record->file);
	at = little_put64(at, record->body_size);
	for (size_t i = 0; i < TEXT_COUNT; i++)
		at = little_put16(at, (uint16_t)lens[i]);
	return at;
}

static uint8_t *put_bytes(uint8_t *at, struct bytes b)
{
	if (b.len > 0)
		memcpy(at, b.data, b.len);
	return at + b.len;
}

enum err record_encode(const struct record *record, struct bytes tail, struct shared **ret)
{
	const char *const texts[TEXT_COUNT] = {record->key, record->message_id,
					       record->content_type, record->content_encoding,
					       record->reason};
	size_t body_len = record->body.len + tail.len;
	assert((unsigned)record->exchange <= EXCHANGE_EVENTS);
	assert(record->file == 0 ? record->body_size == body_len : body_len == 0);
	size_t lens[TEXT_COUNT], text_len = 0;
	enum err err = measure(texts, &text_len, lens);
	if (err != OK)
		return err;
	uint8_t *at;
	struct shared *shared = shared_new(HEAD_SIZE + text_len + body_len, &at);
	at = put_head(at, record, lens);
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		at = put_bytes(at, bytes_from(texts[i], lens[i]));
		*at++ = '\0';
	}
	at = put_bytes(at, record->body);
	(void)put_bytes(at, tail);
	*ret = shared;
	return OK;
}

/* ---- reading ---- */

/* Takes a text of `len` and its NUL from the front of `rest`. */
static enum err take_text(struct bytes *rest, size_t len, const char **ret)
{
	if (len > RECORD_TEXT_MAX || rest->len < len + 1 ||
	    memchr(rest->data, '\0', len + 1) != rest->data + len)
		return E_MALFORMED;
	*ret = (const char *)rest->data;
	*rest = bytes_skip(*rest, len + 1);
	return OK;
}

static enum err parse_texts(const uint8_t *lens, struct bytes *rest, struct record *record)
{
	const char **const texts[TEXT_COUNT] = {&record->key, &record->message_id,
						&record->content_type, &record->content_encoding,
						&record->reason};
	enum err err = OK;
	for (size_t i = 0; i < TEXT_COUNT && err == OK; i++)
		err = take_text(rest, little_get16(lens + 2 * i), texts[i]);
	return err;
}

enum err record_parse(struct bytes bytes, struct record *ret)
{
	if (bytes.len < HEAD_SIZE)
		return E_MALFORMED;
	const uint8_t *head = bytes.data;
	if (head[0] != RECORD_VERSION || head[1] > EXCHANGE_EVENTS || little_get16(head + 2) != 0)
		return E_MALFORMED;
	struct record record = {
		.exchange = (enum exchange)head[1],
		.since_wall_ms = (int64_t)little_get64(head + 4),
		.file = little_get64(head + 12),
		.body_size = little_get64(head + 20),
	};
	struct bytes rest = bytes_skip(bytes, HEAD_SIZE);
	enum err err = parse_texts(head + 28, &rest, &record);
	if (err != OK)
		return err;
	if (rest.len != (record.file == 0 ? record.body_size : 0))
		return E_MALFORMED;
	record.body = rest.len > 0 ? rest : BYTES_NONE;
	*ret = record;
	return OK;
}
