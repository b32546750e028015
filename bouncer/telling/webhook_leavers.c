/* look at what the store remembers -- not known, and new here --> noted with the time
 *                                  '- noted long ago --> its queue is deleted -- done, or there was none --> forgotten
 *                                                                             '- somebody reads it -------> later */
#include "bouncer/telling/webhook_leavers.h"

#include <stdio.h>
#include <sys/queue.h>

#include "bouncer/telling/webhook.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define FIRST_MS  INT64_C(30000) /* until the table is known */
#define LOOK_MS	  INT64_C(600000)
#define RETRY_MS  INT64_C(5000)
#define KEEP_MS	  INT64_C(604800000)
#define AT_ONCE	  20 /* of a look */
#define NAME_ROOM 300

struct leaver {
	struct webhook_leavers *all;
	char name[NAME_ROOM];
	enum { LEAVER_NOTE, LEAVER_DELETE, LEAVER_FORGET } step;
	bool is_deleted; /* by the API: at once */
	int64_t since_wall_ms;
	LIST_ENTRY(leaver) next;
};

struct webhook_leavers {
	struct loop *loop;
	struct broker *broker;
	struct store *store;
	int database;
	struct timer *look;
	LIST_HEAD(, leaver) list;
	size_t count, writing_count;
	bool is_ending;
	bool (*is_known)(void *owner, struct bytes name);
	void *owner;
};

static void end(struct leaver *leaver)
{
	leaver->all->count--;
	LIST_REMOVE(leaver, next);
	free(leaver);
}

/* ---- the store ---- */

static enum err write_one(void *owner, struct store_txn *txn)
{
	struct leaver *leaver = owner;
	struct webhook_leavers *leavers = leaver->all;
	struct webhook_state state = {.mode = WEBHOOK_LEFT};
	uint8_t value[WEBHOOK_STATE_MAX];
	if (leaver->step == LEAVER_FORGET)
		return store_delete(txn, leavers->database, bytes_of(leaver->name));
	state.mode_since_wall_ms = leaver->since_wall_ms;
	size_t len = webhook_state_write(&state, value);
	return store_put(txn, leavers->database, bytes_of(leaver->name), bytes_from(value, len));
}

static void delete_queue(struct leaver *leaver);

static void on_written(void *owner, enum err err)
{
	struct leaver *leaver = owner;
	leaver->all->writing_count--;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	if (leaver->step == LEAVER_NOTE && leaver->is_deleted && !leaver->all->is_ending)
		delete_queue(leaver);
	else
		end(leaver);
}

static void write_down(struct leaver *leaver)
{
	leaver->all->writing_count++;
	store_write(leaver->all->store, write_one, leaver->all->loop, on_written, leaver);
}

/* ---- the queue ---- */

static void on_deleted(void *owner, enum err err)
{
	struct leaver *leaver = owner;
	struct webhook_leavers *leavers = leaver->all;
	if (err && err != E_NOT_FOUND) {
		timer_start(leavers->look, leaver->is_deleted ? RETRY_MS : LOOK_MS);
		end(leaver);
		return;
	}
	if (!err)
		log_event(EV_webhook_queue_deleted, F_TEXT("webhook", leaver->name));
	leaver->step = LEAVER_FORGET;
	write_down(leaver);
}

static void delete_queue(struct leaver *leaver)
{
	char queue[QUEUE_NAME_MAX];
	if (leaver->all->is_known(leaver->all->owner, bytes_of(leaver->name))) {
		end(leaver); /* it is there again */
		return;
	}
	leaver->step = LEAVER_DELETE;
	(void)snprintf(queue, sizeof queue, WEBHOOK_QUEUE_PREFIX "%s", leaver->name);
	broker_unsubscribe(leaver->all->broker, queue, true, on_deleted, leaver);
}

/* ---- looking ---- */

static struct leaver *begin(struct webhook_leavers *leavers, struct bytes name, bool is_deleted)
{
	struct leaver *leaver = memory_new(sizeof *leaver);
	leaver->all = leavers;
	leaver->is_deleted = is_deleted;
	leaver->since_wall_ms = is_deleted ? 1 : loop_wall_ms(leavers->loop);
	(void)snprintf(leaver->name, sizeof leaver->name, "%.*s", BYTES_ARGS(name));
	LIST_INSERT_HEAD(&leavers->list, leaver, next);
	leavers->count++;
	return leaver;
}

static bool on_row(void *owner, struct bytes name, struct bytes value)
{
	struct webhook_leavers *leavers = owner;
	struct webhook_state state;
	if (leavers->is_known(leavers->owner, name))
		return true;
	bool is_noted = webhook_state_read(value, &state) == OK && state.mode == WEBHOOK_LEFT;
	if (is_noted && loop_wall_ms(leavers->loop) - state.mode_since_wall_ms < KEEP_MS)
		return true;
	struct leaver *leaver = begin(leavers, name, is_noted && state.mode_since_wall_ms <= 1);
	leaver->step = is_noted ? LEAVER_DELETE : LEAVER_NOTE;
	return leavers->count < AT_ONCE;
}

/* What is found is worked on when the reading is over. */
static void on_look(void *owner)
{
	struct webhook_leavers *leavers = owner;
	struct leaver *leaver, *next;
	timer_start(leavers->look, LOOK_MS);
	if (!LIST_EMPTY(&leavers->list))
		return;
	struct store_txn *txn = store_read_begin(leavers->store);
	enum err err = store_each(txn, leavers->database, BYTES_NONE, on_row, leavers);
	store_read_end(&txn);
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	for (leaver = LIST_FIRST(&leavers->list); leaver; leaver = next) {
		next = LIST_NEXT(leaver, next);
		if (leaver->step == LEAVER_NOTE)
			write_down(leaver);
		else
			delete_queue(leaver);
	}
}

void webhook_leavers_add(struct webhook_leavers *leavers, const char *name)
{
	write_down(begin(leavers, bytes_of(name), true));
}

/* ---- public ---- */

struct webhook_leavers *webhook_leavers_new(struct loop *loop, struct broker *broker,
					    struct store *store,
					    bool (*is_known)(void *owner, struct bytes name),
					    void *owner)
{
	struct webhook_leavers *leavers = memory_new(sizeof *leavers);
	*leavers = (struct webhook_leavers){.loop = loop,
					    .broker = broker,
					    .store = store,
					    .is_known = is_known,
					    .owner = owner};
	leavers->database = store_database(store, "telling.webhooks");
	leavers->look = timer_new(loop, on_look, leavers);
	LIST_INIT(&leavers->list);
	timer_start(leavers->look, FIRST_MS);
	return leavers;
}

void webhook_leavers_free(struct webhook_leavers **leavers)
{
	struct webhook_leavers *freeing = *leavers;
	*leavers = NULL;
	if (!freeing)
		return;
	freeing->is_ending = true;
	while (freeing->writing_count > 0)
		store_drain(freeing->loop);
	while (!LIST_EMPTY(&freeing->list))
		end(LIST_FIRST(&freeing->list));
	timer_free(&freeing->look);
	free(freeing);
}
