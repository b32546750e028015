/* append -- kept --> waiting for the copy to have it --> done
 *       '- not ------------------------------------------^ */
#include "bouncer/telling/webhook_table.h"

#include <stdio.h>
#include <sys/queue.h>

#include "bouncer/telling/webhook_rows.h"
#include "broker/kept_table.h"
#include "lib/base/memory.h"

#define ROWS_MAX 400
#define COPIED_MS                                                                                  \
	10000 /* the copy is behind for longer than this: the broker has it all the same */

struct change {
	struct webhook_table *table;
	char name[WEBHOOK_ROW_NAME_MAX + 200];
	uint64_t version;
	bool is_kept;
	int64_t until_ms;
	bool is_done; /* its `done` is the next thing to happen */
	void (*done)(void *owner, enum err err);
	void *owner;
	LIST_ENTRY(change) next;
};

struct webhook_table {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	struct kept_table *kept;
	struct replica *replica; /* its copy */
	struct timer *look;	 /* for changes whose row does not come */
	int database;
	LIST_HEAD(, change) changes;
	void (*changed)(void *owner);
	void *owner;
};

/* ---- reading ---- */

struct reading {
	struct arena *arena;
	struct webhook_row *rows;
	size_t count;
};

static bool on_row(void *owner, const struct table_entry *entry)
{
	struct reading *reading = owner;
	struct webhook_row *row = &reading->rows[reading->count];
	if (webhook_row_decode(reading->arena, entry->value, row, NULL) == OK)
		reading->count++;
	return reading->count < ROWS_MAX;
}

enum err webhook_table_read(struct webhook_table *table, struct arena *arena,
			    struct webhook_row **ret_rows, size_t *ret_count)
{
	struct reading reading = {.arena = arena,
				  .rows = arena_zalloc(arena, ROWS_MAX, sizeof *reading.rows)};
	enum err err = replica_each(table->replica, BYTES_NONE, arena, on_row, &reading);
	*ret_rows = reading.rows;
	*ret_count = reading.count;
	return err;
}

enum err webhook_table_find(struct webhook_table *table, struct arena *arena, struct bytes name,
			    struct webhook_row *ret)
{
	uint8_t *value = arena_alloc(arena, REPLICA_VALUE_MAX);
	size_t len = 0;
	enum err err = replica_get(table->replica, name, value, REPLICA_VALUE_MAX, &len);
	return err ? err : webhook_row_decode(arena, bytes_from(value, len), ret, NULL);
}

static uint64_t version_of(const struct webhook_table *table, struct bytes name)
{
	struct store_txn *txn = store_read_begin(table->store);
	struct replica_value value = {0};
	struct bytes stored;
	if (store_get(txn, table->database, name, &stored) == OK &&
	    replica_parse(stored, &value) != OK)
		value.version = 0;
	store_read_end(&txn);
	return value.version;
}

/* ---- changing ---- */

static void end(struct change *change, enum err err)
{
	LIST_REMOVE(change, next);
	change->done(change->owner, err);
	free(change);
}

static bool is_copied(const struct change *change)
{
	return version_of(change->table, bytes_of(change->name)) >= change->version;
}

static bool find_done(struct webhook_table *table)
{
	struct change *change;
	bool is_any = false;
	LIST_FOREACH(change, &table->changes, next)
	{
		change->is_done = change->is_kept && (is_copied(change) ||
						      loop_now_ms(table->loop) > change->until_ms);
		is_any |= change->is_done;
	}
	return is_any;
}

/* The copy may have it already while word of that is still on its way: nobody hears that a change is done before it works. */
static void look(struct webhook_table *table)
{
	struct change *change, *next;
	if (find_done(table))
		table->changed(table->owner);
	for (change = LIST_FIRST(&table->changes); change; change = next) {
		next = LIST_NEXT(change, next);
		if (change->is_done)
			end(change, OK);
	}
	if (!LIST_EMPTY(&table->changes))
		timer_start(table->look, 1000);
}

static void on_applied(void *owner)
{
	struct webhook_table *table = owner;
	table->changed(table->owner);
	look(table);
}

static void on_look(void *owner)
{
	look(owner);
}

static void on_appended(void *owner, enum err err)
{
	struct change *change = owner;
	struct webhook_table *table = change->table;
	change->is_kept = true;
	change->until_ms = loop_now_ms(table->loop) + COPIED_MS;
	if (err)
		end(change, err);
	else
		timer_start(table->look, 0);
}

bool webhook_table_is_changing(const struct webhook_table *table, struct bytes name)
{
	const struct change *change;
	LIST_FOREACH(change, &table->changes, next)
	if (bytes_is(name, change->name))
		return true;
	return false;
}

/* Higher than what stands there, or is on its way there, whatever the clocks of others say. */
static uint64_t next_version(const struct webhook_table *table, struct bytes name)
{
	const struct change *change;
	uint64_t present = version_of(table, name), now = (uint64_t)loop_wall_ms(table->loop);
	LIST_FOREACH(change, &table->changes, next)
	if (bytes_is(name, change->name) && change->version > present)
		present = change->version;
	return present >= now ? present + 1 : now;
}

static struct change *change_new(struct webhook_table *table, struct bytes name,
				 void (*done)(void *owner, enum err err), void *owner)
{
	struct change *change = memory_new(sizeof *change);
	*change = (struct change){
		.table = table, .version = next_version(table, name), .done = done, .owner = owner};
	(void)snprintf(change->name, sizeof change->name, "%.*s", BYTES_ARGS(name));
	LIST_INSERT_HEAD(&table->changes, change, next);
	return change;
}

static void append(struct change *change, struct bytes value)
{
	const struct table_entry entry = {
		.key = bytes_of(change->name), .value = value, .version = change->version};
	table_append(change->table->broker, WEBHOOKS_TABLE, &entry, on_appended, change);
}

void webhook_table_put(struct webhook_table *table, const struct webhook_row *row,
		       void (*done)(void *owner, enum err err), void *owner)
{
	struct change *change = change_new(table, row->name, done, owner);
	struct webhook_row kept = *row;
	struct buf value;
	kept.version = change->version;
	buf_init(&value, WEBHOOK_ROW_BYTES_MAX);
	if (webhook_row_encode(&kept, &value))
		abort(); /* it was checked, and is short */
	append(change, buf_bytes(&value));
	buf_done(&value);
}

void webhook_table_remove(struct webhook_table *table, struct bytes name,
			  void (*done)(void *owner, enum err err), void *owner)
{
	append(change_new(table, name, done, owner), BYTES_NONE);
}

/* ---- public ---- */

struct webhook_table *webhook_table_new(struct broker *broker, struct loop *loop,
					struct store *store, void (*changed)(void *owner),
					void *owner)
{
	struct webhook_table *table = memory_new(sizeof *table);
	*table = (struct webhook_table){
		.broker = broker, .loop = loop, .store = store, .changed = changed, .owner = owner};
	table->database = store_database(store, "table." WEBHOOKS_TABLE);
	table->look = timer_new(loop, on_look, table);
	LIST_INIT(&table->changes);
	table->kept = kept_table_new(broker, loop, store, WEBHOOKS_TABLE, NULL, NULL);
	table->replica = kept_table_copy(table->kept);
	replica_watch(table->replica, on_applied, table);
	return table;
}

void webhook_table_free(struct webhook_table **table)
{
	struct webhook_table *freeing = *table;
	struct change *change;
	*table = NULL;
	if (!freeing)
		return;
	while ((change = LIST_FIRST(&freeing->changes)))
		end(change, E_CANCELLED);
	kept_table_free(&freeing->kept);
	timer_free(&freeing->look);
	free(freeing);
}
