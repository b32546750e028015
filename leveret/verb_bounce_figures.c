/* leveret bounce stats and unknown: what the bouncers counted: they are asked, from any host; where none answers, this host's store is read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "bouncer/asked.h"
#include "bouncer/classification/tallies.h"
#include "broker/rows_answer.h"
#include "leveret/asking.h"
#include "leveret/bouncer_store.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/arena.h"
#include "lib/obs/log.h"

#define DAY_MS	    INT64_C(86400000)
#define TOP_DEFAULT 50

typedef bool (*row_reader)(void *owner, struct bytes key, struct bytes value);

struct rows_reading {
	row_reader read;
	void *owner;
	size_t answer_count, wanted_count; /* that came, and that were announced */
};

static int on_rows(void *owner, struct bytes answer)
{
	struct rows_reading *reading = owner;
	uint32_t number;
	bool is_last;
	struct bytes rows, key, value;
	if (rows_answer_read(answer, &number, &is_last, &rows) != OK)
		return 0;
	reading->answer_count++;
	if (is_last)
		reading->wanted_count += number + 1;
	while (rows_answer_next(&rows, &key, &value) && reading->read(reading->owner, key, value))
		;
	return 0;
}

/* Of a host where none runs now. */
static int read_store(const struct options *options, const char *database, row_reader read,
		      void *owner)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	struct store *store = settings ? bouncer_store_open(settings) : NULL;
	int code = EXIT_NO_SERVER;
	if (store) {
		struct store_txn *txn = store_read_begin(store);
		enum err err =
			store_each(txn, store_database(store, database), BYTES_NONE, read, owner);
		store_read_end(&txn);
		code = err ? EXIT_FAILED : EXIT_DONE;
	}
	store_close(&store);
	conf_free(&conf);
	return code;
}

/* Runs `read` on all rows of a database. */
static int read_rows(const struct options *options, const char *database, row_reader read,
		     void *owner)
{
	struct rows_reading reading = {.read = read, .owner = owner};
	char text[80];
	(void)snprintf(text, sizeof text, ASKED_ROWS "\n%s", database);
	const struct bouncers_question question = {
		.text = text, .answered = on_rows, .owner = &reading};
	int code = bouncers_ask(options, &question);
	if (code == EXIT_NO_SERVER)
		return read_store(options, database, read, owner);
	if (code != EXIT_DONE || reading.answer_count == reading.wanted_count)
		return code;
	(void)fprintf(stderr, "leveret: a part of an answer is missing: ask again\n");
	return EXIT_FAILED;
}

/* ---- stats ---- */

struct sum {
	char *key; /* what is printed, but for the count */
	uint64_t count;
	UT_hash_handle hh;
};

struct stats {
	struct arena *arena;
	struct sum *sums;
	uint64_t first_day;
	bool by_site, by_source, as_json;
};

static char *line_of(const struct stats *stats, const struct tally_row *row)
{
	const char *class = bounce_class_name(row->class),
		   *hardness = bounce_family_name(row->family);
	struct bytes site = stats->by_site ? row->site : BYTES_NONE;
	struct bytes source = stats->by_source ? row->source : BYTES_NONE;
	if (stats->as_json)
		return arena_printf(stats->arena,
				    "\"class\":\"%s\",\"hardness\":\"%s\"%s%.*s%s%s%.*s%s", class,
				    hardness, site.len ? ",\"site\":\"" : "", BYTES_ARGS(site),
				    site.len ? "\"" : "", source.len ? ",\"source\":\"" : "",
				    BYTES_ARGS(source), source.len ? "\"" : "");
	return arena_printf(stats->arena, "%s\t%s%s%.*s%s%.*s", class, hardness,
			    site.len ? "\t" : "", BYTES_ARGS(site), source.len ? "\t" : "",
			    BYTES_ARGS(source));
}

static bool add_row(void *owner, struct bytes key, struct bytes value)
{
	struct stats *stats = owner;
	struct tally_row row;
	if (tally_row_parse(key, value, &row) != OK || row.day < stats->first_day)
		return true;
	char *line = line_of(stats, &row);
	struct sum *sum = NULL;
	HASH_FIND_STR(stats->sums, line, sum);
	if (!sum) {
		sum = arena_zalloc(stats->arena, 1, sizeof *sum);
		sum->key = line;
		HASH_ADD_KEYPTR(hh, stats->sums, sum->key, strlen(sum->key), sum);
	}
	sum->count += row.count;
	return true;
}

static int by_count(const struct sum *a, const struct sum *b)
{
	return a->count < b->count ? 1 : -(a->count > b->count);
}

static int run_stats(const struct options *options)
{
	struct stats stats = {
		.by_site = options_has(options, "by-site"),
		.by_source = options_has(options, "by-source"),
		.as_json = options_has(options, "json"),
	};
	uint64_t days;
	if (!options_number(options, "days", 7, &days))
		return EXIT_USAGE;
	uint64_t today = (uint64_t)(clock_wall_ms(clock_system()) / DAY_MS);
	stats.first_day = days > today ? 0 : today + 1 - days;
	stats.arena = arena_new();
	int code = read_rows(options, "bounce.counts", add_row, &stats);
	HASH_SORT(stats.sums, by_count);
	for (const struct sum *sum = stats.sums; sum; sum = sum->hh.next)
		(void)printf(stats.as_json ? "{%s,\"count\":%" PRIu64 "}\n" : "%s\t%" PRIu64 "\n",
			     sum->key, sum->count);
	HASH_CLEAR(hh, stats.sums);
	arena_free(&stats.arena);
	return code;
}

/* ---- unknown replies ---- */

struct unknowns {
	struct arena *arena;
	struct unknown_row rows[UNKNOWN_ROWS_MAX];
	size_t count;
};

static bool keep_row(void *owner, struct bytes key, struct bytes value)
{
	struct unknowns *unknowns = owner;
	(void)key;
	if (unknowns->count == UNKNOWN_ROWS_MAX)
		return false;
	struct unknown_row *row = &unknowns->rows[unknowns->count];
	if (unknown_row_parse(arena_copy(unknowns->arena, value), row) == OK)
		unknowns->count++;
	return unknowns->count < UNKNOWN_ROWS_MAX;
}

static int by_frequency(const void *a, const void *b)
{
	const struct unknown_row *left = a, *right = b;
	return left->count < right->count ? 1 : -(left->count > right->count);
}

static void print_unknown(const struct unknown_row *row, bool as_json)
{
	char text[UNKNOWN_TEXT_MAX * 6 + 1], last[CLOCK_RFC3339_SIZE];
	(void)log_escape_json(row->text, text, sizeof text);
	clock_rfc3339((int64_t)row->last_s * 1000, last);
	(void)printf(as_json ? "{\"count\":%" PRIu64
			       ",\"last\":\"%s\",\"code\":%u,\"site\":\"%.*s\",\"class\":\"%s\","
			       "\"text\":\"%s\"}\n"
			     : "%" PRIu64 "\t%s\t%u\t%.*s\t%s\t%s\n",
		     row->count, last, (unsigned)row->code, BYTES_ARGS(row->site),
		     bounce_class_name(row->class), text);
}

static int run_unknown(const struct options *options)
{
	uint64_t top;
	if (!options_number(options, "top", TOP_DEFAULT, &top))
		return EXIT_USAGE;
	struct arena *arena = arena_new();
	struct unknowns *unknowns = arena_zalloc(arena, 1, sizeof *unknowns);
	unknowns->arena = arena;
	int code = read_rows(options, "bounce.unknown", keep_row, unknowns);
	qsort(unknowns->rows, unknowns->count, sizeof unknowns->rows[0], by_frequency);
	for (size_t i = 0; i < unknowns->count && i < top; i++)
		print_unknown(&unknowns->rows[i], options_has(options, "json"));
	arena_free(&arena);
	return code;
}

static const struct option_row stats_rows[] = {
	{"days", 'd', "COUNT", "of the last so many days, today included (default: 7)"},
	{"by-site", 0, NULL, "for each named site; tail: the others"},
	{"by-source", 0, NULL, "for each source"},
};
static const struct option_row unknown_rows[] = {
	{"top", 'n', "COUNT", "so many at the most (default: 50)"},
};

const struct verb verb_bounce_stats = {
	.name = "bounce stats",
	.synopsis = "",
	.summary = "how many replies of which class there were",
	.text = "One line per class and what it says of the address, the most frequent first. All "
		"bouncers that run are asked, from any host; where none answers, the store of this "
		"host's is read.",
	.rows = stats_rows,
	.row_count = 3,
	.run = run_stats,
};
const struct verb verb_bounce_unknown = {
	.name = "bounce unknown",
	.synopsis = "",
	.summary = "replies that no rule of words knew, so that rules can grow",
	.text = "One line per text, without what differs from mail to mail, the most frequent "
		"first: how often, when last, code, site, "
		"what it was taken for, text. Bouncers are asked as by `leveret bounce stats`.",
	.rows = unknown_rows,
	.row_count = 1,
	.run = run_unknown,
};
