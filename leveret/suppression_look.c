/* See suppression_look.h. */
#include "leveret/suppression_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/suppression_filter.h"
#include "lib/base/clock.h"
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

/* ---- following the table ---- */

static struct look_entry *find(struct look *look, struct bytes key)
{
	struct look_entry *entry = NULL;
	HASH_FIND(hh, look->entries, key.data, key.len, entry);
	return entry;
}

static struct look_entry *add(struct look *look, struct bytes key)
{
	struct look_entry *entry = arena_zalloc(look->arena, 1, sizeof *entry);
	entry->key = arena_alloc(look->arena, key.len);
	entry->key_len = key.len;
	memcpy(entry->key, key.data, key.len);
	HASH_ADD_KEYPTR(hh, look->entries, entry->key, key.len, entry);
	return entry;
}

static bool is_wanted(const struct look *look, struct arena *scratch, struct bytes value)
{
	struct suppression suppression;
	int64_t now = clock_wall_ms(clock_system());
	if (value.len == 0 || suppression_decode(scratch, value, &suppression, NULL) != OK ||
	    suppression.is_held != look->wants_held)
		return false;
	suppression.is_held = false;
	return suppression_is_in_force(&suppression, now) &&
	       suppression_filter_fits(&look->filter, &suppression);
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct errand *errand = owner;
	struct look *look = errand->owner;
	struct arena *scratch = arena_new();
	bool fits = is_wanted(look, scratch, entry->value);
	struct look_entry *known = find(look, entry->key);
	(void)position;
	arena_free(&scratch);
	if (known && known->version >= entry->version)
		return;
	if (!known && !fits && entry->value.len > 0 && !look->is_complete)
		return;
	if (!known)
		known = add(look, entry->key);
	look->fitting_count += fits;
	look->fitting_count -= known->fits;
	known->version = entry->version;
	known->fits = fits;
	known->encoded = fits ? arena_copy(look->arena, entry->value) : BYTES_NONE;
	if (look->is_complete && look->changed)
		look->changed(errand, known);
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

static void follow(struct errand *errand)
{
	static const struct table_handler handler = {on_entry, on_caught_up};
	struct look *look = errand->owner;
	look->follower = table_follow(errand->broker, SUPPRESSIONS_TABLE, 0, &handler, errand);
}

static void unfollow(struct errand *errand)
{
	struct look *look = errand->owner;
	table_follower_free(&look->follower);
}

int look_run(struct look *look, const struct options *options, int64_t limit_ms)
{
	struct errand errand = {.begin = follow, .finish = unfollow, .owner = look};
	look->arena = arena_new();
	look->as_json = options_has(options, "json");
	int code = errand_run(&errand, options, limit_ms);
	HASH_CLEAR(hh, look->entries);
	arena_free(&look->arena);
	return code;
}

/* ---- what was found ---- */

struct look_entry *look_find(struct look *look, struct bytes tenant, struct bytes stream,
			     const char *address)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(tenant, stream, bytes_of(address), key);
	return find(look, bytes_from(key, len));
}

bool look_decode(struct look *look, const struct look_entry *entry, struct suppression *ret)
{
	return entry->fits && suppression_decode(look->arena, entry->encoded, ret, NULL) == OK;
}

/* The address is the key's end, so keys are compared from behind their names only where these are the same. */
static int compare(const void *a, const void *b)
{
	const struct look_entry *const *left = a, *const *right = b;
	size_t len = (*left)->key_len < (*right)->key_len ? (*left)->key_len : (*right)->key_len;
	int order = memcmp((*left)->key, (*right)->key, len);
	if (order != 0)
		return order;
	return (*left)->key_len < (*right)->key_len ? -1 : (*left)->key_len > (*right)->key_len;
}

struct look_entry **look_sorted(struct look *look)
{
	struct look_entry **sorted =
		arena_zalloc(look->arena, look->fitting_count + 1, sizeof(struct look_entry *));
	size_t count = 0;
	for (struct look_entry *entry = look->entries; entry; entry = entry->hh.next)
		if (entry->fits)
			sorted[count++] = entry;
	qsort(sorted, count, sizeof(struct look_entry *), compare);
	return sorted;
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
