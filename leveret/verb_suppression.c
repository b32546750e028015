/* leveret suppression list | show | add | remove. Reading follows the replicated table from its beginning, so that it works on any
 * host that reaches the broker; changing sends a directive to the bouncer, which owns the table, and waits to see it there. */
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "leveret/directing.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"
#include "schemas/schemas.h"

#define LIMIT_MS 20000

struct entry {
	uint8_t *key;
	struct suppression suppression;
	UT_hash_handle hh;
};

struct look {
	struct arena *arena;
	struct entry *entries;
	struct table_follower *follower;
	void (*told)(struct errand *errand); /* the table is complete */
	void (*changed)(
		struct errand *errand,
		const struct suppression *suppression); /* an entry came; NULL: nobody asks */
	bool as_json, is_complete;
	char address[ADDRESS_MAX + 1];
	bool want_removed; /* add, remove: what is waited for */
	const char *reason;
	uint64_t version_before; /* of the address, when the directive was sent */
};

/* ---- following the table ---- */

static void keep_entry(struct look *look, const struct table_entry *entry,
		       const struct suppression *suppression)
{
	struct entry *known = NULL;
	HASH_FIND(hh, look->entries, entry->key.data, entry->key.len, known);
	if (known && known->suppression.version >= suppression->version)
		return;
	if (!known) {
		known = arena_zalloc(look->arena, 1, sizeof *known);
		known->key = arena_alloc(look->arena, entry->key.len);
		memcpy(known->key, entry->key.data, entry->key.len);
		HASH_ADD_KEYPTR(hh, look->entries, known->key, entry->key.len, known);
	}
	known->suppression = *suppression;
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	(void)position;
	struct errand *errand = owner;
	struct look *look = errand->owner;
	struct suppression suppression = {.version = entry->version, .is_removed = true};
	struct bytes value = arena_copy(look->arena, entry->value);
	if (entry->value.len > 0 &&
	    suppression_decode(look->arena, value, &suppression, NULL) != OK)
		return;
	suppression.version = entry->version;
	keep_entry(look, entry, &suppression);
	if (look->is_complete && look->changed)
		look->changed(errand, &suppression);
}

static void on_caught_up(void *owner)
{
	struct errand *errand = owner;
	struct look *look = errand->owner;
	look->is_complete = true;
	look->told(errand);
}

static void follow(struct errand *errand)
{
	static const struct table_handler handler = {on_entry, on_caught_up};
	struct look *look = errand->owner;
	look->follower = table_follow(errand->broker, "suppressions", 0, &handler, errand);
}

static void unfollow(struct errand *errand)
{
	struct look *look = errand->owner;
	table_follower_free(&look->follower);
}

static const struct suppression *find(struct look *look)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(BYTES_NONE, BYTES_NONE, bytes_of(look->address), key);
	struct entry *known = NULL;
	HASH_FIND(hh, look->entries, key, len, known);
	return known ? &known->suppression : NULL;
}

/* ---- printing ---- */

static bool is_in_force(const struct suppression *suppression, int64_t wall_ms)
{
	return !suppression->is_removed &&
	       (suppression->expires_wall_ms == 0 || suppression->expires_wall_ms > wall_ms);
}

static void print_json(const struct suppression *suppression)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	if (suppression_to_json(suppression, &out) == OK)
		(void)printf("%.*s\n", BYTES_ARGS(buf_bytes(&out)));
	buf_done(&out);
}

static void print_text(const struct suppression *suppression)
{
	char created[CLOCK_RFC3339_SIZE];
	clock_rfc3339(suppression->created_wall_ms, created);
	(void)printf("%.*s\t%.*s\t%.*s\t%s\t%.*s\n", BYTES_ARGS(suppression->address),
		     BYTES_ARGS(suppression->reason), BYTES_ARGS(suppression->origin), created,
		     BYTES_ARGS(suppression->evidence));
}

static void print(const struct look *look, const struct suppression *suppression)
{
	if (look->as_json)
		print_json(suppression);
	else
		print_text(suppression);
}

/* ---- list and show ---- */

static void print_all(struct errand *errand)
{
	struct look *look = errand->owner;
	for (struct entry *entry = look->entries; entry; entry = entry->hh.next)
		if (is_in_force(&entry->suppression, loop_wall_ms(errand->loop)))
			print(look, &entry->suppression);
	errand_end(errand, EXIT_DONE);
}

static void print_one(struct errand *errand)
{
	struct look *look = errand->owner;
	const struct suppression *suppression = find(look);
	bool is_found = suppression && is_in_force(suppression, loop_wall_ms(errand->loop));
	if (is_found)
		print(look, suppression);
	else
		(void)fprintf(stderr, "leveret: %s is not suppressed\n", look->address);
	errand_end(errand, is_found ? EXIT_DONE : EXIT_NOT_FOUND);
}

/* ---- add and remove ---- */

static void tell_outcome(const struct look *look, bool is_changed)
{
	char address[ADDRESS_MAX * 6 + 1];
	(void)log_escape_json(bytes_of(look->address), address, sizeof address);
	if (look->as_json)
		(void)printf("{\"address\":\"%s\",\"suppressed\":%s,\"changed\":%s}\n", address,
			     look->want_removed ? "false" : "true", is_changed ? "true" : "false");
	else
		(void)printf("%s is %s%s\n", look->address,
			     look->want_removed ? "not suppressed" : "suppressed",
			     is_changed ? " now" : " already");
}

static void see_change(struct errand *errand, const struct suppression *suppression)
{
	struct look *look = errand->owner;
	(void)suppression;
	const struct suppression *known = find(look);
	if (!known || known->version <= look->version_before ||
	    known->is_removed != look->want_removed)
		return;
	tell_outcome(look, true);
	errand_end(errand, EXIT_DONE);
}

static void send_directive(struct errand *errand)
{
	struct look *look = errand->owner;
	const struct suppression *known = find(look);
	bool is_so = known && is_in_force(known, loop_wall_ms(errand->loop));
	if (is_so != look->want_removed) {
		tell_outcome(look, false);
		errand_end(errand, EXIT_DONE);
		return;
	}
	look->version_before = known ? known->version : 0;
	struct directive directive = {
		.kind = look->want_removed ? DIRECTIVE_UNSUPPRESS : DIRECTIVE_SUPPRESS,
		.by = bytes_of(directing_user()),
		.has_suppression = true,
		.suppression = {.address = bytes_of(look->address),
				.reason = bytes_of(look->reason),
				.origin = BYTES("operator"),
				.created_wall_ms = loop_wall_ms(errand->loop)},
	};
	direct(errand, &directive);
}

/* ---- the four verbs ---- */

static int look_up(const struct options *options, struct look *look)
{
	struct errand errand = {.begin = follow, .finish = unfollow, .owner = look};
	look->arena = arena_new();
	look->as_json = options_has(options, "json");
	int code = errand_run(&errand, options, LIMIT_MS);
	HASH_CLEAR(hh, look->entries);
	arena_free(&look->arena);
	return code;
}

static int look_up_address(const struct options *options, struct look *look)
{
	struct address address;
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one address\n");
		return EXIT_USAGE;
	}
	if (address_parse(bytes_of(options->arguments[0]), true, &address) != OK ||
	    address.is_null || address_canonical(&address, look->address) != OK) {
		(void)fprintf(stderr, "leveret: \"%s\" is not a mail address\n",
			      options->arguments[0]);
		return EXIT_USAGE;
	}
	return look_up(options, look);
}

static int run_list(const struct options *options)
{
	return look_up(options, &(struct look){.told = print_all});
}

static int run_show(const struct options *options)
{
	return look_up_address(options, &(struct look){.told = print_one});
}

static int run_add(const struct options *options)
{
	return look_up_address(
		options, &(struct look){.told = send_directive,
					.changed = see_change,
					.reason = options_value(options, "reason", "manual")});
}

static int run_remove(const struct options *options)
{
	return look_up_address(options,
			       &(struct look){.told = send_directive,
					      .changed = see_change,
					      .reason = options_value(options, "reason", "manual"),
					      .want_removed = true});
}

static const struct option_row reason_rows[] = {
	{"reason", 'r', "WORD", "why, kept with the entry (default: manual)"}};

const struct verb verb_suppression_list = {
	.name = "suppression list",
	.synopsis = "",
	.summary = "addresses that get no mail",
	.text = "One line per suppressed address: address, reason, origin, since when, evidence. "
		"With --json one object per line.",
	.run = run_list,
};
const struct verb verb_suppression_show = {
	.name = "suppression show",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "why an address gets no mail",
	.text = "Prints the entry of an address, in any of its spellings. Exit code 3 when it is "
		"not suppressed.",
	.run = run_show,
};
const struct verb verb_suppression_add = {
	.name = "suppression add",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "send no more mail to an address",
	.text = "Asks the bouncer to suppress the address and waits until the table says so; every "
		"ingest and worker heeds it within 2 s.",
	.rows = reason_rows,
	.row_count = 1,
	.run = run_add,
};
const struct verb verb_suppression_remove = {
	.name = "suppression remove",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "mail an address again",
	.text = "Asks the bouncer to remove the suppression of the address and waits until the "
		"table says so.",
	.rows = reason_rows,
	.row_count = 1,
	.run = run_remove,
};
