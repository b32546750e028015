#include "bouncer/tlsreports/keep.h"

#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/little.h"
#include "lib/base/memory.h"
#include "lib/crypto/digest.h"

#define DIGEST_LEN     16
#define KIND_SIZE_MAX  ((size_t)64 << 10)
#define STATE_HEAD     29
#define STATE_SIZE_MAX (STATE_HEAD + TLS_RUA_MAX * TLS_RUA_SIZE)
#define FORGET_AT_ONCE 500
#define DAYS_BACK_MAX  2 /* a tally may be late */

void tls_keep_init(struct tls_keep *keep, struct store *store,
		   const struct tls_report_settings *settings)
{
	*keep = (struct tls_keep){
		.store = store,
		.tallies = store_database(store, "tls.tallies"),
		.reports = store_database(store, "tls.reports"),
		.batches = store_database(store, "tls.batches"),
		.settings = settings,
	};
}

int64_t tls_report_due_ms(const struct tls_report_settings *settings, uint32_t day,
			  struct bytes domain)
{
	uint64_t share = hash_bytes(hash_bytes(day, bytes_of(settings->from)), domain) >> 32;
	int64_t within = (int64_t)(share * (uint64_t)settings->spread >> 32);
	return ((int64_t)day + 1) * TLS_DAY_MS + settings->delay + within;
}

/* ---- keys ---- */

static uint8_t *put_day(uint8_t *out, uint32_t day) /* so that keys are in the order of days */
{
	for (int i = 0; i < 4; i++)
		*out++ = (uint8_t)(day >> (24 - 8 * i));
	return out;
}

static uint32_t day_of(struct bytes key)
{
	return (uint32_t)key.data[0] << 24 | (uint32_t)key.data[1] << 16 |
	       (uint32_t)key.data[2] << 8 | key.data[3];
}

size_t tls_report_key(uint32_t day, struct bytes domain, uint8_t out[TLS_REPORT_KEY_MAX])
{
	domain = bytes_first(domain, 255);
	(void)put_day(out, day);
	if (domain.len > 0)
		memcpy(out + 4, domain.data, domain.len);
	return 4 + domain.len;
}

bool tls_report_key_parse(struct bytes key, uint32_t *ret_day, struct bytes *ret_domain)
{
	if (key.len < 5)
		return false;
	*ret_day = day_of(key);
	*ret_domain = bytes_skip(key, 4);
	return true;
}

static size_t tally_key(uint32_t day, struct bytes domain, struct bytes kind,
			uint8_t out[TLS_REPORT_KEY_MAX])
{
	size_t len = tls_report_key(day, domain, out);
	struct digest digest = digest_of(kind);
	out[len++] = '\0';
	memcpy(out + len, &digest, DIGEST_LEN);
	return len + DIGEST_LEN;
}

/* ---- how far a report is ---- */

bool tls_report_state_parse(struct bytes value, struct tls_report_state *ret)
{
	*ret = (struct tls_report_state){0};
	if (value.len < STATE_HEAD)
		return false;
	ret->first_wall_ms = (int64_t)little_get64(value.data);
	ret->next_wall_ms = (int64_t)little_get64(value.data + 8);
	ret->tries = little_get32(value.data + 16);
	ret->kinds = little_get32(value.data + 20);
	ret->done = little_get32(value.data + 24);
	ret->is_closed = value.data[28] != 0;
	struct bytes rest = bytes_skip(value, STATE_HEAD);
	while (rest.len > 0 && ret->ruas.count < TLS_RUA_MAX) {
		ptrdiff_t end = bytes_find(rest, 0);
		if (end < 0 || !bytes_to_cstr(bytes_first(rest, (size_t)end),
					      ret->ruas.uris[ret->ruas.count], TLS_RUA_SIZE))
			return false;
		ret->ruas.count++;
		rest = bytes_skip(rest, (size_t)end + 1);
	}
	return rest.len == 0;
}

enum err tls_report_state_read(struct store_txn *txn, const struct tls_keep *keep, struct bytes key,
			       struct tls_report_state *ret)
{
	struct bytes value;
	enum err err = store_get(txn, keep->reports, key, &value);
	if (!err && !tls_report_state_parse(value, ret))
		err = E_MALFORMED;
	return err;
}

enum err tls_report_state_write(struct store_txn *txn, const struct tls_keep *keep,
				struct bytes key, const struct tls_report_state *state)
{
	uint8_t value[STATE_SIZE_MAX];
	uint8_t *at = little_put64(value, (uint64_t)state->first_wall_ms);
	at = little_put64(at, (uint64_t)state->next_wall_ms);
	at = little_put32(at, state->tries);
	at = little_put32(at, state->kinds);
	at = little_put32(at, state->done);
	*at++ = state->is_closed;
	for (size_t i = 0; i < state->ruas.count; i++) {
		size_t size = strlen(state->ruas.uris[i]) + 1;
		memcpy(at, state->ruas.uris[i], size);
		at += size;
	}
	return store_put(txn, keep->reports, key, bytes_from(value, (size_t)(at - value)));
}

/* The addresses of the last tally count, as long as nothing was sent to those before. */
static void take_ruas(struct tls_report_state *state, const struct tls_tally *tally)
{
	if (state->done)
		return;
	state->ruas.count = 0;
	for (size_t i = 0; i < tally->rua_count && state->ruas.count < TLS_RUA_MAX; i++)
		if (bytes_to_cstr(tally->ruas[i], state->ruas.uris[state->ruas.count],
				  TLS_RUA_SIZE))
			state->ruas.count++;
}

/* ---- counting ---- */

static enum err put_count(struct store_txn *txn, const struct tls_keep *keep, struct bytes key,
			  struct bytes kind, uint64_t count)
{
	uint8_t *value = memory_new(8 + kind.len);
	memcpy(little_put64(value, count), kind.data, kind.len);
	enum err err = store_put(txn, keep->tallies, key, bytes_from(value, 8 + kind.len));
	free(value);
	return err;
}

/* E_FULL: it is a kind of its own, and there is no room for one. */
static enum err add_kind(struct store_txn *txn, const struct tls_keep *keep,
			 const struct tls_tally *tally, bool has_room, uint32_t *kinds)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct bytes old;
	struct buf kind;
	buf_init(&kind, KIND_SIZE_MAX);
	enum err err = tls_tally_kind(tally, &kind);
	struct bytes at =
		bytes_from(key, tally_key(tally->day, tally->domain, buf_bytes(&kind), key));
	if (!err)
		err = store_get(txn, keep->tallies, at, &old);
	if (!err && old.len >= 8) {
		err = put_count(txn, keep, at, buf_bytes(&kind),
				little_get64(old.data) + tally->count);
	} else if (err == E_NOT_FOUND && has_room) {
		err = put_count(txn, keep, at, buf_bytes(&kind), tally->count);
		++*kinds;
	} else if (err == E_NOT_FOUND) {
		err = E_FULL;
	}
	buf_done(&kind);
	return err;
}

/* Without what tells hosts apart; of those there are few. */
static enum err add_others(struct store_txn *txn, const struct tls_keep *keep,
			   const struct tls_tally *tally, uint32_t *kinds)
{
	const struct tls_tally others = {
		.day = tally->day,
		.domain = tally->domain,
		.policy_type = tally->policy_type,
		.policy_domain = tally->policy_domain,
		.result = tally->result,
		.reason = tally->result == TLS_SUCCESS
				  ? BYTES_NONE
				  : BYTES("others: too many kinds to tell apart"),
		.count = tally->count,
	};
	return add_kind(txn, keep, &others, true, kinds);
}

static enum err add_one(struct store_txn *txn, const struct tls_keep *keep,
			const struct tls_tally *tally, struct tls_kept *kept)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct tls_report_state state = {0};
	struct bytes at = bytes_from(key, tls_report_key(tally->day, tally->domain, key));
	enum err err = tls_report_state_read(txn, keep, at, &state);
	if (err == E_NOT_FOUND && store_count(txn, keep->reports) >= TLS_DOMAINS_MAX) {
		kept->dropped++;
		return OK;
	}
	if (err == E_NOT_FOUND) {
		state.next_wall_ms = tls_report_due_ms(keep->settings, tally->day, tally->domain);
		err = OK;
	}
	if (err)
		return err;
	err = add_kind(txn, keep, tally, state.kinds < TLS_KINDS_MAX, &state.kinds);
	if (err == E_FULL) {
		kept->others++;
		err = add_others(txn, keep, tally, &state.kinds);
	} else if (state.is_closed) {
		kept->late++;
	} else {
		kept->counted++;
	}
	take_ruas(&state, tally);
	return err ? err : tls_report_state_write(txn, keep, at, &state);
}

enum err tls_keep_add(struct store_txn *txn, const struct tls_keep *keep,
		      const struct tls_tally_batch *batch, uint32_t today, struct tls_kept *ret)
{
	uint8_t key[4 + SCHEMA_ID_MAX];
	uint32_t day = batch->tallies[0].day; /* the same whenever it comes */
	struct bytes old, at;
	*ret = (struct tls_kept){0};
	memcpy(put_day(key, day), batch->id.data, batch->id.len);
	at = bytes_from(key, 4 + batch->id.len);
	enum err err = store_get(txn, keep->batches, at, &old);
	if (!err)
		ret->again = (unsigned)batch->count;
	if (err != E_NOT_FOUND)
		return err;
	err = store_put(txn, keep->batches, at, BYTES("1"));
	for (size_t i = 0; i < batch->count && !err; i++) {
		const struct tls_tally *tally = &batch->tallies[i];
		if (tally->day + DAYS_BACK_MAX < today || tally->day > today + 1)
			ret->dropped++;
		else
			err = add_one(txn, keep, tally, ret);
	}
	return err;
}

/* ---- forgetting ---- */

struct forgetting {
	uint32_t before;
	size_t count;
	struct {
		uint8_t bytes[STORE_KEY_MAX];
		size_t len;
	} keys[FORGET_AT_ONCE];
};

static bool note_old(void *owner, struct bytes key, struct bytes value)
{
	struct forgetting *forgetting = owner;
	(void)value;
	if (key.len >= 4 && day_of(key) >= forgetting->before)
		return false;
	memcpy(forgetting->keys[forgetting->count].bytes, key.data, key.len);
	forgetting->keys[forgetting->count].len = key.len;
	return ++forgetting->count < FORGET_AT_ONCE;
}

static enum err forget_in(struct store_txn *txn, int database, struct forgetting *forgetting)
{
	forgetting->count = 0;
	enum err err = store_each(txn, database, BYTES_NONE, note_old, forgetting);
	for (size_t i = 0; i < forgetting->count && !err; i++)
		err = store_delete(txn, database,
				   bytes_from(forgetting->keys[i].bytes, forgetting->keys[i].len));
	return err;
}

enum err tls_keep_forget(struct store_txn *txn, const struct tls_keep *keep, uint32_t before)
{
	struct forgetting *forgetting = memory_new(sizeof *forgetting);
	forgetting->before = before;
	enum err err = forget_in(txn, keep->tallies, forgetting);
	if (!err)
		err = forget_in(txn, keep->reports, forgetting);
	if (!err)
		err = forget_in(txn, keep->batches, forgetting);
	free(forgetting);
	return err;
}

/* ---- reading ---- */

struct reading {
	struct arena *arena;
	struct bytes prefix;
	struct tls_tally *tallies;
	size_t count, max;
	enum err err;
};

static bool read_one(void *owner, struct bytes key, struct bytes value)
{
	struct reading *reading = owner;
	if (key.len < reading->prefix.len || value.len < 8 ||
	    !bytes_equal(bytes_first(key, reading->prefix.len), reading->prefix) ||
	    reading->count == reading->max)
		return false;
	struct tls_tally *tally = &reading->tallies[reading->count];
	struct bytes kind = arena_copy(reading->arena, bytes_skip(value, 8));
	reading->err = tls_tally_decode(reading->arena, kind, tally, NULL);
	tally->count = little_get64(value.data);
	reading->count++;
	return reading->err == OK;
}

enum err tls_keep_read(struct store_txn *txn, const struct tls_keep *keep, uint32_t day,
		       struct bytes domain, struct arena *arena, struct tls_tally **ret,
		       size_t *ret_count)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	size_t len = tls_report_key(day, domain, key);
	key[len++] = '\0';
	struct reading reading = {
		.arena = arena,
		.prefix = bytes_from(key, len),
		.max = TLS_KINDS_MAX + TLS_POLICY_LAST * TLS_RESULT_COUNT,
	};
	reading.tallies = arena_zalloc(arena, reading.max, sizeof *reading.tallies);
	enum err err = store_each(txn, keep->tallies, reading.prefix, read_one, &reading);
	*ret = reading.tallies;
	*ret_count = reading.count;
	return err ? err : reading.err;
}
