/* Tables: a log per table, in which only the last entry of each key is kept, and those who follow it. */
#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

/* A follower that catches up gets so many entries, then others have their turn. */
#define REPLAY_MAX	1000
#define REPLAY_EVERY_MS 10
#define LOG_KEY_MAX	STORE_KEY_MAX
#define FOLLOWERS_MAX	100 /* of one client */

#define NAME_OF(table) table,
static const char *const table_names[] = {CORE_TABLES(NAME_OF)};
#define TABLE_COUNT (sizeof table_names / sizeof table_names[0])

struct log {
	struct table_databases databases;
	uint64_t next_position;
};

struct log_follower {
	struct session *session;
	struct log *log;
	uint64_t tag;
	uint64_t position; /* of the last entry that was sent */
	bool is_caught_up;
	bool is_limited;      /* gets so many entries of the past, until it asks for more */
	size_t allowed_count; /* still */
	struct log_follower *next;
};

struct logs {
	struct core *core;
	struct log logs[TABLE_COUNT];
	struct log_follower *followers;
	struct timer *replay;
};

static struct log *find(struct logs *logs, const char *table)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (strcmp(logs->logs[i].databases.name, table) == 0)
			return &logs->logs[i];
	return NULL;
}

/* ---- following ---- */

static void send_entry(struct log_follower *follower, uint64_t position, uint64_t version,
		       size_t key_len, struct shared *record)
{
	struct packet *packet = packet_new(PACKET_ENTRY, follower->tag);
	packet->value[0] = (int64_t)position;
	packet->value[1] = (int64_t)version;
	packet->value[2] = (int64_t)key_len;
	packet->record = record;
	follower->position = position;
	session_send(follower->session, packet);
}

struct replay {
	struct log_follower *follower;
	uint64_t end; /* first position that is not told of yet */
	size_t count, max;
	bool is_over;
};

static bool replay_entry(void *owner, struct bytes key, struct bytes value)
{
	struct replay *replay = owner;
	struct bytes entry_key, entry_value;
	uint64_t position, version;
	uint8_t *data;
	if (!layout_read_number(key, &position) || position >= replay->end)
		return false;
	if (replay->count == replay->max) {
		replay->is_over = false;
		return false;
	}
	replay->count++;
	if (!layout_read_entry(value, &version, &entry_key, &entry_value))
		return true;
	struct shared *record = shared_new(entry_key.len + entry_value.len, &data);
	memcpy(data, entry_key.data, entry_key.len + entry_value.len);
	send_entry(replay->follower, position, version, entry_key.len, record);
	return true;
}

static void catch_up(struct logs *logs, struct log_follower *follower)
{
	uint8_t key[LAYOUT_NUMBER_KEY];
	struct replay replay = {
		.follower = follower,
		.end = follower->log->next_position,
		.max = REPLAY_MAX,
		.is_over = true,
	};
	if (follower->is_limited && follower->allowed_count < replay.max)
		replay.max = follower->allowed_count;
	struct store_txn *txn = store_read_begin(logs->core->store);
	if (store_each(txn, follower->log->databases.log,
		       layout_number_key(follower->position + 1, key), replay_entry, &replay) != OK)
		replay.is_over = false;
	store_read_end(&txn);
	if (follower->is_limited)
		follower->allowed_count -= replay.count;
	if (!replay.is_over)
		return;
	follower->is_caught_up = true;
	session_send(follower->session, packet_new(PACKET_CAUGHT_UP, follower->tag));
}

static void catch_all_up(void *owner)
{
	struct logs *logs = owner;
	bool is_over = true;
	for (struct log_follower *follower = logs->followers; follower; follower = follower->next) {
		if (!follower->is_caught_up)
			catch_up(logs, follower);
		is_over = is_over && follower->is_caught_up;
	}
	if (!is_over)
		timer_start(logs->replay, REPLAY_EVERY_MS);
}

static struct log_follower *find_follower(const struct logs *logs, const struct session *session,
					  uint64_t tag)
{
	for (struct log_follower *f = logs->followers; f; f = f->next)
		if (f->session == session && f->tag == tag)
			return f;
	return NULL;
}

enum err logs_follow(struct session *session, const struct packet *packet)
{
	struct logs *logs = session->core->logs;
	struct log *log = find(logs, packet->text);
	uint64_t tag = packet->tag, position = (uint64_t)packet->value[0];
	size_t allowed = packet->value[1] > 0 ? (size_t)packet->value[1] : 0;
	struct log_follower *known = find_follower(logs, session, tag);
	if (!log)
		return E_NOT_FOUND;
	if (known) {
		known->allowed_count += allowed;
		return OK;
	}
	if (session->follower_count >= FOLLOWERS_MAX)
		return E_MALFORMED;
	session->follower_count++;
	struct log_follower *follower = memory_new(sizeof *follower);
	follower->session = session;
	follower->log = log;
	follower->tag = tag;
	follower->is_limited = allowed > 0;
	follower->allowed_count = allowed;
	/* A position that was never given is of a table that was made anew. Else the entry that stands there comes again, so that whoever
	 * missed nothing still gets something, and knows that it is the same table. */
	follower->position = position > 0 && position < log->next_position ? position - 1 : 0;
	follower->next = logs->followers;
	logs->followers = follower;
	timer_start(logs->replay, 0);
	return OK;
}

void logs_unfollow(struct session *session, uint64_t tag)
{
	struct log_follower **link = &session->core->logs->followers;
	while (*link) {
		struct log_follower *follower = *link;
		if (follower->session == session && (tag == 0 || follower->tag == tag)) {
			*link = follower->next;
			session->follower_count--;
			free(follower);
		} else {
			link = &follower->next;
		}
	}
}

/* ---- appending ---- */

struct appending {
	struct session *session;
	struct log *log;
	uint64_t tag, position, version;
	size_t key_len;
	struct shared *entry;
};

/* Followers that are still catching up read it from disk. */
static void appended(void *owner, enum err err)
{
	struct appending *appending = owner;
	struct logs *logs = appending->session->core->logs;
	for (struct log_follower *f = logs->followers; f && !err; f = f->next)
		if (f->log == appending->log && f->is_caught_up &&
		    f->position < appending->position)
			send_entry(f, appending->position, appending->version, appending->key_len,
				   shared_ref(appending->entry));
	session_finish(appending->session, appending->tag, err, shared_bytes(appending->entry).len);
	shared_unref(&appending->entry);
	free(appending);
}

static void forgotten(void *owner, enum err err)
{
	struct appending *appending = owner;
	session_finish(appending->session, appending->tag, err, shared_bytes(appending->entry).len);
	shared_unref(&appending->entry);
	free(appending);
}

static void change_log(struct appending *appending, enum change_kind kind,
		       void (*done)(void *owner, enum err err))
{
	struct change *change = change_new(kind);
	change->is_dispensable = true;
	change->table = &appending->log->databases;
	change->position = appending->position;
	change->version = appending->version;
	change->key_len = (uint16_t)appending->key_len;
	change->record = shared_ref(appending->entry);
	change->done = done;
	change->owner = appending;
	session_begin(appending->session, shared_bytes(appending->entry).len);
	core_add(appending->session->core, change);
}

void logs_append(struct session *session, const struct packet *packet, struct shared *entry)
{
	struct log *log = find(session->core->logs, packet->text);
	size_t key_len = (size_t)packet->value[1];
	bool forgets = packet->value[2] == 1;
	if (!log || key_len == 0 || key_len > LOG_KEY_MAX) {
		session_answer(session, packet->tag, log ? E_TOO_BIG : E_NOT_FOUND);
		shared_unref(&entry);
		return;
	}
	struct appending *appending = memory_new(sizeof *appending);
	*appending = (struct appending){
		.session = session,
		.log = log,
		.tag = packet->tag,
		.position = forgets ? 0 : log->next_position++,
		.version = (uint64_t)packet->value[0],
		.key_len = key_len,
		.entry = entry,
	};
	if (forgets)
		change_log(appending, CHANGE_FORGET, forgotten);
	else
		change_log(appending, CHANGE_APPEND, appended);
}

/* ---- birth and end ---- */

static void open_log(struct logs *logs, struct log *log, const char *name, struct store_txn *txn)
{
	char database[128];
	struct bytes key, value;
	uint64_t last = 0;
	log->databases.name = name;
	(void)snprintf(database, sizeof database, "log.%s", name);
	log->databases.log = store_database(logs->core->store, database);
	(void)snprintf(database, sizeof database, "keys.%s", name);
	log->databases.keys = store_database(logs->core->store, database);
	if (store_last(txn, log->databases.log, &key, &value) == OK)
		(void)layout_read_number(key, &last);
	log->next_position = last + 1;
}

struct logs *logs_new(struct core *core, struct store_txn *txn)
{
	struct logs *logs = memory_new(sizeof *logs);
	logs->core = core;
	logs->replay = timer_new(core->loop, catch_all_up, logs);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		open_log(logs, &logs->logs[i], table_names[i], txn);
	return logs;
}

void logs_free(struct logs **logs)
{
	struct logs *old = *logs;
	*logs = NULL;
	if (!old)
		return;
	timer_free(&old->replay);
	free(old);
}
