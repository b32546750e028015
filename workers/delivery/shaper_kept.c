/* Rows: "f" and the id of an entry: a word of lib/shaping/word.h behind the time at which it was written; "l", source and site: a lesson. In the
 * machine's own byte order: they never leave their host. */
#include "workers/delivery/shaper_kept.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/shaping/word.h"
#include "workers/delivery/shaper.h"

#define BATCH_MAX      (1u << 20)
#define ROW_MAX	       (sizeof(int64_t) + SHAPING_WORD_MAX)
#define SWEEP_MS       (60 * 60 * INT64_C(1000))
#define RATE_STEP      0.01 /* a rate that changed by less is not written again */
#define LESSON_VERSION 1

struct shaper_kept {
	struct loop *loop;
	struct store *store;
	int database;
	int64_t saved_ms, swept_ms;
	struct batch *batch; /* that is being filled; NULL */
};

struct lesson_row {
	uint32_t version;
	int64_t at_wall_ms;
	struct lesson lesson;
};

/* ---- rows on their way to the store ---- */

struct batch { /* one job; the store's thread has it until it is done */
	int database;
	struct buf rows; /* of each: struct row_head, key, value */
};
struct row_head {
	size_t key_len, value_len; /* value_len 0: take it out */
};

static enum err run(void *owner, struct store_txn *txn)
{
	const struct batch *batch = owner;
	struct bytes left = buf_bytes(&batch->rows);
	enum err err = OK;
	while (!err && left.len > 0) {
		struct row_head head;
		memcpy(&head, left.data, sizeof head);
		left = bytes_skip(left, sizeof head);
		struct bytes key = bytes_first(left, head.key_len);
		left = bytes_skip(left, head.key_len);
		err = head.value_len == 0 ? store_delete(txn, batch->database, key)
					  : store_put(txn, batch->database, key,
						      bytes_first(left, head.value_len));
		left = bytes_skip(left, head.value_len);
	}
	return err;
}

static void on_written(void *owner, enum err err)
{
	struct batch *batch = owner;
	if (err != OK)
		log_event(EV_store_failed, F_TEXT("what", SHAPING_DATABASE),
			  F_TEXT("reason", err_text(err)));
	buf_done(&batch->rows);
	free(batch);
}

static void flush(struct shaper_kept *kept)
{
	if (kept->batch)
		store_write(kept->store, run, kept->loop, on_written, kept->batch);
	kept->batch = NULL;
}

static void put(struct shaper_kept *kept, struct bytes key, struct bytes value)
{
	struct row_head head = {key.len, value.len};
	if (kept->batch && buf_room(&kept->batch->rows) < sizeof head + STORE_KEY_MAX + ROW_MAX)
		flush(kept);
	if (!kept->batch) {
		kept->batch = memory_new(sizeof *kept->batch);
		kept->batch->database = kept->database;
		buf_init(&kept->batch->rows, BATCH_MAX);
	}
	struct buf *rows = &kept->batch->rows;
	enum err err = buf_append(rows, bytes_from(&head, sizeof head));
	err = err ? err : buf_append(rows, key);
	err = err ? err : buf_append(rows, value);
	assert(err == OK); /* a batch has room for the longest */
}

static void read_rows(const struct shaper_kept *kept, const char *from,
		      bool (*each)(void *owner, struct bytes key, struct bytes value), void *owner)
{
	struct store_txn *txn = store_read_begin(kept->store);
	enum err err = store_each(txn, kept->database, bytes_of(from), each, owner);
	store_read_end(&txn);
	if (err)
		log_event(EV_store_failed, F_TEXT("what", SHAPING_DATABASE),
			  F_TEXT("reason", err_text(err)));
}

/* ---- what is in force ---- */

static struct bytes entry_key(uint64_t id, char out[24])
{
	return bytes_from(out, (size_t)snprintf(out, 24, "f%016llx", (unsigned long long)id));
}

static void save_entry(void *owner, const struct shaping_entry *entry)
{
	struct shaper_kept *kept = owner;
	struct shaping_fired fired;
	struct shaping_facts facts;
	struct buf value;
	char key[24];
	int64_t wall_ms = loop_wall_ms(kept->loop), now = loop_now_ms(kept->loop);
	if (entry->fired_ms < kept->saved_ms || entry->over_ms <= now)
		return;
	shaping_entry_again(entry, now, &fired, &facts);
	buf_init(&value, ROW_MAX);
	enum err err = buf_append(&value, bytes_from(&wall_ms, sizeof wall_ms));
	if (!err)
		err = shaping_word_write("", &fired, &facts, &value);
	if (!err)
		put(kept, entry_key(shaper_entry_id(entry), key), buf_bytes(&value));
	buf_done(&value);
}

struct loading {
	struct shaper_kept *kept;
	const struct shaping_rules *rules;
	struct shaping_force *force;
	struct shaping_word word;
	size_t count;
};

/* Its times are told from when it was written; a clock that was set back since makes that now. */
static bool read_entry(struct loading *loading, struct bytes value)
{
	int64_t written_wall_ms, now = loop_now_ms(loading->kept->loop);
	if (value.len < sizeof written_wall_ms)
		return false;
	memcpy(&written_wall_ms, value.data, sizeof written_wall_ms);
	int64_t age_ms = loop_wall_ms(loading->kept->loop) - written_wall_ms;
	struct shaping_word *word = &loading->word;
	if (!shaping_word_read(bytes_skip(value, sizeof written_wall_ms),
			       now - (age_ms > 0 ? age_ms : 0), word))
		return false;
	bool goes_back = shaping_action_goes_back(word->fired.action);
	int64_t over_ms = word->fired.until_ms + (goes_back ? word->fired.period_ms : 0);
	return over_ms > now && shaping_rules_know(loading->rules, word->fired.rule);
}

static bool load_entry(void *owner, struct bytes key, struct bytes value)
{
	struct loading *loading = owner;
	if (key.data[0] != 'f')
		return false;
	loading->word.fired.is_own = true; /* its end is to be told, by whom is forgotten */
	if (!read_entry(loading, value))
		put(loading->kept, key, BYTES_NONE);
	else if (shaping_force_add(loading->force, &loading->word.fired, &loading->word.facts))
		loading->count++;
	return true;
}

void shaper_kept_load(struct shaper_kept *kept, const struct shaping_rules *rules,
		      struct shaping_force *force)
{
	struct loading *loading = memory_new(sizeof *loading);
	loading->kept = kept;
	loading->rules = rules;
	loading->force = force;
	read_rows(kept, "f", load_entry, loading);
	if (loading->count > 0)
		log_event(EV_shaping_resumed, F_INT("count", (int64_t)loading->count));
	flush(kept);
	free(loading);
}

void shaper_kept_drop(struct shaper_kept *kept, uint64_t id)
{
	char key[24];
	if (!kept)
		return;
	put(kept, entry_key(id, key), BYTES_NONE);
	flush(kept);
}

/* ---- what is learned ---- */

/* Empty: it is too long to be kept. */
static struct bytes lesson_key(const struct learned *learned, char out[STORE_KEY_MAX + 2])
{
	int len = snprintf(out, STORE_KEY_MAX + 2, "l%s %s", learned->source, learned->site);
	return len > STORE_KEY_MAX ? BYTES_NONE : bytes_from(out, (size_t)len);
}

static bool is_other_rate(double now, double before)
{
	return fabs(now - before) > RATE_STEP * before;
}

/* Also what is as it was, in time before it counts as old. */
static bool is_to_be_kept(const struct learned *learned, const struct lesson *now, int64_t now_ms)
{
	const struct lesson *kept = &learned->kept;
	bool is_used = learned->use_count > 0 || learned->used_at_ms >= learned->kept_at_ms;
	if (learned->kept_at_ms > 0 && is_used &&
	    now_ms - learned->kept_at_ms > LEARNED_KEPT_MS / 2)
		return true;
	return now->sessions != kept->sessions || now->ceiling != kept->ceiling ||
	       now->patience != kept->patience || is_other_rate(now->rate, kept->rate) ||
	       is_other_rate(now->rate_ceiling, kept->rate_ceiling);
}

static void save_lesson(void *owner, struct learned *learned)
{
	struct shaper_kept *kept = owner;
	char text[STORE_KEY_MAX + 2];
	struct lesson_row row;
	struct lesson lesson = learned_lesson(learned);
	int64_t now = loop_now_ms(kept->loop);
	if (!is_to_be_kept(learned, &lesson, now))
		return;
	struct bytes key = lesson_key(learned, text);
	memset(&row, 0, sizeof row);
	row.version = LESSON_VERSION;
	row.at_wall_ms = loop_wall_ms(kept->loop);
	row.lesson = lesson;
	if (key.len > 0)
		put(kept, key, bytes_from(&row, sizeof row));
	learned->kept = lesson;
	learned->kept_at_ms = now;
}

static bool read_lesson(const struct shaper_kept *kept, struct bytes value, struct lesson *ret)
{
	struct lesson_row row;
	if (value.len != sizeof row)
		return false;
	memcpy(&row, value.data, sizeof row);
	*ret = row.lesson;
	return row.version == LESSON_VERSION &&
	       loop_wall_ms(kept->loop) - row.at_wall_ms < LEARNED_KEPT_MS;
}

void shaper_kept_recall(struct shaper_kept *kept, struct learned *learned)
{
	char text[STORE_KEY_MAX + 2];
	struct lesson lesson;
	struct bytes value, key = lesson_key(learned, text);
	if (!kept || key.len == 0)
		return;
	struct store_txn *txn = store_read_begin(kept->store);
	if (store_get(txn, kept->database, key, &value) == OK &&
	    read_lesson(kept, value, &lesson)) {
		learned_resume(learned, &lesson, loop_now_ms(kept->loop));
		learned->kept = learned_lesson(learned);
	}
	store_read_end(&txn);
}

/* ---- both ---- */

static bool sweep_lesson(void *owner, struct bytes key, struct bytes value)
{
	struct shaper_kept *kept = owner;
	struct lesson lesson;
	if (!read_lesson(kept, value, &lesson))
		put(kept, key, BYTES_NONE);
	return true;
}

/* Nobody uses them any more, and no process may have been there to take them out. */
static void sweep(struct shaper_kept *kept)
{
	read_rows(kept, "l", sweep_lesson, kept);
	kept->swept_ms = loop_now_ms(kept->loop);
}

void shaper_kept_save(struct shaper_kept *kept, const struct shaping_force *force,
		      const struct learned_set *learned)
{
	if (!kept)
		return;
	int64_t now = loop_now_ms(kept->loop);
	if (now - kept->swept_ms >= SWEEP_MS)
		sweep(kept);
	shaping_force_each(force, NULL, save_entry, kept);
	learned_each(learned, save_lesson, kept);
	kept->saved_ms = now;
	flush(kept);
}

/* ---- birth and end ---- */

struct shaper_kept *shaper_kept_new(struct loop *loop, struct store *store)
{
	struct shaper_kept *kept = memory_new(sizeof *kept);
	kept->loop = loop;
	kept->store = store;
	kept->database = store_database(store, SHAPING_DATABASE);
	kept->saved_ms = loop_now_ms(loop);
	sweep(kept);
	return kept;
}

void shaper_kept_free(struct shaper_kept **kept)
{
	if (!*kept)
		return;
	flush(*kept);
	store_drain((*kept)->loop);
	free(*kept);
	*kept = NULL;
}
