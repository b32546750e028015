/* Publishing: find the queues, add the message to each, answer when it is committed in all. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/obs/log.h"

/* About what one target takes in memory until it is committed. */
#define ADDITION_COST ((size_t)500)

/* A request that waits for its commit. */
struct publishing {
	struct session *session;
	uint64_t tag;
	unsigned pending;
	size_t bytes;
	enum err err;
};

/* One place that it goes to. */
struct addition {
	struct publishing *publishing;
	uint32_t queue; /* which may be deleted meanwhile */
	struct shared *record;
	struct standing standing;
	uint64_t order, file;
	int64_t due_wall_ms;
};

void core_unlink_body(const struct core *core, uint64_t file)
{
	char path[BODY_PATH_MAX];
	if (!file)
		return;
	body_path(core->directory, file, path);
	if (unlink(path) != 0 && errno != ENOENT)
		log_event(EV_store_failed, F_TEXT("path", path), F_TEXT("why", strerror(errno)));
}

static bool has_body(const struct core *core, const struct record *record)
{
	char path[BODY_PATH_MAX];
	struct stat about;
	body_path(core->directory, record->file, path);
	return stat(path, &about) == 0 && (uint64_t)about.st_size == record->body_size;
}

static void added(void *owner, enum err err)
{
	struct addition *addition = owner;
	struct publishing *publishing = addition->publishing;
	struct core *core = publishing->session->core;
	struct queue *queue = catalog_by_id(core->catalog, addition->queue);
	if (err)
		core_unlink_body(core, addition->file);
	else if (addition->due_wall_ms)
		delays_note(core->delays, addition->due_wall_ms);
	else if (queue)
		queue_note(queue, addition->order, &addition->standing, addition->record);
	if (err)
		publishing->err = err;
	if (--publishing->pending == 0) {
		session_finish(publishing->session, publishing->tag, publishing->err,
			       publishing->bytes);
		free(publishing);
	}
	shared_unref(&addition->record);
	free(addition);
}

static void add(struct publishing *publishing, struct queue *queue, struct shared *record,
		uint64_t file, int64_t due_wall_ms)
{
	struct core *core = queue->core;
	struct addition *addition = memory_new(sizeof *addition);
	struct change *change = change_new(CHANGE_ADD);
	uint64_t number = core_number(core);
	*addition = (struct addition){.publishing = publishing,
				      .queue = queue->id,
				      .record = shared_ref(record),
				      .standing = {.number = number, .run = core->run},
				      .order = number,
				      .file = file,
				      .due_wall_ms = due_wall_ms};
	change->is_dispensable = true;
	change->queue = queue->id;
	change->order = number;
	change->due_wall_ms = due_wall_ms;
	change->standing = addition->standing;
	change->file = file;
	change->record = shared_ref(record);
	change->done = added;
	change->owner = addition;
	core_add(core, change);
}

/* E_UNROUTABLE, E_BLOCKED, ...; OK with no queue: nobody wants it. */
static enum err route(struct core *core, const struct record *record,
		      struct queue *const **ret_targets, size_t *ret_count)
{
	*ret_count = catalog_route(core->catalog, record->exchange, record->key, ret_targets);
	if (*ret_count == 0)
		return exchange_is_for_subscribers(record->exchange) ? OK : E_UNROUTABLE;
	if (core->is_full && !exchange_is_an_end(record->exchange))
		return E_FULL;
	if (record->file == 0)
		return OK;
	if (*ret_count > 1)
		return E_TOO_BIG; /* one file belongs to one message */
	return has_body(core, record) ? OK : E_IO;
}

void core_publish(struct session *session, uint64_t tag, struct shared *record,
		  int64_t not_before_wall_ms)
{
	struct core *core = session->core;
	struct queue *const *targets = NULL;
	struct record parsed;
	size_t count = 0;
	enum err err = record_parse(shared_bytes(record), &parsed);
	if (!err)
		err = session_is_overloaded(session) ? E_BLOCKED
						     : route(core, &parsed, &targets, &count);
	if (err || count == 0) {
		if (err != E_MALFORMED)
			core_unlink_body(core, parsed.file);
		session_answer(session, tag, err);
		shared_unref(&record);
		return;
	}
	CRASH_POINT("published");
	if (parsed.exchange != EXCHANGE_DELIVER || not_before_wall_ms <= loop_wall_ms(core->loop))
		not_before_wall_ms = 0;
	struct publishing *publishing = memory_new(sizeof *publishing);
	*publishing = (struct publishing){.session = session,
					  .tag = tag,
					  .pending = (unsigned)count,
					  .bytes = shared_bytes(record).len + count * ADDITION_COST,
					  .err = OK};
	if (MUTANT("reply-before-commit")) {
		struct packet *packet = packet_new(PACKET_DONE, tag);
		session_send(session, packet);
		publishing->tag = 0;
	}
	session_begin(session, publishing->bytes);
	for (size_t i = 0; i < count; i++)
		add(publishing, targets[i], record, parsed.file, not_before_wall_ms);
	shared_unref(&record);
}
