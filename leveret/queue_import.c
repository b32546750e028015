/* leveret queue import: publishes the messages of a file, each confirmed by the broker.
 *
 *   files, one after the other -> in -> record -> published (at most WINDOW at a time) -> confirmed
 *   end of the last file, or a fault -> all confirms are awaited -> told, with the number to go on from
 *
 * An export that was killed may hold a message twice: one that is the same in every byte as an earlier one, and has an id, is
 * passed over. */
#include "leveret/queue_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leveret/moving.h"
#include "leveret/program.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define LIMIT_MS     10000
#define WINDOW	     500 /* publications */
#define WINDOW_BYTES (64u << 20)
#define READ_BYTES   ((size_t)256 << 10)
#define HEAD_BYTES   ((size_t)64 << 10) /* what a publication copies; the rest is shared */

/* Which records were seen: 64-bit hashes, open addressing, 0 is a free place. */
struct seen {
	uint64_t start;
	uint64_t *hashes;
	size_t count, capacity;
};

struct import {
	struct errand errand;
	const struct queue_import_options *options;
	struct watch *file;
	struct buf in;
	struct arena *arena;
	struct seen seen;
	size_t file_at;			  /* of options->fds */
	bool has_start, has_end, is_read; /* of this file */
	uint64_t file_count;		  /* messages of this file so far */
	bool is_complete, is_interrupted;
	struct why fault;
	bool has_fault;
	uint64_t read_count; /* messages of all files so far */
	uint64_t
		settled_count; /* of these, from its beginning on: confirmed, skipped or repeated */
	uint64_t imported_count, repeated_count;
	size_t unconfirmed_count;
	bool is_settled[WINDOW]; /* by number, from settled_count on */
};

struct sending {
	struct import *import;
	uint64_t number;
	struct blob *body; /* the part behind the head */
};

/* ---- what was seen ---- */

static bool seen_add(struct seen *seen, uint64_t hash);

static void seen_grow(struct seen *seen)
{
	struct seen larger = {.start = seen->start,
			      .capacity = seen->capacity > 0 ? seen->capacity * 2 : 1024};
	larger.hashes = memory_array(larger.capacity, sizeof *larger.hashes);
	for (size_t i = 0; i < seen->capacity; i++)
		if (seen->hashes[i] != 0)
			(void)seen_add(&larger, seen->hashes[i]);
	free(seen->hashes);
	*seen = larger;
}

/* False when it was there. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
	if (seen->count * 2 >= seen->capacity)
		seen_grow(seen);
	size_t at = (size_t)(hash % seen->capacity);
	while (seen->hashes[at] != 0 && seen->hashes[at] != hash)
		at = (at + 1) % seen->capacity;
	if (seen->hashes[at] == hash)
		return false;
	seen->hashes[at] = hash;
	seen->count++;
	return true;
}

static bool is_repeated(struct import *import, const struct backlog_record *record,
			struct bytes whole)
{
	if (record->message_id.len == 0)
		return false;
	uint64_t hash = hash_bytes(import->seen.start, whole);
	return !seen_add(&import->seen, hash != 0 ? hash : 1);
}

/* ---- the end ---- */

static void finish(struct errand *errand)
{
	struct import *import = errand->owner;
	watch_free(&import->file);
}

static void tell_fault(const struct import *import)
{
	(void)fprintf(stderr,
		      "leveret: %s; %" PRIu64 " messages are imported: go on with --skip %" PRIu64
		      "\n",
		      import->fault.text, import->imported_count, import->settled_count);
}

static void conclude(struct import *import)
{
	if (import->is_interrupted && !import->has_fault)
		import->has_fault = fail(&import->fault, E_CANCELLED, "interrupted") != OK;
	if (import->has_fault)
		tell_fault(import);
	errand_end(&import->errand, import->has_fault ? EXIT_FAILED : EXIT_DONE);
}

static void stop_at(struct import *import, const struct why *why)
{
	if (!import->has_fault)
		import->fault = *why;
	import->has_fault = true;
}

/* ---- publishing ---- */

static void go_on(struct import *import);
static void on_readable(void *owner, bool can_read, bool can_write);

static void settle(struct import *import, uint64_t number)
{
	import->is_settled[number % WINDOW] = true;
	while (import->settled_count < import->read_count &&
	       import->is_settled[import->settled_count % WINDOW])
		import->is_settled[import->settled_count++ % WINDOW] = false;
}

static void on_published(void *owner, enum err err)
{
	struct sending *sending = owner;
	struct import *import = sending->import;
	struct why why;
	uint64_t number = sending->number;
	blob_unref(&sending->body);
	free(sending);
	import->unconfirmed_count--;
	if (err == E_CANCELLED) /* by broker_close() */
		return;
	if (err) {
		(void)fail(&why, err, "the broker did not take message %" PRIu64 ": %s", number + 1,
			   err_text(err));
		stop_at(import, &why);
	} else {
		import->imported_count++;
		settle(import, number);
	}
	go_on(import);
}

static void publish(struct import *import, struct publication *publication, uint64_t number)
{
	struct sending *sending = memory_new(sizeof *sending);
	*sending = (struct sending){.import = import, .number = number};
	if (publication->head.len > HEAD_BYTES) {
		sending->body = blob_from_bytes(bytes_skip(publication->head, HEAD_BYTES));
		publication->tail = sending->body;
		publication->head = bytes_first(publication->head, HEAD_BYTES);
	}
	import->unconfirmed_count++;
	broker_publish(import->errand.broker, publication, on_published, sending);
}

static void take_message(struct import *import, const struct backlog_record *record,
			 struct bytes whole)
{
	struct publication publication;
	struct why why = {""};
	uint64_t number = import->read_count;
	bool is_new = !is_repeated(import, record, whole);
	arena_reset(import->arena);
	if (moving_publication(import->arena, record, &publication, &why) != OK) {
		stop_at(import, &why);
		return;
	}
	import->read_count++;
	import->file_count++;
	if (number >= import->options->skip && is_new) {
		publish(import, &publication, number);
		return;
	}
	import->repeated_count += !is_new;
	settle(import, number);
}

/* ---- reading ---- */

static void take_end(struct import *import, const struct backlog_record *record)
{
	struct why why;
	import->has_end = true;
	if (record->count == import->file_count)
		return;
	(void)fail(&why, E_MALFORMED, "the file should hold %" PRIu64 " messages", record->count);
	stop_at(import, &why);
}

/* False when more bytes are needed, or when there is a fault. */
static bool take_start(struct import *import, struct why *why)
{
	struct bytes start = BYTES(BACKLOG_START);
	struct bytes in = buf_bytes(&import->in);
	size_t len = in.len < start.len ? in.len : start.len;
	if (!bytes_equal(bytes_first(in, len), bytes_first(start, len))) {
		(void)fail(why, E_MALFORMED, "this is no file of leveret queue export");
		stop_at(import, why);
		return false;
	}
	if (in.len < start.len)
		return false;
	buf_consume(&import->in, start.len);
	import->has_start = true;
	return true;
}

/* False when more bytes are needed, or when there is a fault. */
static bool take_record(struct import *import)
{
	struct backlog_record record;
	struct why why = {""};
	size_t len = 0;
	if (!import->has_start && !take_start(import, &why))
		return false;
	if (import->has_end && import->in.len > 0) {
		(void)fail(&why, E_MALFORMED, "something stands behind the end of the file");
		stop_at(import, &why);
		return false;
	}
	enum err err = backlog_read(buf_bytes(&import->in), &record, &len, &why);
	if (err == E_NOT_FOUND)
		return false;
	if (err) {
		stop_at(import, &why);
		return false;
	}
	if (record.is_end)
		take_end(import, &record);
	else
		take_message(import, &record, bytes_first(buf_bytes(&import->in), len));
	buf_consume(&import->in, len);
	return !import->has_fault;
}

/* settle() needs a place for each number between the first unsettled and the last read. */
static bool has_room(const struct import *import)
{
	return import->read_count - import->settled_count < WINDOW &&
	       broker_unconfirmed_bytes(import->errand.broker) < WINDOW_BYTES;
}

static bool has_stopped(const struct import *import)
{
	return import->has_fault || import->is_interrupted;
}

static void open_file(struct import *import)
{
	import->file = watch_new(import->errand.loop, import->options->fds[import->file_at],
				 on_readable, import);
	watch_want(import->file, true, false);
}

static void check_end(struct import *import)
{
	struct why why;
	bool is_cut = !import->has_end && import->has_start;
	if (is_cut && import->options->takes_cut) {
		(void)fprintf(stderr,
			      "leveret: a file is cut: %zu bytes at its end are passed over\n",
			      import->in.len);
	} else if (!import->has_end) {
		(void)fail(
			&why, E_MALFORMED,
			is_cut ? "the file is cut: its end is missing (--cut takes what is there)"
			       : "this is no file of leveret queue export");
		stop_at(import, &why);
	}
}

static void next_file(struct import *import)
{
	check_end(import);
	if (has_stopped(import))
		return;
	watch_free(&import->file);
	buf_clear(&import->in);
	import->has_start = import->has_end = import->is_read = false;
	import->file_count = 0;
	import->is_complete = ++import->file_at == import->options->fd_count;
	if (!import->is_complete)
		open_file(import);
}

static void go_on(struct import *import)
{
	bool wants_bytes = false;
	while (!has_stopped(import) && !import->is_complete && !wants_bytes && has_room(import)) {
		wants_bytes = !take_record(import);
		if (wants_bytes && import->is_read && !has_stopped(import))
			next_file(import);
	}
	if (import->file)
		watch_want(import->file, wants_bytes && !has_stopped(import), false);
	if ((has_stopped(import) || import->is_complete) && import->unconfirmed_count == 0)
		conclude(import);
}

static void on_readable(void *owner, bool can_read, bool can_write)
{
	struct import *import = owner;
	struct why why;
	(void)can_read, (void)can_write;
	size_t want = buf_room(&import->in) < READ_BYTES ? buf_room(&import->in) : READ_BYTES;
	ssize_t got =
		read(import->options->fds[import->file_at], buf_reserve(&import->in, want), want);
	if (got > 0) {
		buf_commit(&import->in, (size_t)got);
	} else if (got == 0) {
		import->is_read = true;
	} else if (errno != EINTR && errno != EAGAIN) {
		(void)fail(&why, E_IO, "reading the file: %s", strerror(errno));
		stop_at(import, &why);
	}
	go_on(import);
}

static void begin(struct errand *errand)
{
	struct import *import = errand->owner;
	errand_has_no_limit(errand);
	open_file(import);
}

static void interrupted(struct errand *errand)
{
	struct import *import = errand->owner;
	import->is_interrupted = true;
	if (errand->has_begun)
		go_on(import);
	else
		errand_end(errand, EXIT_FAILED);
}

static void tell(const struct import *import)
{
	(void)printf(import->options->as_json ? "{\"imported\":%" PRIu64 ",\"repeated\":%" PRIu64
						",\"settled\":%" PRIu64 "}\n"
					      : "imported %" PRIu64 " messages (%" PRIu64
						" repeated ones passed over), %" PRIu64
						" of the files are done\n",
		     import->imported_count, import->repeated_count, import->settled_count);
}

int queue_import(const struct options *line, const struct queue_import_options *options)
{
	struct import import = {
		.errand = {.begin = begin, .finish = finish, .interrupted = interrupted},
		.options = options,
		.arena = arena_new(),
	};
	import.errand.owner = &import;
	random_bytes(&import.seen.start, sizeof import.seen.start);
	buf_init(&import.in, BACKLOG_SIZE_MAX + READ_BYTES);
	int code = errand_run(&import.errand, line, LIMIT_MS);
	if (import.read_count > 0 || code == EXIT_DONE)
		tell(&import);
	buf_done(&import.in);
	arena_free(&import.arena);
	free(import.seen.hashes);
	return code;
}
