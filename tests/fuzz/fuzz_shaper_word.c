/* Any bytes as a word of another worker: what is heard can be put in force, its answers stay within their bounds, and told on it is the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "lib/shaping/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_answer(const struct shaping_force *force, const struct shaping_facts *facts)
{
	struct shaping_answer answer;
	struct shaping_question question = {.site = facts->site,
					    .source = facts->source,
					    .tenant = facts->tenant,
					    .campaign = facts->campaign,
					    .now_ms = facts->now_ms};
	shaping_force_ask(force, &question, &answer);
	require(answer.rate_percent >= 1 && answer.rate_percent <= 100);
	require(answer.connections_percent >= 1 && answer.connections_percent <= 100);
	require(answer.rate_per_day >= 0);
}

/* As a worker that starts is told of it. */
static void tell_on(const struct shaping_entry *entry, int64_t now_ms)
{
	static struct shaping_word again;
	struct shaping_fired fired;
	struct shaping_facts facts;
	struct buf out;
	shaping_entry_again(entry, now_ms, &fired, &facts);
	buf_init(&out, SHAPING_WORD_MAX);
	if (shaping_word_write("me", &fired, &facts, &out) == OK) {
		require(shaping_word_read(buf_bytes(&out), now_ms, &again));
		require(again.fired.value == fired.value && again.fired.until_ms == fired.until_ms);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct shaping_word word;
	int64_t now_ms = 1000000;
	if (!shaping_word_read(bytes_from(data, size), now_ms, &word))
		return 0;
	require(memchr(word.teller, 0, sizeof word.teller) != NULL);
	struct shaping_force *force = shaping_force_new();
	for (int i = 0; i < 3; i++) {
		word.facts.now_ms = now_ms;
		const struct shaping_entry *entry =
			shaping_force_add(force, &word.fired, &word.facts);
		require(entry &&
			entry == shaping_force_find(force, word.fired.action, &word.facts));
		if (entry->over_ms > now_ms)
			tell_on(entry, now_ms);
		check_answer(force, &word.facts);
		now_ms += 40000;
	}
	(void)shaping_force_expire(force, INT64_MAX, NULL, NULL);
	require(shaping_force_count(force) == 0);
	shaping_force_free(&force);
	return 0;
}
