/* Any bytes as a reply: it is classified, whole or as the surroundings of another, and its plain text never grows. */
#include <stdlib.h>
#include <string.h>

#include "lib/report/classifier.h"
#include "lib/report/reply_text.h"

static struct classifier *classifier;

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void ask(const struct reply_facts *facts)
{
	struct bounce_verdict verdict;
	classifier_ask(classifier, facts, &verdict);
	check(verdict.class < CLASS_COUNT && verdict.family <= FAMILY_UNDETERMINED);
	check(verdict.confidence <= 100 && verdict.rule[0] != '\0');
	bool is_temporary = verdict.enhanced.class == 4 ||
			    (verdict.enhanced.class == 0 && verdict.code / 100 == 4);
	check(!is_temporary || verdict.family != FAMILY_HARD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why;
	if (!classifier && classifier_new(NULL, NULL, &classifier, &why) != OK)
		abort();
	if (size == 0)
		return 0;
	struct bytes text = bytes_from(data + 1, size - 1);
	struct reply_facts facts = {.text = text, .step = (enum reply_step)(data[0] % 6)};
	ask(&facts);
	facts = (struct reply_facts){.more = text, .host = text};
	ask(&facts);
	uint8_t *plain = malloc(text.len + 1);
	check(reply_text_plain(text, plain, text.len) <= text.len);
	free(plain);
	return 0;
}
