/* See queue_table.h. */
#include "leveret/queue_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/program.h"
#include "lib/obs/log.h"

#define LIMIT_MS 10000

struct table {
	bool as_json, looks_at_heads;
	size_t count;
};

static void print_number(int64_t number)
{
	char text[24] = "-";
	if (number >= 0)
		(void)snprintf(text, sizeof text, "%" PRId64, number);
	(void)printf(" %10s", text);
}

static void print_row(const struct queue_status *row)
{
	(void)printf("%-44s", row->name);
	print_number(row->ready);
	print_number(row->unacked);
	print_number(row->consumers);
	print_number(row->oldest_age_ms >= 0 ? row->oldest_age_ms / 1000 : -1);
	(void)printf("\n");
}

static void print_json_number(const char *name, int64_t number)
{
	if (number >= 0)
		(void)printf(",\"%s\":%" PRId64, name, number);
	else
		(void)printf(",\"%s\":null", name);
}

static void print_json(const struct queue_status *row, bool is_first)
{
	char name[2000];
	(void)log_escape_json(bytes_of(row->name), name, sizeof name);
	(void)printf("%s{\"queue\":\"%s\"", is_first ? "" : ",\n", name);
	print_json_number("ready", row->ready);
	print_json_number("unacked", row->unacked);
	print_json_number("consumers", row->consumers);
	print_json_number("oldest_age_ms", row->oldest_age_ms);
	(void)printf("}");
}

static void each_queue(void *owner, const struct queue_status *row)
{
	struct errand *errand = owner;
	struct table *table = errand->owner;
	if (table->as_json)
		print_json(row, table->count == 0);
	else
		print_row(row);
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

int queue_table_print(const struct options *options)
{
	struct table table = {.as_json = options_has(options, "json"),
			      .looks_at_heads = options_has(options, "oldest")};
	struct errand errand = {.begin = ask, .owner = &table};
	return errand_run(&errand, options, LIMIT_MS);
}

const struct option_row queue_table_rows[] = {
	{"oldest", 0, NULL, "look at the first message of each queue for its age"},
};
const size_t queue_table_row_count = sizeof queue_table_rows / sizeof queue_table_rows[0];
