/* leveret report: what returned mail says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/report/classifier.h"
#include "lib/report/report.h"

#define MAIL_MAX (64 << 20)

/* ---- one JSON line ---- */

static void print_text(const char *name, struct bytes text)
{
	char escaped[REPORT_AROUND_MAX * 6 + 1];
	(void)log_escape_json(bytes_first(text, REPORT_DIAGNOSTIC_MAX), escaped, sizeof escaped);
	(void)printf(",\"%s\":\"%s\"", name, escaped);
}

static void print_class(const struct classifier *classifier,
			const struct report_recipient *recipient)
{
	bool is_bounce = recipient->kind == REPORT_BOUNCE || recipient->kind == REPORT_DELAY;
	struct bounce_verdict verdict;
	struct reply_facts facts = report_facts(recipient);
	if (!is_bounce) {
		(void)printf(",\"class\":\"\",\"family\":\"\",\"hard\":false");
		return;
	}
	classifier_ask(classifier, &facts, &verdict);
	bool is_hard = recipient->kind == REPORT_BOUNCE && verdict.family == FAMILY_HARD;
	(void)printf(",\"class\":\"%s\",\"family\":\"%s\",\"hard\":%s,\"rule\":\"%s\","
		     "\"confidence\":%u",
		     bounce_class_name(verdict.class), bounce_family_name(verdict.family),
		     is_hard ? "true" : "false", verdict.rule, verdict.confidence);
}

static void print_line(const struct classifier *classifier, const char *file,
		       const struct report *report, const struct report_recipient *recipient)
{
	char status[16];
	enhanced_code_text(recipient->status, status);
	(void)printf("{\"kind\":\"%s\"", report_kind_name(recipient->kind));
	print_text("recipient", recipient->address);
	print_text("final_recipient", recipient->final);
	(void)printf(",\"action\":\"%s\",\"status\":\"%s\",\"code\":%u",
		     report_action_name(recipient->action), status, recipient->code);
	print_text("diagnostic", recipient->diagnostic);
	print_text("remote", recipient->remote);
	(void)printf(",\"step\":\"%s\"",
		     recipient->step == STEP_ANY ? "" : reply_step_name(recipient->step));
	print_class(classifier, recipient);
	print_text("message_id", report->message_id);
	print_text("original_from", report->original_from);
	print_text("envelope_id", report->envelope_id);
	print_text("reporter", report->reporter);
	print_text("feedback_type", report->feedback_type);
	print_text("feedback_id", report->feedback_id);
	print_text("file", bytes_of(file));
	(void)printf("}\n");
}

static void print_report(const struct classifier *classifier, const char *file, struct bytes mail)
{
	struct arena *arena = arena_new();
	struct report report;
	report_read(arena, mail, &report);
	struct report_recipient nobody = {.kind = report.kind};
	for (size_t i = 0; i < report.count; i++)
		print_line(classifier, file, &report, &report.recipients[i]);
	if (report.count == 0)
		print_line(classifier, file, &report, &nobody);
	arena_free(&arena);
}

/* ---- files ---- */

/* All of it; NULL when it cannot be read or is too large: told. */
static uint8_t *read_all(FILE *in, const char *name, size_t *ret_len)
{
	uint8_t *data = NULL;
	size_t len = 0, capacity = 0;
	for (;;) {
		if (len == capacity) {
			capacity = capacity ? capacity * 2 : 64 * 1024;
			data = memory_grow(data, capacity, 1);
		}
		size_t got = fread(data + len, 1, capacity - len, in);
		len += got;
		if (got == 0 || len > MAIL_MAX)
			break;
	}
	*ret_len = len;
	if (!ferror(in) && len <= MAIL_MAX)
		return data;
	(void)fprintf(stderr, "leveret: %s: %s\n", name,
		      ferror(in) ? strerror(errno) : "larger than 64 MiB");
	free(data);
	return NULL;
}

static bool parse_file(const struct classifier *classifier, const char *name)
{
	bool is_standard_input = strcmp(name, "-") == 0;
	FILE *in = is_standard_input ? stdin : fopen(name, "rb");
	if (!in) {
		(void)fprintf(stderr, "leveret: %s: %s\n", name, strerror(errno));
		return false;
	}
	size_t len = 0;
	uint8_t *data = read_all(in, name, &len);
	if (data)
		print_report(classifier, name, bytes_from(data, len));
	free(data);
	if (!is_standard_input)
		(void)fclose(in);
	return data != NULL;
}

static int run_parse(const struct options *options)
{
	struct classifier *classifier = NULL;
	struct why why = {""};
	const char *rules = options_value(options, "rules", NULL);
	if (options->argument_count == 0) {
		(void)fprintf(stderr, "leveret: give files, or - for standard input\n");
		return EXIT_USAGE;
	}
	if (classifier_new(rules, stderr, &classifier, &why) != OK) {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
		return EXIT_FAILED;
	}
	bool is_good = true;
	for (size_t i = 0; i < options->argument_count; i++)
		is_good = parse_file(classifier, options->arguments[i]) && is_good;
	classifier_free(&classifier);
	return is_good ? EXIT_DONE : EXIT_FAILED;
}

static const struct option_row rows[] = {
	{"rules", 'r', "FILE", "rules of your own, asked before the built-in ones"},
};

const struct verb verb_report_parse = {
	.name = "report parse",
	.synopsis = "FILE...",
	.argument_max = SIZE_MAX,
	.summary = "what returned mail says, one JSON line per recipient",
	.text = "Reads mails (- is standard input) and prints, for each recipient of which one "
		"tells, a line of JSON: kind (bounce, delay,\n"
		"success, receipt, auto-reply, challenge, complaint, unsubscribe, dmarc-report, "
		"tls-report, unknown), recipient, action,\n"
		"status, diagnostic, remote, class, hard, the original's message_id, "
		"feedback_type. "
		"A mail that names nobody gives one line.",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run_parse,
};
