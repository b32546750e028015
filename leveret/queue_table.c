/* See queue_table.h. */
#include "leveret/queue_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/suspending.h"
#include "lib/obs/log.h"

#define LIMIT_MS 10000

struct table {
	struct suspending suspending; /* first: the errand's owner */
	bool as_json, looks_at_heads, tells_pauses;
	size_t count;
};

static void print_number(int64_t number)
{
	char text[24] = "-";
	if (number >= 0)
		(void)snprintf(text, sizeof text, "%" PRId64, number);
	(void)printf(" %10s", text);
}

/* Which suspension stops all of a queue; NULL: none, or it is no queue of deliveries. */
static const struct suspension *pause_of(const struct errand *errand, const char *queue)
{
	const struct table *table = errand->owner;
	struct suspension_subject subject;
	if (!table->tells_pauses ||
	    !suspending_subject_of(&errand->settings->routing, queue, &subject))
		return NULL;
	return suspensions_find(table->suspending.rows, &subject, loop_wall_ms(errand->loop));
}

static void print_row(const struct queue_status *row, const struct suspension *pause)
{
	(void)printf("%-44s", row->name);
	print_number(row->ready);
	print_number(row->unacked);
	print_number(row->consumers);
	print_number(row->oldest_age_ms >= 0 ? row->oldest_age_ms / 1000 : -1);
	(void)printf(pause ? "  paused: " : "\n");
	if (pause)
		suspension_print(pause);
}

static void print_json_number(const char *name, int64_t number)
{
	if (number >= 0)
		(void)printf(",\"%s\":%" PRId64, name, number);
	else
		(void)printf(",\"%s\":null", name);
}

static void print_json(const struct table *table, const struct queue_status *row,
		       const struct suspension *pause)
{
	char name[2000];
	(void)log_escape_json(bytes_of(row->name), name, sizeof name);
	(void)printf("%s{\"queue\":\"%s\"", table->count == 0 ? "" : ",\n", name);
	print_json_number("ready", row->ready);
	print_json_number("unacked", row->unacked);
	print_json_number("consumers", row->consumers);
	print_json_number("oldest_age_ms", row->oldest_age_ms);
	if (table->tells_pauses)
		(void)printf(pause ? ",\"paused\":" : ",\"paused\":null");
	if (pause)
		suspension_print_json(pause);
	(void)printf("}");
}

static void each_queue(void *owner, const struct queue_status *row)
{
	struct errand *errand = owner;
	struct table *table = errand->owner;
	const struct suspension *pause = pause_of(errand, row->name);
	if (table->as_json)
		print_json(table, row, pause);
	else
		print_row(row, pause);
	table->count++;
}

static void all_told(void *owner, enum err err)
{
	struct errand *errand = owner;
	const struct table *table = errand->owner;
	if (table->as_json)
		(void)printf("]\n");
	if (err != OK)
		(void)fprintf(stderr, "leveret: the broker could not be asked: %s\n",
			      err_text(err));
	errand_end(errand, err == OK ? EXIT_DONE : EXIT_FAILED);
}

static void ask(struct errand *errand)
{
	const struct table *table = errand->owner;
	if (table->as_json)
		(void)printf("[");
	else
		(void)printf("%-44s %10s %10s %10s %10s\n", "queue", "ready", "unacked",
			     "consumers", "oldest (s)");
	broker_inspect(errand->broker, table->looks_at_heads, each_queue, all_told, errand);
}

int queue_table_print(const struct options *options, bool tells_pauses)
{
	struct table table = {.suspending = {.told = ask},
			      .as_json = options_has(options, "json"),
			      .looks_at_heads = options_has(options, "oldest"),
			      .tells_pauses = tells_pauses};
	struct errand errand = {.begin = tells_pauses ? suspending_begin : ask,
				.finish = suspending_finish,
				.owner = &table.suspending};
	return errand_run(&errand, options, LIMIT_MS);
}

const struct option_row queue_table_rows[] = {
	{"oldest", 0, NULL, "look at the first message of each queue for its age"},
};
const size_t queue_table_row_count = sizeof queue_table_rows / sizeof queue_table_rows[0];
