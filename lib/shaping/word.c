/* See lib/shaping/word.h. */
#include "lib/shaping/word.h"

#include <stdio.h>
#include <string.h>

#define CODE_MAX    999
#define LEFT_MAX_MS (INT64_C(400) * 24 * 3600 * 1000)
#define RATE_MAX    (INT64_C(1000000) * 24 * 3600) /* per day, as slow_to has it */

/* A word is its texts, then its numbers, each as "4:word,", in the order that both functions below list. */

/* ---- writing ---- */

static enum err put(struct buf *out, struct bytes text)
{
	enum err err = buf_printf(out, "%zu:", text.len);
	if (!err)
		err = buf_append(out, text);
	return err ? err : buf_append_text(out, ",");
}

static enum err put_number(struct buf *out, int64_t number)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%lld", (long long)number);
	return put(out, bytes_of(text));
}

enum err shaping_word_write(const char *teller, const struct shaping_fired *fired,
			    const struct shaping_facts *facts, struct buf *out)
{
	const struct bytes texts[] = {
		bytes_of(teller),	   bytes_of(shaping_action_name(fired->action)),
		bytes_of(facts->site),	   bytes_of(facts->source),
		bytes_of(facts->host),	   bytes_of(facts->tenant),
		bytes_of(facts->campaign), bytes_of(fired->rule),
		bytes_of(fired->text),	   bytes_first(facts->text, SHAPING_REPLY_MAX),
	};
	const int64_t numbers[] = {fired->value, fired->period_ms, fired->until_ms - facts->now_ms,
				   facts->code};
	enum err err = OK;
	for (size_t i = 0; !err && i < sizeof texts / sizeof *texts; i++)
		err = put(out, texts[i]);
	for (size_t i = 0; !err && i < sizeof numbers / sizeof *numbers; i++)
		err = put_number(out, numbers[i]);
	return err;
}

/* ---- reading ---- */

struct reader {
	struct bytes left;
	char *at; /* where the next text is put */
	size_t room;
};

static bool take(struct reader *reader, struct bytes *ret)
{
	const uint8_t *colon =
		reader->left.len > 0 ? memchr(reader->left.data, ':', reader->left.len) : NULL;
	uint64_t len;
	if (!colon)
		return false;
	size_t digits = (size_t)(colon - reader->left.data);
	if (!bytes_to_u64(bytes_first(reader->left, digits), SHAPING_WORD_MAX, &len) ||
	    len + digits + 2 > reader->left.len || colon[1 + len] != ',')
		return false;
	*ret = bytes_from(colon + 1, (size_t)len);
	reader->left = bytes_from(colon + 2 + len, reader->left.len - digits - 2 - (size_t)len);
	return true;
}

static bool take_text(struct reader *reader, const char **ret)
{
	struct bytes text;
	if (!take(reader, &text) || !bytes_to_cstr(text, reader->at, reader->room))
		return false;
	*ret = reader->at;
	reader->at += text.len + 1;
	reader->room -= text.len + 1;
	return true;
}

static bool take_number(struct reader *reader, int64_t *ret)
{
	struct bytes text;
	uint64_t number;
	if (!take(reader, &text) || !bytes_to_u64(text, INT64_MAX, &number))
		return false;
	*ret = (int64_t)number;
	return true;
}

static bool take_texts(struct reader *reader, const char **const rets[], size_t count)
{
	bool is_read = true;
	for (size_t i = 0; is_read && i < count; i++)
		is_read = take_text(reader, rets[i]);
	return is_read;
}

static bool take_numbers(struct reader *reader, int64_t *const rets[], size_t count)
{
	bool is_read = true;
	for (size_t i = 0; is_read && i < count; i++)
		is_read = take_number(reader, rets[i]);
	return is_read;
}

static bool find_action(const char *name, enum shaping_action *ret)
{
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
		if (strcmp(shaping_action_name((enum shaping_action)i), name) != 0)
			continue;
		*ret = (enum shaping_action)i;
		return shaping_action_scope(*ret) != SCOPE_DELIVERY;
	}
	return false;
}

/* What no rule can ask for is not put in force either. */
static bool is_sound(const struct shaping_fired *fired)
{
	int64_t most = shaping_action_goes_back(fired->action) ? 100 : RATE_MAX;
	return fired->value <= most && fired->period_ms <= LEFT_MAX_MS;
}

bool shaping_word_read(struct bytes text, int64_t now_ms, struct shaping_word *ret)
{
	struct reader reader = {text, ret->texts, sizeof ret->texts};
	const char *teller, *action, *reply;
	int64_t left_ms, code;
	struct shaping_facts *facts = &ret->facts;
	struct shaping_fired *fired = &ret->fired;
	const char **const texts[] = {
		&teller,	&action,	  &facts->site, &facts->source, &facts->host,
		&facts->tenant, &facts->campaign, &fired->rule, &fired->text,	&reply,
	};
	int64_t *const numbers[] = {&fired->value, &fired->period_ms, &left_ms, &code};
	*facts = (struct shaping_facts){.step = "", .now_ms = now_ms};
	if (!take_texts(&reader, texts, sizeof texts / sizeof *texts) ||
	    !take_numbers(&reader, numbers, sizeof numbers / sizeof *numbers))
		return false;
	if (!find_action(action, &fired->action) || !is_sound(fired) || left_ms > LEFT_MAX_MS)
		return false;
	if (strlen(teller) >= sizeof ret->teller || code > CODE_MAX)
		return false;
	memcpy(ret->teller, teller, strlen(teller) + 1);
	facts->text = bytes_of(reply);
	facts->code = (unsigned)code;
	fired->until_ms = now_ms + left_ms;
	return true;
}
