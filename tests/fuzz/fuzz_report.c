/* Any bytes as returned mail: every text it tells is bounded, its kinds and actions fit, and its classes can be asked for. */
#include <stdlib.h>
#include <string.h>

#include "lib/report/classifier.h"

static struct classifier *classifier;

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_recipient(const struct report_recipient *recipient)
{
	struct bounce_verdict verdict;
	struct reply_facts facts = report_facts(recipient);
	check(recipient->diagnostic.len <= REPORT_DIAGNOSTIC_MAX);
	check(recipient->around.len <= REPORT_AROUND_MAX + 300);
	check(recipient->address.len <= 1000);
	check(recipient->remote.len <= 300);
	check((recipient->kind == REPORT_DELAY) == (recipient->action == ACTION_DELAYED));
	check(!memchr(recipient->diagnostic.data ? (const void *)recipient->diagnostic.data : "",
		      '\n', recipient->diagnostic.len));
	classifier_ask(classifier, &facts, &verdict);
	check(verdict.class < CLASS_COUNT && verdict.confidence <= 100);
	if (recipient->status.class == 4)
		check(verdict.family != FAMILY_HARD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why;
	if (!classifier && classifier_new(NULL, NULL, &classifier, &why) != OK)
		abort();
	struct arena *arena = arena_new();
	struct report report;
	report_read(arena, bytes_from(data, size), &report);
	check(report.count <= REPORT_RECIPIENTS_MAX && report.kind < REPORT_KIND_COUNT);
	for (size_t i = 0; i < report.count; i++)
		check_recipient(&report.recipients[i]);
	arena_free(&arena);
	return 0;
}
