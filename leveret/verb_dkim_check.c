/* leveret dkim check: asks DNS for the record of each key, all at once, and compares. */
#include <stdio.h>
#include <string.h>

#include "leveret/dkim_keys.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/dkim/record.h"
#include "lib/net/resolver.h"
#include "lib/obs/log.h"

struct checking;
struct question {
	struct checking *checking;
	const struct dkim_published *key;
	bool is_good;
	const char *text; /* what was found */
};
struct checking {
	struct loop *loop;
	struct question *questions;
	size_t count, open_count;
};

static const char *outcome_text(enum dns_outcome outcome)
{
	return outcome == DNS_FAILED	? "DNS did not answer"
	       : outcome == DNS_NO_NAME ? "there is no such name in DNS"
					: "there is no TXT record";
}

/* With several records verifiers take any one of them (RFC 6376 3.6.2.2), so that only one is right. */
static void judge(struct question *question, const struct txt_answer *answer)
{
	enum dkim_record_verdict verdict = DKIM_RECORD_MALFORMED;
	if (answer->count == 0) {
		question->text = outcome_text(answer->outcome);
		return;
	}
	if (answer->count > 1) {
		question->text = "there is more than one record of this name";
		return;
	}
	const struct txt_record *record = &answer->records[0];
	verdict = dkim_record_compare(bytes_from(record->text, record->len), question->key->key);
	question->text = dkim_record_verdict_text(verdict);
	question->is_good = verdict == DKIM_RECORD_MATCHES;
}

static void on_answer(void *owner, const struct txt_answer *answer)
{
	struct question *question = owner;
	judge(question, answer);
	if (--question->checking->open_count == 0)
		loop_stop(question->checking->loop);
}

static void ask_all(struct checking *checking, struct resolver *resolver)
{
	for (size_t i = 0; i < checking->count; i++) {
		struct question *question = &checking->questions[i];
		if (!question->key->key) {
			question->text = question->key->why.text;
			continue;
		}
		checking->open_count++;
		(void)resolver_txt(resolver, question->key->name, on_answer, question);
	}
	if (checking->open_count > 0)
		loop_run(checking->loop);
}

static int print(const struct checking *checking, bool as_json)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < checking->count; i++) {
		const struct question *question = &checking->questions[i];
		char text[sizeof(struct why) * 2];
		(void)log_escape_json(bytes_of(question->text), text, sizeof text);
		if (as_json)
			(void)printf("%s{\"name\":\"%s\",\"good\":%s,\"text\":\"%s\"}",
				     i > 0 ? ",\n " : "[", question->key->name,
				     question->is_good ? "true" : "false", text);
		else
			(void)printf("%s  %s: %s\n", question->is_good ? "good" : "BAD ",
				     question->key->name, question->text);
		if (!question->is_good)
			code = EXIT_FAILED;
	}
	if (as_json)
		(void)printf("]\n");
	return code;
}

static int check(const struct settings *settings, const struct dkim_published *keys, size_t count,
		 bool as_json)
{
	struct checking checking = {.loop = loop_new(),
				    .questions = memory_array(count, sizeof(struct question)),
				    .count = count};
	struct resolver_options options = {
		.servers = settings->resolver.servers.items,
		.server_count = settings->resolver.servers.count,
		.timeout_ms = settings->resolver.timeout,
		.validation = DNS_VALIDATE_NEVER,
	};
	struct resolver *resolver = NULL;
	struct why why = {""};
	int code = EXIT_FAILED;
	for (size_t i = 0; i < count; i++)
		checking.questions[i] = (struct question){.checking = &checking, .key = &keys[i]};
	if (resolver_new(checking.loop, &options, &resolver, &why) == OK) {
		ask_all(&checking, resolver);
		code = print(&checking, as_json);
	} else {
		(void)fprintf(stderr, "leveret dkim check: %s\n", why.text);
	}
	resolver_free(&resolver);
	loop_free(&checking.loop);
	free(checking.questions);
	return code;
}

static int run_check(const struct options *options)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	struct dkim_published *keys = NULL;
	int code = EXIT_NOT_FOUND;
	if (!settings)
		return EXIT_FAILED;
	size_t count = dkim_published_read(&settings->dkim, options->arguments[0], &keys);
	if (count > 0)
		code = check(settings, keys, count, options_has(options, "json"));
	else
		(void)fprintf(stderr, "leveret dkim check: the settings have no such keys\n");
	dkim_published_free(&keys, count);
	conf_free(&conf);
	return code;
}

const struct verb verb_dkim_check = {
	.name = "dkim check",
	.synopsis = "[DOMAIN]",
	.argument_max = 1,
	.summary = "compare the DNS records of the DKIM keys with the keys",
	.text = "Asks DNS, by `resolver` of the settings, for the record of every key, or of those "
		"of DOMAIN, also of keys whose time\n"
		"has not come. Fails when one is missing or not that of its key.",
	.run = run_check,
};
