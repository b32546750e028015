/* Rows of groups: at most some hundred in one job, so that the store's other writers are not kept waiting. */
#include "bouncer/alerts/alerts_inner.h"
#include "lib/base/little.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define WRITE_MS 3000
#define ROWS_MAX 500 /* of one job */

struct kept_row {
	uint8_t key[8];
	size_t len; /* 0: it goes */
	uint8_t value[ALERT_ROW_MAX];
};
struct keeping {
	struct alerts *alerts;
	size_t count;
	struct kept_row rows[ROWS_MAX];
};

/* ---- writing ---- */

static void fill(struct keeping *keeping)
{
	struct rates *rates = keeping->alerts->rates;
	struct alert_group *group;
	uint64_t gone;
	while (keeping->count < ROWS_MAX && rates_next_gone(rates, &gone)) {
		struct kept_row *row = &keeping->rows[keeping->count++];
		little_put64(row->key, gone);
		row->len = 0;
	}
	/* Behind the gone: who went and came again is there. */
	while (keeping->count < ROWS_MAX && (group = rates_next_touched(rates))) {
		struct kept_row *row = &keeping->rows[keeping->count++];
		little_put64(row->key, group->id);
		row->len = alert_row_write(group, row->value);
	}
}

/* On the store's thread. */
static enum err write_rows(void *owner, struct store_txn *txn)
{
	const struct keeping *keeping = owner;
	enum err err = OK;
	for (size_t i = 0; i < keeping->count && !err; i++) {
		const struct kept_row *row = &keeping->rows[i];
		struct bytes key = bytes_from(row->key, sizeof row->key);
		int database = keeping->alerts->database;
		err = row->len == 0
			      ? store_delete(txn, database, key)
			      : store_put(txn, database, key, bytes_from(row->value, row->len));
	}
	return err;
}

static void on_write(void *owner);

static void on_written(void *owner, enum err err)
{
	struct keeping *keeping = owner;
	struct alerts *alerts = keeping->alerts;
	bool is_full = keeping->count == ROWS_MAX;
	if (err) /* counts, not mail: the bouncer goes on */
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	free(keeping);
	alerts->keeping = NULL;
	if (alerts->is_ending)
		on_write(alerts);
	else if (is_full)
		timer_start(alerts->write, 0);
}

static void on_write(void *owner)
{
	struct alerts *alerts = owner;
	if (alerts->keeping)
		return; /* what changed since is written with the next */
	struct keeping *keeping = memory_new(sizeof *keeping);
	keeping->alerts = alerts;
	fill(keeping);
	if (keeping->count == 0) {
		free(keeping);
		return;
	}
	alerts->keeping = keeping;
	store_write(alerts->options.store, write_rows, alerts->options.loop, on_written, keeping);
}

void alerts_keep(struct alerts *alerts, bool at_once)
{
	if (at_once || !timer_is_running(alerts->write))
		timer_start(alerts->write, at_once ? 0 : WRITE_MS);
}

/* ---- reading ---- */

struct reading {
	struct alerts *alerts;
	struct {
		uint8_t key[8];
	} old[ROWS_MAX];
	size_t old_count;
};

static bool read_row(void *owner, struct bytes key, struct bytes value)
{
	struct reading *reading = owner;
	enum err err = rates_take_row(reading->alerts->rates, value,
				      loop_wall_ms(reading->alerts->options.loop));
	bool is_old = err && err != E_FULL;
	if (is_old && key.len == 8 && reading->old_count < ROWS_MAX)
		memcpy(reading->old[reading->old_count++].key, key.data, 8);
	return true;
}

static enum err delete_old(void *owner, struct store_txn *txn)
{
	const struct reading *reading = owner;
	enum err err = OK;
	for (size_t i = 0; i < reading->old_count && !err; i++)
		err = store_delete(txn, reading->alerts->database,
				   bytes_from(reading->old[i].key, 8));
	return err;
}

static void on_deleted(void *owner, enum err err)
{
	(void)err; /* the next start tries again */
	free(owner);
}

void alerts_keeping_begin(struct alerts *alerts)
{
	struct reading *reading = memory_new(sizeof *reading);
	reading->alerts = alerts;
	alerts->write = timer_new(alerts->options.loop, on_write, alerts);
	alerts->database = store_database(alerts->options.store, ALERTS_DATABASE);
	struct store_txn *txn = store_read_begin(alerts->options.store);
	enum err err = store_each(txn, alerts->database, BYTES_NONE, read_row, reading);
	store_read_end(&txn);
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	store_write(alerts->options.store, delete_old, alerts->options.loop, on_deleted, reading);
}

void alerts_keeping_end(struct alerts *alerts)
{
	alerts->is_ending = true;
	timer_stop(alerts->write);
	on_write(alerts);
	do
		store_drain(alerts->options.loop);
	while (alerts->keeping);
	timer_free(&alerts->write);
}
