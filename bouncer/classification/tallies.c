/* counted -> pending, in memory -- every two seconds --> one job: each added to its row -> told
 *
 * Rows of days that are long over are deleted, and of the unknown replies the rarest and oldest gives way, so both stay small. */
#include "bouncer/classification/tallies.h"

#include <string.h>
#include <uthash.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/little.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define WRITE_MS    2000
#define DAYS_KEPT   30
#define DAY_MS	    INT64_C(86400000)
#define KEY_MAX	    (6 + 64 + 1 + 64)
#define COUNTS_MAX  5000 /* of one batch; what is beyond is not counted by day */
#define UNKNOWN_NEW 50	 /* texts of one batch */
#define OLD_AT_ONCE 200
#define HEAD_BYTES  19 /* of an unknown row, before site and text */

struct tally {
	uint8_t key[KEY_MAX];
	size_t key_len;
	uint64_t count;
	UT_hash_handle hh;
};

struct unknown {
	uint8_t key[8];
	struct unknown_row row;
	uint8_t text[UNKNOWN_TEXT_MAX];
	char site[64];
	UT_hash_handle hh;
};

struct batch {
	struct tally *counts;
	struct unknown *unknowns;
};

struct tallies {
	struct loop *loop;
	struct store *store;
	const struct routing *routing;
	int counts, unknowns;
	struct timer *write;
	struct batch filling, writing;
	bool is_writing, is_ending;
	uint32_t today;
};

/* ---- rows ---- */

enum err tally_row_parse(struct bytes key, struct bytes value, struct tally_row *ret)
{
	if (key.len < 7 || value.len != 8 || key.data[4] >= CLASS_COUNT ||
	    key.data[5] > FAMILY_UNDETERMINED)
		return E_MALFORMED;
	struct bytes names = bytes_skip(key, 6);
	ptrdiff_t end = bytes_find(names, 0);
	if (end < 0)
		return E_MALFORMED;
	*ret = (struct tally_row){
		.day = (uint32_t)key.data[0] << 24 | (uint32_t)key.data[1] << 16 |
		       (uint32_t)key.data[2] << 8 | key.data[3],
		.class = (enum bounce_class)key.data[4],
		.family = (enum bounce_family)key.data[5],
		.site = bytes_first(names, (size_t)end),
		.source = bytes_skip(names, (size_t)end + 1),
		.count = little_get64(value.data),
	};
	return OK;
}

static void write_day(uint8_t *out, uint32_t day) /* so that keys are in the order of days */
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(day >> (24 - 8 * i));
}

enum err unknown_row_parse(struct bytes value, struct unknown_row *ret)
{
	if (value.len < HEAD_BYTES + 1 || value.data[18] >= CLASS_COUNT)
		return E_MALFORMED;
	struct bytes rest = bytes_skip(value, HEAD_BYTES);
	size_t site_len = rest.data[0];
	if (rest.len < 1 + site_len)
		return E_MALFORMED;
	*ret = (struct unknown_row){
		.count = little_get64(value.data),
		.first_s = little_get32(value.data + 8),
		.last_s = little_get32(value.data + 12),
		.code = little_get16(value.data + 16),
		.class = (enum bounce_class)value.data[18],
		.site = bytes_first(bytes_skip(rest, 1), site_len),
		.text = bytes_skip(rest, 1 + site_len),
	};
	return OK;
}

static size_t write_unknown(const struct unknown_row *row, uint8_t *out)
{
	uint8_t *at = little_put64(out, row->count);
	at = little_put32(at, row->first_s);
	at = little_put32(at, row->last_s);
	at = little_put16(at, row->code);
	*at++ = (uint8_t)row->class;
	*at++ = (uint8_t)row->site.len;
	memcpy(at, row->site.data, row->site.len);
	memcpy(at + row->site.len, row->text.data, row->text.len);
	return HEAD_BYTES + 1 + row->site.len + row->text.len;
}

/* ---- counting ---- */

static const char *site_label(const struct tallies *tallies, const struct result *result)
{
	char site[ROUTING_NAME_MAX + 1];
	if (!tallies->routing || !bytes_to_cstr(result->site, site, sizeof site))
		return "tail";
	const struct site_settings *settings = routing_site_settings(tallies->routing, site);
	return strcmp(settings->name, site) == 0 ? settings->name : "tail";
}

static const char *source_label(const struct tallies *tallies, const struct result *result)
{
	char source[ROUTING_NAME_MAX + 1];
	if (!tallies->routing || result->source.len == 0 ||
	    !bytes_to_cstr(result->source, source, sizeof source))
		return "other";
	const struct source_settings *settings = routing_source(tallies->routing, source);
	return settings ? settings->name : "other";
}

static size_t cut(const char *name)
{
	return strlen(name) < 64 ? strlen(name) : 64;
}

static void count_of_day(struct tallies *tallies, uint32_t day,
			 const struct bounce_verdict *verdict, const char *site, const char *source)
{
	uint8_t key[KEY_MAX] = {0};
	write_day(key, day);
	key[4] = (uint8_t)verdict->class;
	key[5] = (uint8_t)verdict->family;
	memcpy(key + 6, site, cut(site));
	memcpy(key + 7 + cut(site), source, cut(source));
	size_t key_len = 7 + cut(site) + cut(source);
	struct tally *tally = NULL;
	HASH_FIND(hh, tallies->filling.counts, key, key_len, tally);
	if (!tally) {
		if (HASH_COUNT(tallies->filling.counts) >= COUNTS_MAX)
			return;
		tally = memory_new(sizeof *tally);
		memcpy(tally->key, key, sizeof key);
		tally->key_len = key_len;
		HASH_ADD_KEYPTR(hh, tallies->filling.counts, tally->key, key_len, tally);
	}
	tally->count++;
}

static void count_unknown(struct tallies *tallies, const struct result *result,
			  const struct bounce_verdict *verdict, const char *site, uint32_t at_s)
{
	uint8_t text[UNKNOWN_TEXT_MAX], key[8];
	size_t len = unknown_text(result->text, text);
	struct unknown *unknown = NULL;
	little_put64(key, hash_bytes(HASH_START, bytes_from(text, len)));
	HASH_FIND(hh, tallies->filling.unknowns, key, sizeof key, unknown);
	if (!unknown) {
		if (HASH_COUNT(tallies->filling.unknowns) >= UNKNOWN_NEW)
			return;
		unknown = memory_new(sizeof *unknown);
		memcpy(unknown->key, key, sizeof key);
		memcpy(unknown->text, text, len);
		memcpy(unknown->site, site, cut(site));
		unknown->row.text = bytes_from(unknown->text, len);
		unknown->row.site = bytes_from(unknown->site, cut(site));
		unknown->row.first_s = at_s;
		HASH_ADD_KEYPTR(hh, tallies->filling.unknowns, unknown->key, sizeof key, unknown);
	}
	unknown->row.count++;
	unknown->row.last_s = at_s;
	unknown->row.code = (uint16_t)verdict->code;
	unknown->row.class = verdict->class;
}

void tallies_count(struct tallies *tallies, const struct result *result,
		   const struct bounce_verdict *verdict)
{
	const char *site = site_label(tallies, result), *source = source_label(tallies, result);
	const char *class = bounce_class_name(verdict->class);
	const char *hardness = bounce_family_name(verdict->family);
	int64_t now = loop_wall_ms(tallies->loop);
	const char *const by_site[] = {class, hardness, site};
	const char *const by_source[] = {class, hardness, source};
	metric_add(M_bounces_by_site_total, by_site, 1);
	metric_add(M_bounces_by_source_total, by_source, 1);
	count_of_day(tallies, (uint32_t)(now / DAY_MS), verdict, site, source);
	if (verdict_is_unknown(verdict) && result->text.len > 0)
		count_unknown(tallies, result, verdict, site, (uint32_t)(now / 1000));
	if (!timer_is_running(tallies->write) && !tallies->is_writing)
		timer_start(tallies->write, WRITE_MS);
}

/* ---- writing, on the store's thread ---- */

struct old_key {
	uint8_t before[4]; /* the first day that is kept */
	uint8_t key[KEY_MAX];
	size_t len;
};

/* The first key, when it is of a day before. */
static bool find_old(void *owner, struct bytes key, struct bytes value)
{
	struct old_key *old = owner;
	(void)value;
	if (key.len > KEY_MAX || key.len < sizeof old->before ||
	    memcmp(key.data, old->before, sizeof old->before) >= 0)
		return false;
	memcpy(old->key, key.data, key.len);
	old->len = key.len;
	return false;
}

/* A few of them each time. */
static enum err delete_old(const struct tallies *tallies, struct store_txn *txn)
{
	enum err err = OK;
	for (int i = 0; i < OLD_AT_ONCE && !err; i++) {
		struct old_key old = {.len = 0};
		write_day(old.before, tallies->today - DAYS_KEPT);
		err = store_each(txn, tallies->counts, BYTES_NONE, find_old, &old);
		if (err || old.len == 0)
			break;
		err = store_delete(txn, tallies->counts, bytes_from(old.key, old.len));
	}
	return err;
}

static enum err write_count(const struct tallies *tallies, const struct tally *tally,
			    struct store_txn *txn)
{
	struct bytes key = bytes_from(tally->key, tally->key_len), stored;
	uint8_t value[8];
	enum err err = store_get(txn, tallies->counts, key, &stored);
	if (err && err != E_NOT_FOUND)
		return err;
	uint64_t before = !err && stored.len == 8 ? little_get64(stored.data) : 0;
	little_put64(value, before + tally->count);
	return store_put(txn, tallies->counts, key, bytes_from(value, sizeof value));
}

struct rarest {
	uint8_t key[8];
	uint64_t count;
	uint32_t last_s;
	bool is_found;
};

static bool find_rarest(void *owner, struct bytes key, struct bytes value)
{
	struct rarest *rarest = owner;
	struct unknown_row row;
	if (key.len != sizeof rarest->key || unknown_row_parse(value, &row))
		return true;
	bool is_rarer = row.count < rarest->count ||
			(row.count == rarest->count && row.last_s < rarest->last_s);
	if (!rarest->is_found || is_rarer) {
		*rarest =
			(struct rarest){.count = row.count, .last_s = row.last_s, .is_found = true};
		memcpy(rarest->key, key.data, key.len);
	}
	return true;
}

static enum err make_room(const struct tallies *tallies, struct store_txn *txn)
{
	struct rarest rarest = {.is_found = false};
	if (store_count(txn, tallies->unknowns) < UNKNOWN_ROWS_MAX)
		return OK;
	enum err err = store_each(txn, tallies->unknowns, BYTES_NONE, find_rarest, &rarest);
	if (err || !rarest.is_found)
		return err;
	return store_delete(txn, tallies->unknowns, bytes_from(rarest.key, sizeof rarest.key));
}

static enum err write_unknown_row(const struct tallies *tallies, const struct unknown *unknown,
				  struct store_txn *txn)
{
	uint8_t value[HEAD_BYTES + 1 + 64 + UNKNOWN_TEXT_MAX];
	struct bytes key = bytes_from(unknown->key, sizeof unknown->key), stored;
	struct unknown_row row = unknown->row, before;
	enum err err = store_get(txn, tallies->unknowns, key, &stored);
	if (err == OK && unknown_row_parse(stored, &before) == OK) {
		row.count += before.count;
		row.first_s = before.first_s;
	} else if (err == E_NOT_FOUND) {
		err = make_room(tallies, txn);
	}
	if (err)
		return err;
	return store_put(txn, tallies->unknowns, key,
			 bytes_from(value, write_unknown(&row, value)));
}

static enum err write_batch(void *owner, struct store_txn *txn)
{
	struct tallies *tallies = owner;
	enum err err = delete_old(tallies, txn);
	for (struct tally *tally = tallies->writing.counts; tally && !err; tally = tally->hh.next)
		err = write_count(tallies, tally, txn);
	for (struct unknown *unknown = tallies->writing.unknowns; unknown && !err;
	     unknown = unknown->hh.next)
		err = write_unknown_row(tallies, unknown, txn);
	return err;
}

/* ---- one batch after the other ---- */

static void batch_clear(struct batch *batch)
{
	struct tally *tally, *next_tally;
	struct unknown *unknown, *next_unknown;
	HASH_ITER(hh, batch->counts, tally, next_tally)
	{
		HASH_DEL(batch->counts, tally);
		free(tally);
	}
	HASH_ITER(hh, batch->unknowns, unknown, next_unknown)
	{
		HASH_DEL(batch->unknowns, unknown);
		free(unknown);
	}
}

static void on_write(void *owner);

static void on_written(void *owner, enum err err)
{
	struct tallies *tallies = owner;
	if (err) /* figures, not mail: the bouncer goes on */
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	batch_clear(&tallies->writing);
	tallies->is_writing = false;
	bool has_more = tallies->filling.counts || tallies->filling.unknowns;
	if (has_more && tallies->is_ending)
		on_write(tallies);
	else if (has_more)
		timer_start(tallies->write, WRITE_MS);
}

static void on_write(void *owner)
{
	struct tallies *tallies = owner;
	tallies->writing = tallies->filling;
	tallies->filling = (struct batch){NULL, NULL};
	tallies->is_writing = true;
	tallies->today = (uint32_t)(loop_wall_ms(tallies->loop) / DAY_MS);
	store_write(tallies->store, write_batch, tallies->loop, on_written, tallies);
}

struct tallies *tallies_new(struct loop *loop, struct store *store, const struct routing *routing)
{
	struct tallies *tallies = memory_new(sizeof *tallies);
	tallies->loop = loop;
	tallies->store = store;
	tallies->routing = routing;
	tallies->counts = store_database(store, "bounce.counts");
	tallies->unknowns = store_database(store, "bounce.unknown");
	tallies->write = timer_new(loop, on_write, tallies);
	return tallies;
}

void tallies_free(struct tallies **tallies)
{
	struct tallies *freeing = *tallies;
	*tallies = NULL;
	if (!freeing)
		return;
	freeing->is_ending = true;
	if (!freeing->is_writing && (freeing->filling.counts || freeing->filling.unknowns))
		on_write(freeing);
	while (freeing->is_writing)
		store_drain(freeing->loop);
	timer_free(&freeing->write);
	free(freeing);
}
