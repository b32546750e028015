/* Rules from YAML as an operator writes it, and replies held against them. */
#ifndef LEVERET_TESTS_UNIT_LIB_SHAPING_FIXTURE_SHAPING_H
#define LEVERET_TESTS_UNIT_LIB_SHAPING_FIXTURE_SHAPING_H

#include "lib/shaping/judge.h"

struct shaping_fixture {
	struct conf *conf;
	struct shaping_rules *rules;
	struct shaping_scratch *scratch;
	struct shaping_state *state;
	struct shaping_fired fired[SHAPING_ACTION_COUNT];
	size_t count;
};

/* "sites: {gmail: {replies: [...]}}" and "shaping: {...}"; aborts when it is not good. */
struct shaping_fixture fixture_with(const char *yaml);
void fixture_done(struct shaping_fixture *fixture);

/* Of the site "gmail", from the source "out1", of the tenant "acme", to RCPT. text starts with its codes, if it has any. */
struct shaping_facts fixture_facts(const char *text, int64_t now_ms);
void fixture_reply(struct shaping_fixture *fixture, struct shaping_facts facts);
/* "slow_by 50 by google-rate; park_source 1 by x", of the last reply. */
const char *fixture_said(const struct shaping_fixture *fixture);

/* The same settings file's faults, as text; "" when it has none. Freed by the caller. */
char *fixture_faults(const char *yaml);

#endif
