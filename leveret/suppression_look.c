/* See suppression_look.h. */
#include "leveret/suppression_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/suppression_filter.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/conf/units.h"

/* ---- options ---- */

static bool parse_time(const struct options *options, const char *name, int64_t *ret)
{
	const char *text = options_value(options, name, NULL);
	int64_t ago_ms;
	if (!text || clock_parse_rfc3339(bytes_of(text), ret))
		return true;
	if (units_parse_duration(text, &ago_ms)) {
		*ret = clock_wall_ms(clock_system()) - ago_ms;
		return true;
	}
	(void)fprintf(stderr, "leveret: --%s %s: expected as 2h or 2026-11-21T09:00:00Z\n", name,
		      text);
	return false;
}

bool look_has_filter(const struct options *options)
{
	static const struct option_row rows[] = {FILTER_ROWS};
	for (size_t i = 0; i < FILTER_ROW_COUNT; i++)
		if (options_has(options, rows[i].name))
			return true;
	return false;
}

bool look_filter(const struct options *options, struct suppression_filter *ret)
{
	*ret = (struct suppression_filter){
		.domain = bytes_of(options_value(options, "domain", "")),
		.prefix = bytes_of(options_value(options, "prefix", "")),
		.reason = bytes_of(
			options_value(options, "reason", options_value(options, "class", ""))),
		.rule = bytes_of(options_value(options, "rule", "")),
		.text = bytes_of(options_value(options, "text", "")),
		.tenant = bytes_of(options_value(options, "tenant", "")),
		.stream = bytes_of(options_value(options, "stream", "")),
		.origin = bytes_of(options_value(options, "origin", "")),
		.site = bytes_of(options_value(options, "site", "")),
	};
	return parse_time(options, "since", &ret->since_wall_ms) &&
	       parse_time(options, "until", &ret->until_wall_ms);
}

/* ---- where it is kept ---- */

static const char *spool_folder(void)
{
	const char *folder = getenv("TMPDIR");
	return folder && folder[0] ? folder : "/var/tmp";
}

/* Without a name at once, so that nothing is left of it however the verb ends. */
static enum err open_spool(struct store **ret, struct why *why)
{
	static const char *const databases[] = {REPLICA_DATABASES};
	char folder[4000];
	(void)snprintf(folder, sizeof folder, "%.3900s/leveret-XXXXXX", spool_folder());
	if (!mkdtemp(folder))
		return fail(why, E_IO, "no folder can be made under %s (see TMPDIR)",
			    spool_folder());
	enum err err =
		store_open(folder, databases, sizeof databases / sizeof databases[0], ret, why);
	if (err)
		(void)rmdir(folder);
	else
		store_unname(*ret);
	return err;
}

static void on_failed(void *owner, enum err err);

/* ---- what was found ---- */

#define STEP_ROWS 1000

struct look_walk {
	struct errand *errand;
	const struct look_steps *steps;
	struct arena *arena; /* of one step */
	struct task step;
	struct look_cursor next;
	size_t row_count;
	bool has_more;
};

bool look_get(struct look *look, struct bytes tenant, struct bytes stream, const char *address,
	      struct suppression *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX], value[REPLICA_VALUE_MAX];
	size_t len, key_len = suppression_key(tenant, stream, bytes_of(address), key);
	if (replica_get(look->replica, bytes_from(key, key_len), value, sizeof value, &len))
		return false;
	arena_reset(look->arena);
	struct bytes encoded = arena_copy(look->arena, bytes_from(value, len));
	return suppression_decode(look->arena, encoded, ret, NULL) == OK;
}

/* Behind a key is the same with a NUL more. */
static void go_behind(struct look_cursor *cursor, struct bytes key)
{
	if (key.len > 0)
		memcpy(cursor->key, key.data, key.len);
	cursor->len = key.len;
	if (key.len > 0 && key.len < STORE_KEY_MAX)
		cursor->key[cursor->len++] = 0;
}

static bool walk_on(void *owner, const struct table_entry *entry)
{
	struct look_walk *walk = owner;
	struct suppression suppression;
	if (walk->row_count++ == STEP_ROWS)
		return false;
	go_behind(&walk->next, entry->key);
	walk->has_more = suppression_decode(walk->arena, entry->value, &suppression, NULL) ||
			 walk->steps->each(walk->errand, entry->key, &suppression);
	return walk->has_more;
}

static void walk_end(struct look *look, struct loop *loop)
{
	struct look_walk *walk = look->walk;
	if (!walk)
		return;
	look->walk = NULL;
	task_cancel(&walk->step, loop);
	arena_free(&walk->arena);
	free(walk);
}

static void on_step(void *owner)
{
	struct look_walk *walk = owner;
	struct errand *errand = walk->errand;
	struct look *look = errand->owner;
	struct look_cursor from = walk->next;
	arena_reset(walk->arena);
	walk->row_count = 0;
	walk->has_more = true;
	enum err err = replica_each(look->replica, bytes_from(from.key, from.len), walk->arena,
				    walk_on, walk);
	if (!err && walk->has_more && walk->row_count > STEP_ROWS) {
		loop_defer(errand->loop, &walk->step);
		return;
	}
	const struct look_steps *steps = walk->steps;
	walk_end(look, errand->loop);
	if (err)
		on_failed(errand, err);
	else
		steps->done(errand);
}

void look_walk(struct errand *errand, struct bytes behind, const struct look_steps *steps)
{
	struct look *look = errand->owner;
	struct look_walk *walk = memory_new(sizeof *walk);
	walk->errand = errand;
	walk->steps = steps;
	walk->arena = arena_new();
	walk->step = (struct task){.run = on_step, .owner = walk};
	go_behind(&walk->next, behind);
	look->walk = walk;
	errand_has_no_limit(errand);
	loop_defer(errand->loop, &walk->step);
}

static bool note_first(void *owner, const struct table_entry *entry)
{
	struct look_cursor *cursor = owner;
	memcpy(cursor->key, entry->key.data, entry->key.len);
	cursor->len = entry->key.len;
	return false;
}

bool look_is_any_left(struct look *look, struct look_cursor *cursor)
{
	struct look_cursor found = {.len = 0};
	arena_reset(look->arena);
	enum err err = replica_each(look->replica, bytes_from(cursor->key, cursor->len),
				    look->arena, note_first, &found);
	if (found.len > 0)
		*cursor = found;
	return err || found.len > 0;
}

/* ---- following the table ---- */

static bool fits(const struct look *look, struct arena *scratch, struct bytes value)
{
	struct suppression suppression;
	int64_t now = clock_wall_ms(clock_system());
	if (suppression_decode(scratch, value, &suppression, NULL) != OK ||
	    suppression.is_held != look->wants_held)
		return false;
	suppression.is_held = false;
	return suppression_is_in_force(&suppression, now) &&
	       suppression_filter_fits(&look->filter, &suppression);
}

static struct bytes on_keep(void *owner, struct arena *arena, struct bytes value)
{
	const struct errand *errand = owner;
	struct look *look = errand->owner;
	(void)arena;
	arena_reset(look->arena);
	return fits(look, look->arena, value) ? value : BYTES_NONE;
}

static void on_changed(void *owner)
{
	struct errand *errand = owner;
	const struct look *look = errand->owner;
	if (look->is_complete && look->changed)
		look->changed(errand);
}

static void on_caught_up(void *owner)
{
	struct errand *errand = owner;
	struct look *look = errand->owner;
	if (look->is_complete)
		return; /* connected again */
	look->is_complete = true;
	look->told(errand);
}

static void on_failed(void *owner, enum err err)
{
	(void)fprintf(stderr, "leveret: what was found cannot be kept under %s: %s\n",
		      spool_folder(), err_text(err));
	errand_end(owner, EXIT_FAILED);
}

static void follow(struct errand *errand)
{
	static struct replica_selection selection;
	struct look *look = errand->owner;
	struct why why = {""};
	selection =
		(struct replica_selection){on_keep, on_changed, on_caught_up, on_failed, errand};
	if (open_spool(&look->store, &why)) {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
		errand_end(errand, EXIT_FAILED);
		return;
	}
	look->replica = replica_select(errand->broker, errand->loop, look->store,
				       SUPPRESSIONS_TABLE, &selection);
}

static void unfollow(struct errand *errand)
{
	struct look *look = errand->owner;
	walk_end(look, errand->loop);
	replica_free(&look->replica);
	if (look->store)
		store_close(&look->store);
}

int look_run(struct look *look, const struct options *options, int64_t limit_ms)
{
	struct errand errand = {.begin = follow, .finish = unfollow, .owner = look};
	look->arena = arena_new();
	look->as_json = options_has(options, "json");
	int code = errand_run(&errand, options, limit_ms);
	arena_free(&look->arena);
	return code;
}

void look_print(const struct look *look, const struct suppression *suppression)
{
	char created[CLOCK_RFC3339_SIZE];
	struct buf out;
	if (!look->as_json) {
		clock_rfc3339(suppression->created_wall_ms, created);
		(void)printf("%.*s\t%.*s\t%.*s\t%s\t%.*s\n", BYTES_ARGS(suppression->address),
			     BYTES_ARGS(suppression->reason), BYTES_ARGS(suppression->origin),
			     created, BYTES_ARGS(suppression->evidence));
		return;
	}
	buf_init(&out, 64 * 1024);
	if (suppression_to_json(suppression, &out) == OK)
		(void)printf("%.*s\n", BYTES_ARGS(buf_bytes(&out)));
	buf_done(&out);
}
