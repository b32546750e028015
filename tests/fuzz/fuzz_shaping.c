/* Any replies against the built-in rules: what fires is at most one action of a kind, is put in force as UTF-8 as far as the reply was, and
 * its answers stay within their bounds. */
#include <stdlib.h>

#include "lib/shaping/force.h"

static struct shaping_rules *rules;
static struct shaping_scratch *scratch;

static void begin(void)
{
	static const struct shaping_settings settings = {.shipped = true};
	if (shaping_rules_new(&settings, NULL, 0, &rules, stderr, NULL) != OK)
		abort();
	scratch = shaping_scratch_new(rules);
}

/* Bytes before the text: code, enhanced code, step and host, seconds since the last. */
#define HEAD 6

static struct shaping_facts facts_of(const uint8_t *head, struct bytes text, int64_t now_ms)
{
	static const char *const steps[] = {"greeting", "mail", "rcpt", "body"};
	static const char *const hosts[] = {"mx.google.com", "mta.yahoodns.net", "a.outlook.com",
					    ""};
	return (struct shaping_facts){
		.site = head[4] & 16 ? "gmail" : "b.example",
		.source = "out1",
		.host = hosts[head[4] >> 2 & 3],
		.tenant = head[4] & 32 ? "acme" : "",
		.campaign = head[4] & 64 ? "spring" : "",
		.step = steps[head[4] & 3],
		.code = head[0] ? 400 + head[0] : 0,
		.enhanced = {head[1] & 7, head[2], head[3]},
		.text = text,
		.now_ms = now_ms,
	};
}

static void check_answer(const struct shaping_force *force, int64_t now_ms)
{
	struct shaping_question question = {.site = "gmail",
					    .source = "out1",
					    .tenant = "acme",
					    .campaign = "spring",
					    .now_ms = now_ms};
	struct shaping_answer answer;
	shaping_force_ask(force, &question, &answer);
	if (answer.rate_percent < 1 || answer.rate_percent > 100 ||
	    answer.connections_percent < 1 || answer.connections_percent > 100)
		abort();
}

static void judge(const struct shaping_facts *facts, struct shaping_state *state,
		  struct shaping_force *force)
{
	struct shaping_fired fired[SHAPING_ACTION_COUNT];
	size_t count = shaping_judge(scratch, facts, state, fired);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && fired[i].action <= fired[i - 1].action)
			abort();
		const struct shaping_entry *entry = shaping_force_add(force, &fired[i], facts);
		if (entry && bytes_is_utf8(facts->text) && !bytes_is_utf8(bytes_of(entry->reply)))
			abort();
	}
	check_answer(force, facts->now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!rules)
		begin();
	struct bytes rest = bytes_from(data, size);
	struct shaping_state *state = shaping_state_new();
	struct shaping_force *force = shaping_force_new();
	int64_t now_ms = 0;
	while (rest.len > HEAD) {
		const uint8_t *head = rest.data;
		rest = bytes_skip(rest, HEAD);
		ptrdiff_t end = bytes_find(rest, '\n');
		struct bytes text = bytes_first(rest, end < 0 ? rest.len : (size_t)end);
		now_ms += head[5] * 1000;
		struct shaping_facts facts = facts_of(head, text, now_ms);
		judge(&facts, state, force);
		(void)shaping_force_expire(force, now_ms, NULL, NULL);
		rest = bytes_skip(rest, text.len + 1);
	}
	shaping_force_free(&force);
	shaping_state_free(&state);
	return 0;
}
