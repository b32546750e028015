/* leveret broker declare | status. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/obs/log.h"

#define LIMIT_MS 10000

/* ---- declare: connecting does it ---- */

static void declared(struct errand *errand)
{
	const bool *as_json = errand->owner;
	(void)printf(*as_json ? "{\"declared\":true}\n" : "Queues and exchanges are declared.\n");
	errand_end(errand, EXIT_DONE);
}

static int run_declare(const struct options *options)
{
	bool as_json = options_has(options, "json");
	struct errand errand = {.begin = declared, .owner = &as_json};
	return errand_run(&errand, options, LIMIT_MS);
}

const struct verb verb_broker_declare = {
	.name = "broker declare",
	.synopsis = "",
	.summary = "declare exchanges and queues on the broker",
	.text = "Declares what the settings' pools and sites need. Does nothing to what is there "
		"already; fails with a reason when\n"
		"something exists with other arguments. Roles do the same at start unless "
		"broker.declare is false.",
	.run = run_declare,
};

/* ---- status ---- */

struct status {
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
	struct status *status = errand->owner;
	if (status->as_json)
		print_json(row, status->count == 0);
	else
		print_row(row);
	status->count++;
}

static void all_told(void *owner, enum err err)
{
	struct errand *errand = owner;
	const struct status *status = errand->owner;
	if (status->as_json)
		(void)printf("]\n");
	if (err != OK)
		(void)fprintf(stderr, "leveret: the broker could not be asked: %s\n",
			      err_text(err));
	errand_end(errand, err == OK ? EXIT_DONE : EXIT_FAILED);
}

static void ask_status(struct errand *errand)
{
	const struct status *status = errand->owner;
	if (status->as_json)
		(void)printf("[");
	else
		(void)printf("%-44s %10s %10s %10s %10s\n", "queue", "ready", "unacked",
			     "consumers", "oldest (s)");
	broker_inspect(errand->broker, status->looks_at_heads, each_queue, all_told, errand);
}

static int run_status(const struct options *options)
{
	struct status status = {.as_json = options_has(options, "json"),
				.looks_at_heads = options_has(options, "oldest")};
	struct errand errand = {.begin = ask_status, .owner = &status};
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row status_rows[] = {
	{"oldest", 0, NULL, "look at the first message of each queue for its age"},
};

const struct verb verb_broker_status = {
	.name = "broker status",
	.synopsis = "",
	.summary = "queues with depth, consumers, unacked, oldest age",
	.text = "Lists every queue of the topology. RabbitMQ tells unacked counts only through its "
		"management plugin: set\n"
		"broker.management_url for them; what is not known is \"-\" (null in JSON). Ages "
		"come from the plugin too, where it tells them;\n"
		"--oldest reads them from the first message of each queue, which counts as one of "
		"its deliveries (broker.delivery_limit).",
	.rows = status_rows,
	.row_count = 1,
	.run = run_status,
};
