/* leveret queue show: the first messages of a queue, which stay where they are. */
#include <inttypes.h>
#include <stdio.h>

#include "leveret/queue_walk.h"
#include "leveret/verbs.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define LIMIT_MAX 1000
#define TEXT_ROOM 2000

struct show {
	struct walk walk;
	bool as_json;
	size_t count;
};

static void print_member(const char *name, struct bytes value)
{
	char text[TEXT_ROOM];
	(void)log_escape_json(value, text, sizeof text);
	(void)printf("\"%s\":\"%s\",", name, text);
}

static void print_json(const struct show *show, const struct taken *taken,
		       const struct delivery_request *mail)
{
	char accepted[CLOCK_RFC3339_SIZE], due[CLOCK_RFC3339_SIZE] = "";
	int64_t not_before = lease_not_before_wall_ms(taken->lease);
	clock_rfc3339(mail->accepted_wall_ms, accepted);
	if (not_before > 0)
		clock_rfc3339(not_before, due);
	(void)printf("%s{", show->count > 0 ? ",\n" : "");
	print_member("queue", bytes_of(show->walk.queue->name));
	print_member("id", mail->id);
	print_member("sender", mail->sender);
	print_member("recipient", mail->recipients[0].address);
	print_member("pool", mail->pool);
	print_member("site", mail->site);
	print_member("tenant", mail->labels.tenant);
	print_member("campaign", mail->labels.campaign);
	(void)printf("\"recipients\":%zu,\"attempt\":%" PRIu32
		     ",\"bytes\":%zu,\"accepted\":\"%s\",\"due\":%s%s%s}",
		     mail->recipient_count, mail->recipients[0].attempt, mail->content.len,
		     accepted, due[0] ? "\"" : "", due[0] ? due : "null", due[0] ? "\"" : "");
}

static void print_text(const struct taken *taken, const struct delivery_request *mail)
{
	char accepted[CLOCK_RFC3339_SIZE], due[CLOCK_RFC3339_SIZE] = "";
	char recipient[TEXT_ROOM], id[TEXT_ROOM];
	int64_t not_before = lease_not_before_wall_ms(taken->lease);
	clock_rfc3339(mail->accepted_wall_ms, accepted);
	if (not_before > 0)
		clock_rfc3339(not_before, due);
	(void)log_escape_json(mail->recipients[0].address, recipient, sizeof recipient);
	(void)log_escape_json(mail->id, id, sizeof id);
	(void)printf("%-28s %s %4" PRIu32 " %9zu %s", id, accepted, mail->recipients[0].attempt,
		     mail->content.len, recipient);
	if (mail->recipient_count > 1)
		(void)printf(" and %zu more", mail->recipient_count - 1);
	(void)printf(due[0] ? " (waits until %s)\n" : "\n", due);
}

static bool look(struct walk *walk, struct taken *taken, struct delivery_request *mail)
{
	struct show *show = walk->owner;
	if (show->as_json)
		print_json(show, taken, mail);
	else
		print_text(taken, mail);
	show->count++;
	return false;
}

static int done(struct walk *walk)
{
	const struct show *show = walk->owner;
	if (show->as_json)
		(void)printf("]\n");
	return EXIT_DONE;
}

static int choose(const struct settings *settings, const struct options *options, void *owner)
{
	struct show *show = owner;
	struct directive subject = {.kind = DIRECTIVE_SUSPEND};
	int code = suspending_subject(settings, options, options->arguments[0], &subject);
	show->walk.selection.pool = subject.pool;
	show->walk.selection.site = subject.site;
	if (code == EXIT_DONE)
		(void)printf("%s", show->as_json ? "[" : "");
	return code;
}

static int run(const struct options *options)
{
	uint64_t limit = 0;
	struct show show = {
		.walk = {.takes_queues = true, .choose = choose, .look = look, .done = done},
		.as_json = options_has(options, "json"),
	};
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one queue\n");
		return EXIT_USAGE;
	}
	if (!bytes_to_u64(bytes_of(options_value(options, "limit", "10")), LIMIT_MAX, &limit) ||
	    limit == 0) {
		(void)fprintf(stderr, "leveret: --limit takes a number from 1 to 1000\n");
		return EXIT_USAGE;
	}
	show.walk.owner = &show;
	show.walk.look_max = (int64_t)limit;
	show.walk.takes_waiting = options_has(options, "waiting");
	return walk_run(&show.walk, options);
}

static const struct option_row rows[] = {
	{"limit", 'n', "N", "so many of each queue (default: 10)"},
	{"waiting", 'w', NULL, "also what waits for its time, as far as it is among the first"},
};

const struct verb verb_queue_show = {
	.name = "queue show",
	.synopsis = "QUEUE",
	.argument_max = 1,
	.summary = "the first messages of a queue",
	.text = "Id, when it was accepted, attempts made, bytes, recipient. The messages stay "
		"where they are; in RabbitMQ that counts as one of\ntheir deliveries "
		"(broker.delivery_limit). A queue that workers take from gives what they leave: "
		"of a tail nothing, unless it is paused.\n\n"
		"  leveret queue show deliver.default.gmail",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run,
};
