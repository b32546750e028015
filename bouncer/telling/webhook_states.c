/* See webhook_states.h. */
#include "bouncer/telling/webhook_states.h"

#include <stdio.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define WRITE_MS  2000
#define NAME_ROOM 300

struct written { /* a state on its way to the store */
	char name[NAME_ROOM];
	uint8_t value[WEBHOOK_STATE_MAX];
	size_t len;
};

struct webhook_states {
	struct loop *loop;
	struct store *store;
	int database;
	bool (*each)(void *owner, size_t index, const char **name, struct webhook_state *ret);
	void *owner;
	struct timer *write;
	struct written *writing;
	size_t count;
	bool is_writing;
};

static enum err write_all(void *owner, struct store_txn *txn)
{
	struct webhook_states *states = owner;
	enum err err = OK;
	for (size_t i = 0; i < states->count && !err; i++)
		err = store_put(txn, states->database, bytes_of(states->writing[i].name),
				bytes_from(states->writing[i].value, states->writing[i].len));
	return err;
}

static void on_written(void *owner, enum err err)
{
	struct webhook_states *states = owner;
	states->is_writing = false;
	free(states->writing);
	states->writing = NULL;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
}

static void collect(struct webhook_states *states)
{
	struct webhook_state state;
	const char *name;
	states->count = 0;
	while (states->each(states->owner, states->count, &name, &state)) {
		states->writing =
			memory_grow(states->writing, states->count + 1, sizeof *states->writing);
		struct written *written = &states->writing[states->count++];
		(void)snprintf(written->name, sizeof written->name, "%s", name);
		written->len = webhook_state_write(&state, written->value);
	}
}

static void on_write(void *owner)
{
	struct webhook_states *states = owner;
	if (states->is_writing) {
		timer_start(states->write, WRITE_MS);
		return;
	}
	collect(states);
	states->is_writing = true;
	store_write(states->store, write_all, states->loop, on_written, states);
}

void webhook_states_write(struct webhook_states *states, bool is_now)
{
	if (is_now || !timer_is_running(states->write))
		timer_start(states->write, is_now ? 0 : WRITE_MS);
}

struct webhook_state webhook_states_read(const struct webhook_states *states, const char *name)
{
	struct webhook_state state = {.mode = WEBHOOK_ON};
	struct bytes value;
	struct store_txn *txn = store_read_begin(states->store);
	if (store_get(txn, states->database, bytes_of(name), &value) == OK &&
	    webhook_state_read(value, &state) != OK)
		state = (struct webhook_state){.mode = WEBHOOK_ON};
	store_read_end(&txn);
	state.failures_in_row = 0;
	if (state.mode == WEBHOOK_LEFT)
		state.mode = WEBHOOK_ON;
	return state;
}

struct webhook_states *webhook_states_new(struct loop *loop, struct store *store,
					  bool (*each)(void *owner, size_t index, const char **name,
						       struct webhook_state *ret),
					  void *owner)
{
	struct webhook_states *states = memory_new(sizeof *states);
	*states =
		(struct webhook_states){.loop = loop, .store = store, .each = each, .owner = owner};
	states->database = store_database(store, WEBHOOKS_DATABASE);
	states->write = timer_new(loop, on_write, states);
	return states;
}

void webhook_states_free(struct webhook_states **states)
{
	struct webhook_states *freeing = *states;
	*states = NULL;
	if (!freeing)
		return;
	while (freeing->is_writing)
		store_drain(freeing->loop);
	if (timer_is_running(freeing->write))
		on_write(freeing);
	while (freeing->is_writing)
		store_drain(freeing->loop);
	timer_free(&freeing->write);
	free(freeing);
}
