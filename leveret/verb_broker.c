/* leveret broker declare | status. */
#include <stdio.h>

#include "leveret/program.h"
#include "leveret/queue_table.h"
#include "leveret/verbs.h"

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

static int run_status(const struct options *options)
{
	return queue_table_print(options, false);
}

const struct verb verb_broker_status = {
	.name = "broker status",
	.synopsis = "",
	.summary = "queues with depth, consumers, unacked, oldest age",
	.text = QUEUE_TABLE_TEXT,
	.rows = queue_table_rows,
	.row_count = 1,
	.run = run_status,
};
