/* Which events a file tells of, and their lines. */
#include "bouncer/telling/accounting_row.h"

#include <string.h>

#include "bouncer/telling/accounting_inner.h"

/* In `fields`, as PowerMTA's record-fields has them: the usual columns, and one that is not wanted of them. */
#define USUAL	 "*"
#define LEFT_OUT '!'

/* ---- records ---- */

enum record record_of_name(const char *name)
{
	static const char *const names[] = {"", "d", "b", "t", "rb", "f"};
	for (unsigned record = RECORD_D; record <= RECORD_F; record++)
		if (strcmp(names[record], name) == 0)
			return (enum record)record;
	return RECORD_NONE;
}

enum record record_of(const struct bouncer_event *event)
{
	switch (event->kind) {
	case EVENT_DELIVERED:
		return event->report.len ? RECORD_NONE : RECORD_D;
	case EVENT_DEFERRED:
		return event->report.len ? RECORD_NONE : RECORD_T;
	case EVENT_BOUNCED:
		return event->report.len ? RECORD_RB : RECORD_B;
	case EVENT_EXPIRED:
	case EVENT_SUPPRESSED:
	case EVENT_CANCELLED:
		return RECORD_B;
	case EVENT_COMPLAINED:
		return RECORD_F;
	default:
		return RECORD_NONE;
	}
}

bool accounting_wants(const struct accounting_settings *settings, const struct bouncer_event *event)
{
	enum record record = record_of(event);
	if (settings->tenant[0] && !bytes_is(event->result.labels.tenant, settings->tenant))
		return false;
	for (size_t i = 0; record && i < settings->records.count; i++)
		if (record_of_name(settings->records.items[i]) == record)
			return true;
	return false;
}

/* ---- lines ---- */

/* Line breaks and other controls become spaces, so that a line is a line for every tool. */
static enum err append_value(struct buf *out, char *text, bool is_first)
{
	bool must_quote = strpbrk(text, ",\"") != NULL;
	enum err err = buf_append_text(out, is_first ? "" : ",");
	if (!err && must_quote)
		err = buf_append_text(out, "\"");
	for (char *at = text; *at && !err; at++) {
		char c = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
		if (c == '"')
			err = buf_append_text(out, "\"");
		if (!err)
			err = buf_append(out, bytes_from(&c, 1));
	}
	return !err && must_quote ? buf_append_text(out, "\"") : err;
}

static unsigned records_of(const struct accounting_settings *settings)
{
	unsigned records = 0;
	for (size_t i = 0; i < settings->records.count; i++)
		records |= COLUMN_RECORD(record_of_name(settings->records.items[i]));
	return records;
}

/* One step of a walk over the columns of a file. */
struct step {
	enum err (*each)(void *owner, struct buf *out, const char *name, bool is_first);
	void *owner;
	struct buf *out;
	bool is_first;
};

static enum err take_step(struct step *step, const char *name)
{
	bool is_first = step->is_first;
	step->is_first = false;
	return step->each(step->owner, step->out, name, is_first);
}

static bool is_left_out(const struct accounting_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->fields.count; i++) {
		const char *field = settings->fields.items[i];
		if (field[0] == LEFT_OUT && strcmp(field + 1, name) == 0)
			return true;
	}
	return false;
}

static enum err walk_usual(const struct accounting_settings *settings, struct step *step)
{
	unsigned records = records_of(settings);
	const char *name;
	size_t at = 0;
	enum err err = OK;
	while (!err && (name = column_usual(records, &at)))
		if (!is_left_out(settings, name))
			err = take_step(step, name);
	return err;
}

/* Calls `each` with the name of every column of the file. */
static enum err
walk(const struct accounting_settings *settings, struct buf *out,
     enum err (*each)(void *owner, struct buf *out, const char *name, bool is_first), void *owner)
{
	struct step step = {each, owner, out, true};
	enum err err = settings->fields.count == 0 ? walk_usual(settings, &step) : OK;
	for (size_t i = 0; i < settings->fields.count && !err; i++) {
		const char *field = settings->fields.items[i];
		if (strcmp(field, USUAL) == 0)
			err = walk_usual(settings, &step);
		else if (field[0] != LEFT_OUT)
			err = take_step(&step, field);
	}
	return err ? err : buf_append_text(out, "\r\n");
}

static enum err write_name(void *owner, struct buf *out, const char *name, bool is_first)
{
	(void)owner;
	enum err err = buf_append_text(out, is_first ? "" : ",");
	return err ? err : buf_append_text(out, name);
}

void accounting_header(const struct accounting_settings *settings, struct buf *out)
{
	if (settings->format == ACCOUNTING_POWERMTA)
		(void)!walk(settings, out, write_name, NULL); /* names fit */
}

struct writing {
	struct column_value value;
	const struct bouncer_event *event;
};

static enum err write_value(void *owner, struct buf *out, const char *name, bool is_first)
{
	struct writing *writing = owner;
	column_put(name, writing->event, &writing->value);
	return append_value(out, writing->value.text, is_first);
}

bool accounting_has_field(const char *name)
{
	return strcmp(name, USUAL) == 0 || column_is_known(name[0] == LEFT_OUT ? name + 1 : name);
}

enum err accounting_row(const struct accounting_settings *settings, const struct routing *routing,
			const struct bouncer_event *event, struct buf *out)
{
	if (settings->format == ACCOUNTING_KUMOMTA)
		return json_row(event, out);
	struct writing writing = {.value = {.routing = routing}, .event = event};
	return walk(settings, out, write_value, &writing);
}
