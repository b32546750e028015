/* rows:  id            -> head: accepted, count, listed count, then texts with their lengths
 *        id + NUL      -> how many recipients' latest result is of which event, so that nobody has to go over them all
 *        id + address  -> event, attempt, then the result as a batch of one
 * order: accepted (big-endian), id -> nothing of interest: oldest first */
#include "ingest/trace_rows.h"

#include <endian.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/little.h"
#include "lib/crypto/digest.h"
#include "lib/mail/address.h"

#define HEAD_FIXED	 16
#define RESULT_FIXED	 8
#define RESULT_MAX	 8192
#define COUNTS_SIZE	 (4 * (RESULT_EVENT_LAST + 1))
#define ORDER_KEY_SIZE	 (8 + TRACE_ID_SIZE)
#define SWEEP_ROWS_MAX	 2000
#define ROW_KEY_MAX	 STORE_KEY_MAX
#define ADDRESS_ROOM_MAX (ROW_KEY_MAX - TRACE_ID_SIZE)

/* ---- names ---- */

static bool starts_with(struct bytes b, struct bytes start)
{
	return b.len >= start.len && memcmp(b.data, start.data, start.len) == 0;
}

struct trace_id trace_id_of(struct bytes tenant, struct bytes message)
{
	struct bytes parts[] = {tenant, message};
	struct digest digest = digest_of_parts(parts, 2);
	struct trace_id id;
	memcpy(id.bytes, digest.bytes, sizeof id.bytes);
	return id;
}

struct trace_rows trace_rows_of(const struct store *store)
{
	return (struct trace_rows){.rows = store_database(store, TRACE_ROWS_DATABASE),
				   .order = store_database(store, TRACE_ORDER_DATABASE)};
}

static struct bytes id_bytes(const struct trace_id *id)
{
	return bytes_from(id->bytes, sizeof id->bytes);
}

/* None: longer than any address. */
static struct bytes row_key(const struct trace_id *id, struct bytes address,
			    uint8_t out[ROW_KEY_MAX])
{
	if (address.len == 0 || address.len > ADDRESS_ROOM_MAX)
		return BYTES_NONE;
	memcpy(out, id->bytes, TRACE_ID_SIZE);
	memcpy(out + TRACE_ID_SIZE, address.data, address.len);
	return bytes_from(out, TRACE_ID_SIZE + address.len);
}

static struct bytes counts_key(const struct trace_id *id, uint8_t out[ROW_KEY_MAX])
{
	return row_key(id, bytes_from("", 1), out);
}

static struct bytes order_key(int64_t accepted_wall_ms, const struct trace_id *id,
			      uint8_t out[ORDER_KEY_SIZE])
{
	uint64_t big = htobe64((uint64_t)accepted_wall_ms);
	memcpy(out, &big, 8);
	memcpy(out + 8, id->bytes, TRACE_ID_SIZE);
	return bytes_from(out, ORDER_KEY_SIZE);
}

/* ---- heads ---- */

static uint8_t *put_text(uint8_t *at, struct bytes text)
{
	at = little_put16(at, (uint16_t)text.len);
	if (text.len > 0)
		memcpy(at, text.data, text.len);
	return at + text.len;
}

static struct bytes fitting(struct bytes text)
{
	return bytes_first(text, UINT16_MAX);
}

struct bytes trace_head_encode(struct arena *arena, const struct trace_head *head)
{
	size_t size = HEAD_FIXED + 4 + fitting(head->user).len + fitting(head->campaign).len;
	for (size_t i = 0; i < head->listed_count; i++)
		size += 2 + fitting(head->listed[i]).len;
	uint8_t *data = arena_alloc(arena, size);
	uint8_t *at = little_put64(data, (uint64_t)head->accepted_wall_ms);
	at = little_put32(at, (uint32_t)head->recipient_count);
	at = little_put32(at, (uint32_t)head->listed_count);
	at = put_text(put_text(at, fitting(head->user)), fitting(head->campaign));
	for (size_t i = 0; i < head->listed_count; i++)
		at = put_text(at, fitting(head->listed[i]));
	return bytes_from(data, size);
}

static bool take_text(struct bytes *rest, struct bytes *ret)
{
	if (rest->len < 2)
		return false;
	size_t len = little_get16(rest->data);
	*rest = bytes_skip(*rest, 2);
	if (rest->len < len)
		return false;
	*ret = bytes_first(*rest, len);
	*rest = bytes_skip(*rest, len);
	return true;
}

enum err trace_head_decode(struct arena *arena, struct bytes in, struct trace_head *ret)
{
	if (in.len < HEAD_FIXED)
		return E_MALFORMED;
	*ret = (struct trace_head){.accepted_wall_ms = (int64_t)little_get64(in.data),
				   .recipient_count = little_get32(in.data + 8),
				   .listed_count = little_get32(in.data + 12)};
	struct bytes rest = bytes_skip(in, HEAD_FIXED);
	if (ret->listed_count > TRACE_LISTED_MAX || !take_text(&rest, &ret->user) ||
	    !take_text(&rest, &ret->campaign))
		return E_MALFORMED;
	ret->listed = arena_zalloc(arena, ret->listed_count + 1, sizeof *ret->listed);
	for (size_t i = 0; i < ret->listed_count; i++)
		if (!take_text(&rest, &ret->listed[i]))
			return E_MALFORMED;
	return OK;
}

/* ---- writing ---- */

enum err trace_put_head(struct store_txn *txn, const struct trace_rows *rows,
			const struct trace_id *id, int64_t accepted_wall_ms, struct bytes head)
{
	uint8_t key[ORDER_KEY_SIZE];
	struct bytes stored;
	enum err err = store_get(txn, rows->rows, id_bytes(id), &stored);
	if (err != E_NOT_FOUND)
		return err;
	static const uint8_t none[COUNTS_SIZE];
	uint8_t counts[ROW_KEY_MAX];
	err = store_put(txn, rows->rows, id_bytes(id), head);
	if (!err)
		err = store_put(txn, rows->rows, counts_key(id, counts),
				bytes_from(none, sizeof none));
	return err ? err
		   : store_put(txn, rows->order, order_key(accepted_wall_ms, id, key), BYTES("."));
}

/* Ids of a recipient are the message's with ".1", ".2" and so on behind. */
static struct bytes without_number(struct bytes id)
{
	size_t len = id.len;
	while (len > 0 && ascii_is_digit(id.data[len - 1]))
		len--;
	return len > 0 && len < id.len && id.data[len - 1] == '.' ? bytes_first(id, len - 1)
								  : BYTES_NONE;
}

static enum err find_message(struct store_txn *txn, const struct trace_rows *rows,
			     const struct result *result, struct trace_id *ret)
{
	struct bytes ids[] = {result->id, without_number(result->id)}, stored;
	enum err err = E_NOT_FOUND;
	for (size_t i = 0; i < 2 && err == E_NOT_FOUND && ids[i].len > 0; i++) {
		*ret = trace_id_of(result->labels.tenant, ids[i]);
		err = store_get(txn, rows->rows, id_bytes(ret), &stored);
	}
	return err;
}

static bool is_later(const struct result *result, struct bytes stored)
{
	if (stored.len < RESULT_FIXED)
		return true;
	uint32_t event = little_get32(stored.data), attempt = little_get32(stored.data + 4);
	return result->attempt > attempt ||
	       (result->attempt == attempt && event == RESULT_DEFERRED);
}

/* Only what is told of it. */
static enum err encode_result(const struct result *result, struct buf *out)
{
	struct result kept = *result;
	uint8_t fixed[RESULT_FIXED];
	kept.labels = (struct labels){0};
	kept.sender = kept.worker = BYTES_NONE;
	struct result_batch batch = {&kept, 1};
	(void)little_put32(little_put32(fixed, (uint32_t)kept.event), kept.attempt);
	enum err err = buf_append(out, bytes_from(fixed, sizeof fixed));
	return err ? err : result_batch_encode(&batch, out);
}

/* One more of an event, and one less of that before it (0: none). */
static enum err count(struct store_txn *txn, const struct trace_rows *rows,
		      const struct trace_id *id, uint32_t before, uint32_t event)
{
	struct bytes stored;
	uint8_t key[ROW_KEY_MAX], counts[COUNTS_SIZE];
	struct bytes name = counts_key(id, key);
	enum err err = store_get(txn, rows->rows, name, &stored);
	if (err || stored.len != COUNTS_SIZE || event > RESULT_EVENT_LAST)
		return err == E_NOT_FOUND ? OK : err;
	memcpy(counts, stored.data, COUNTS_SIZE);
	uint32_t less = before <= RESULT_EVENT_LAST ? little_get32(counts + 4 * before) : 0;
	if (before != 0 && less > 0)
		(void)little_put32(counts + 4 * before, less - 1);
	(void)little_put32(counts + 4 * event, little_get32(counts + 4 * event) + 1);
	return store_put(txn, rows->rows, name, bytes_from(counts, COUNTS_SIZE));
}

static enum err put_latest(struct store_txn *txn, const struct trace_rows *rows,
			   const struct trace_id *id, struct bytes key, uint32_t before,
			   const struct result *result)
{
	struct buf value;
	enum err err = OK;
	buf_init(&value, RESULT_MAX);
	if (encode_result(result, &value) ==
	    OK) { /* else longer than ours are: not worth a place */
		err = store_put(txn, rows->rows, key, buf_bytes(&value));
		if (!err)
			err = count(txn, rows, id, before, (uint32_t)result->event);
	}
	buf_done(&value);
	return err;
}

enum err trace_put_result(struct store_txn *txn, const struct trace_rows *rows,
			  const struct result *result)
{
	struct trace_id id;
	struct bytes stored;
	uint32_t before = 0;
	uint8_t out[ROW_KEY_MAX];
	enum err err = find_message(txn, rows, result, &id);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	struct bytes key = row_key(&id, result->recipient, out);
	if (key.len == 0)
		return OK;
	err = store_get(txn, rows->rows, key, &stored);
	if (err && err != E_NOT_FOUND)
		return err;
	if (!err && !is_later(result, stored))
		return OK;
	if (!err && stored.len >= RESULT_FIXED)
		before = little_get32(stored.data);
	return put_latest(txn, rows, &id, key, before, result);
}

/* ---- the sweep ---- */

struct keys {
	struct arena *arena;
	struct bytes id; /* all begin with it */
	struct bytes keys[SWEEP_ROWS_MAX];
	size_t count;
	bool is_cut;
};

static bool note_key(void *owner, struct bytes key, struct bytes value)
{
	struct keys *keys = owner;
	(void)value;
	if (!starts_with(key, keys->id))
		return false;
	keys->is_cut = keys->count == SWEEP_ROWS_MAX;
	if (!keys->is_cut)
		keys->keys[keys->count++] = arena_copy(keys->arena, key);
	return !keys->is_cut;
}

/* The rows of a message; its place in the order goes last. */
static enum err drop_message(struct store_txn *txn, const struct trace_rows *rows,
			     struct bytes order, size_t *dropped_count)
{
	struct keys *keys;
	struct arena *arena = arena_new();
	keys = arena_zalloc(arena, 1, sizeof *keys);
	keys->arena = arena;
	struct bytes place = arena_copy(arena, order);
	keys->id = bytes_skip(place, 8);
	enum err err = store_each(txn, rows->rows, keys->id, note_key, keys);
	for (size_t i = 0; i < keys->count && !err; i++)
		err = store_delete(txn, rows->rows, keys->keys[i]);
	if (!err && !keys->is_cut)
		err = store_delete(txn, rows->order, place);
	*dropped_count += keys->count + 1;
	arena_free(&arena);
	return err;
}

struct oldest {
	uint8_t key[ORDER_KEY_SIZE];
	bool is_there;
	int64_t accepted_wall_ms;
};

static bool note_oldest(void *owner, struct bytes key, struct bytes value)
{
	struct oldest *oldest = owner;
	uint64_t big;
	(void)value;
	if (key.len != ORDER_KEY_SIZE)
		return true;
	memcpy(oldest->key, key.data, key.len);
	memcpy(&big, key.data, 8);
	oldest->accepted_wall_ms = (int64_t)be64toh(big);
	oldest->is_there = true;
	return false;
}

enum err trace_sweep(struct store_txn *txn, const struct trace_rows *rows, int64_t before_wall_ms,
		     uint64_t rows_max, bool *ret_is_over)
{
	size_t dropped_count = 0;
	enum err err = OK;
	*ret_is_over = false;
	while (!err && dropped_count < SWEEP_ROWS_MAX) {
		struct oldest oldest = {.is_there = false};
		err = store_each(txn, rows->order, BYTES_NONE, note_oldest, &oldest);
		if (err)
			break;
		*ret_is_over = !oldest.is_there || (oldest.accepted_wall_ms >= before_wall_ms &&
						    store_count(txn, rows->rows) <= rows_max);
		if (*ret_is_over)
			break;
		err = drop_message(txn, rows, bytes_from(oldest.key, ORDER_KEY_SIZE),
				   &dropped_count);
	}
	return err;
}

/* ---- reading ---- */

static void read_counts(struct store_txn *txn, const struct trace_rows *rows,
			const struct trace_id *id, struct trace *trace)
{
	uint8_t key[ROW_KEY_MAX];
	struct bytes stored;
	if (store_get(txn, rows->rows, counts_key(id, key), &stored) != OK ||
	    stored.len != COUNTS_SIZE)
		return;
	for (size_t event = 0; event <= RESULT_EVENT_LAST; event++)
		trace->event_counts[event] = little_get32(stored.data + 4 * event);
}

static void read_latest(struct store_txn *txn, const struct trace_rows *rows,
			const struct trace_id *id, struct arena *arena, struct bytes address,
			struct result *ret)
{
	uint8_t out[ROW_KEY_MAX];
	struct bytes key = row_key(id, address, out), stored;
	struct result_batch batch;
	if (key.len == 0 || store_get(txn, rows->rows, key, &stored) != OK ||
	    stored.len < RESULT_FIXED)
		return;
	struct bytes encoded = arena_copy(arena, bytes_skip(stored, RESULT_FIXED));
	if (result_batch_decode(arena, encoded, &batch, NULL) == OK)
		*ret = batch.results[0];
}

enum err trace_read(struct store_txn *txn, const struct trace_rows *rows, const struct trace_id *id,
		    struct arena *arena, struct trace *ret)
{
	struct bytes stored;
	*ret = (struct trace){.latest = NULL};
	enum err err = store_get(txn, rows->rows, id_bytes(id), &stored);
	if (err)
		return err;
	if (trace_head_decode(arena, arena_copy(arena, stored), &ret->head))
		return E_IO;
	read_counts(txn, rows, id, ret);
	ret->latest = arena_zalloc(arena, ret->head.listed_count + 1, sizeof *ret->latest);
	for (size_t i = 0; i < ret->head.listed_count; i++)
		read_latest(txn, rows, id, arena, ret->head.listed[i], &ret->latest[i]);
	return OK;
}
