/* Names of classes, families and steps. */
#include "lib/report/class.h"

#include <assert.h>

struct row {
	const char *name;
	enum bounce_family family;
	unsigned sparkpost;
	const char *kumomta;
};

static const struct row rows[] = {
#define ROW(name, text, family, sparkpost, kumomta) {text, family, sparkpost, kumomta},
	BOUNCE_CLASSES(ROW)
#undef ROW
};

static const struct row *row_of(enum bounce_class bounce_class)
{
	assert(bounce_class < CLASS_COUNT);
	return &rows[bounce_class];
}

const char *bounce_class_name(enum bounce_class bounce_class)
{
	return row_of(bounce_class)->name;
}

bool bounce_class_find(struct bytes name, enum bounce_class *ret)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (bytes_is(name, rows[i].name)) {
			*ret = (enum bounce_class)i;
			return true;
		}
	return false;
}

enum bounce_family bounce_class_family(enum bounce_class bounce_class)
{
	return row_of(bounce_class)->family;
}

unsigned bounce_class_sparkpost(enum bounce_class bounce_class)
{
	return row_of(bounce_class)->sparkpost;
}

const char *bounce_class_kumomta(enum bounce_class bounce_class)
{
	return row_of(bounce_class)->kumomta;
}

const char *bounce_family_name(enum bounce_family family)
{
	static const char *const names[] = {"hard", "soft", "block", "undetermined"};
	return names[family];
}

const char *reply_step_name(enum reply_step step)
{
	static const char *const names[] = {"any", "connect", "helo", "mail", "rcpt", "data"};
	return names[step];
}

enum reply_step reply_step_of(struct bytes name)
{
	static const struct {
		const char *name;
		enum reply_step step;
	} steps[] = {
		{"connect", STEP_CONNECT}, {"greeting", STEP_CONNECT}, {"banner", STEP_CONNECT},
		{"helo", STEP_HELO},	   {"ehlo", STEP_HELO},	       {"mail", STEP_MAIL},
		{"rcpt", STEP_RCPT},	   {"data", STEP_DATA},	       {"body", STEP_DATA},
		{"bdat", STEP_DATA},
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (bytes_is_nocase(name, steps[i].name))
			return steps[i].step;
	return STEP_ANY;
}
