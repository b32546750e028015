/* See core.h. This file opens and closes; the rest is in
 *   session.c  packets in and out        publish.c  new messages        queue.c, leases.c  who gets what
 *   catalog.c  queues and routing        delays.c   what waits          logs.c             tables
 *   permits.c  who has which place       control.c  words to all, and their answers
 *   changes.c  the one way to the disk   layout.c   keys and values there */
#include "broker/embedded/core/core.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "broker/embedded/core/core_parts.h"
#include "broker/embedded/core/reserve.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LAYOUT_VERSION 1
#define SPACE_EVERY_MS 1000

#define DATABASES_OF(table) "log." table, "keys." table,
static const char *const database_names[] = {
	"messages", "ready",	"waiting", "files",
	"queues",   "bindings", "engine",  CORE_TABLES(DATABASES_OF)};

void core_add(struct core *core, struct change *change)
{
	changes_add(core->changes, change);
}

/* ---- space ---- */

static void on_full_changed(void *owner, bool is_full)
{
	struct core *core = owner;
	core->is_full = is_full;
	if (is_full)
		reserve_spend(core->directory);
	else
		reserve_keep(core->directory);
	sessions_tell_state(core);
}

static void look_for_space(void *owner)
{
	struct core *core = owner;
	struct statvfs about;
	timer_start(core->space, SPACE_EVERY_MS);
	/* A directory that was removed has no room for what is to be kept. */
	bool is_there = statvfs(core->directory, &about) == 0;
	uint64_t free_bytes = is_there ? (uint64_t)about.f_bavail * about.f_frsize : 0;
	bool is_low = !is_there || free_bytes < (uint64_t)core->settings->min_free;
	if (is_low == core->is_low)
		return;
	core->is_low = is_low;
	sessions_tell_state(core);
}

/* ---- numbers that are kept ---- */

static uint64_t get_number(const struct core *core, struct store_txn *txn, const char *name)
{
	struct bytes value;
	uint64_t number = 0;
	if (store_get(txn, core->databases.engine, bytes_of(name), &value) == OK)
		(void)layout_read_number(value, &number);
	return number;
}

static void put_number(struct core *core, const char *name, uint64_t number)
{
	struct change *change = change_new(CHANGE_NUMBER);
	change->text = memory_text(name);
	change->position = number;
	core_add(core, change);
}

/* ---- opening ---- */

static void find_databases(struct core *core)
{
	struct store *store = core->store;
	core->databases = (struct databases){
		.messages = store_database(store, "messages"),
		.ready = store_database(store, "ready"),
		.waiting = store_database(store, "waiting"),
		.files = store_database(store, "files"),
		.queues = store_database(store, "queues"),
		.bindings = store_database(store, "bindings"),
		.engine = store_database(store, "engine"),
	};
}

struct tally {
	struct core *core;
	struct queue *queue; /* of the last place, since they come queue by queue */
};

static bool count_place(void *owner, struct bytes key, struct bytes value)
{
	struct tally *tally = owner;
	uint32_t id;
	uint64_t order;
	(void)value;
	if (!layout_read_ready_key(key, &id, &order))
		return true;
	if (!tally->queue || tally->queue->id != id)
		tally->queue = catalog_by_id(tally->core->catalog, id);
	if (tally->queue)
		queue_count(tally->queue, order);
	if (order >= tally->core->next_number)
		tally->core->next_number = order + 1;
	return true;
}

static enum err read_places(struct core *core, struct store_txn *txn)
{
	struct tally tally = {.core = core};
	struct bytes key, value;
	uint64_t last;
	core->next_number = 1;
	if (store_last(txn, core->databases.messages, &key, &value) == OK &&
	    layout_read_number(key, &last))
		core->next_number = last + 1;
	return store_each(txn, core->databases.ready, BYTES_NONE, count_place, &tally);
}

/* This opening is a new run; whether the last one ended cleanly decides what may have been leased in it. */
static void begin_run(struct core *core, struct store_txn *txn)
{
	uint32_t last = (uint32_t)get_number(core, txn, "run");
	bool is_clean = get_number(core, txn, "clean-run") == last;
	core->crashed_run = is_clean ? (uint32_t)get_number(core, txn, "crashed-run") : last;
	core->run = last + 1;
	put_number(core, "version", LAYOUT_VERSION);
	put_number(core, "crashed-run", core->crashed_run);
	put_number(core, "run", core->run);
}

static enum err read_all(struct core *core, struct why *why)
{
	struct store_txn *txn = store_read_begin(core->store);
	uint64_t version = get_number(core, txn, "version");
	enum err err = OK;
	if (version > LAYOUT_VERSION)
		err = fail(why, E_REFUSED,
			   "%s was written by a later version of Leveret (layout %d)",
			   core->directory, (int)version);
	if (!err)
		err = catalog_open(core, txn, &core->catalog, why);
	if (!err && read_places(core, txn) != OK)
		err = fail(why, E_IO, "%s: the queues' contents cannot be read", core->directory);
	if (!err) {
		core->logs = logs_new(core, txn);
		begin_run(core, txn);
	}
	store_read_end(&txn);
	/* Before anything is leased in it, the run is on disk. */
	if (!err && !changes_finish(core->changes))
		err = fail(why, E_FULL, "%s: no space on the disk", core->directory);
	return err;
}

/* Files of bodies that never became messages: their publisher or this process died in between. Nobody is writing one now, because
 * a client publishes a file only on the line that was open when it began to write it. */
static void sweep_bodies(struct core *core)
{
	char path[4096];
	uint8_t key[LAYOUT_NUMBER_KEY];
	struct bytes value;
	struct dirent *item;
	(void)snprintf(path, sizeof path, "%s/bodies", core->directory);
	DIR *bodies = opendir(path);
	if (!bodies)
		return;
	struct store_txn *txn = store_read_begin(core->store);
	while ((item = readdir(bodies))) {
		char *end;
		uint64_t file = strtoull(item->d_name, &end, 16);
		if (item->d_name[0] == '.' || *end != '\0' || file == 0)
			continue;
		if (store_get(txn, core->databases.files, layout_number_key(file, key), &value) ==
		    E_NOT_FOUND)
			core_unlink_body(core, file);
	}
	store_read_end(&txn);
	(void)closedir(bodies);
}

static void run_dispatch(void *owner)
{
	queues_dispatch(owner);
}

static enum err open_store(struct core *core, struct why *why)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/bodies", core->directory);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "the engine's directory has too long a name");
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail(why, E_IO, "%s: %s", path, strerror(errno));
	enum err err = store_open_with(
		core->directory, database_names, sizeof database_names / sizeof database_names[0],
		(struct store_options){.is_exclusive = true}, &core->store, why);
	if (!err)
		find_databases(core);
	return err;
}

static void free_core(struct core *core)
{
	changes_free(&core->changes); /* the first: who waits for one is told */
	delays_free(&core->delays);
	permits_free(&core->permits);
	control_free(&core->control);
	logs_free(&core->logs);
	catalog_free(&core->catalog);
	timer_free(&core->space);
	task_cancel(&core->dispatch, core->loop);
	store_close(&core->store);
	free(core->slots);
	free(core->directory);
	free(core);
}

enum err core_open(struct loop *loop, const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, struct core **ret, struct why *why)
{
	struct core *core = memory_new(sizeof *core);
	core->loop = loop;
	core->directory = memory_text(directory);
	core->settings = settings;
	core->routing = routing;
	core->slot_free = UINT32_MAX;
	core->dispatch = (struct task){.run = run_dispatch, .owner = core};
	core->space = timer_new(loop, look_for_space, core);
	enum err err = open_store(core, why);
	if (!err) {
		core->changes =
			changes_new(loop, core->store, &core->databases, on_full_changed, core);
		err = read_all(core, why);
	}
	if (err) {
		free_core(core);
		return err;
	}
	sweep_bodies(core);
	reserve_keep(core->directory);
	core->delays = delays_new(core);
	core->permits = permits_new(core, core->run > 1);
	core->control = control_new();
	look_for_space(core);
	*ret = core;
	return OK;
}

void core_close(struct core **core)
{
	struct core *old = *core;
	*core = NULL;
	if (!old)
		return;
	put_number(old, "clean-run", old->run);
	if (!changes_finish(old->changes))
		log_event(EV_store_failed,
			  F_TEXT("what_to_do", "the disk is full: make space; nothing is lost"));
	free_core(old);
}
