#include "ingest/http/message_form.h"

#include <stddef.h>
#include <string.h>

#include "ingest/http/form.h"
#include "ingest/http/instant.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static enum err read_sender(const struct form *form, json_t *json, void *to,
			    const struct form_place *place)
{
	struct posting *posting = to;
	posting->has_sender = true;
	return form_line(form, json, &posting->sender, place);
}

static enum err read_recipient(const struct form *form, json_t *json, void *to,
			       const struct form_place *place)
{
	return form_text(form, json, &((struct posted_recipient *)to)->address, place);
}

static enum err read_recipients(const struct form *form, json_t *json, void *to,
				const struct form_place *place)
{
	struct posting *posting = to;
	void *items = NULL;
	enum err err = form_list(form, json, SCHEMA_RECIPIENTS_MAX, sizeof(struct posted_recipient),
				 read_recipient, &items, &posting->recipient_count, place);
	posting->recipients = items;
	return err;
}

enum err message_form_read(struct arena *arena, struct bytes in, struct posting *ret,
			   struct why *why)
{
	static const struct form_row rows[] = {
		{"from", read_sender, 0},
		{"to", read_recipients, 0},
		{"raw", form_base64, offsetof(struct posting, content)},
		{"mime", form_text, offsetof(struct posting, content)},
		{"pool", form_name, offsetof(struct posting, pool)},
		{"campaign", form_name, offsetof(struct posting, labels.campaign)},
		{"tags", form_tags, offsetof(struct posting, labels)},
		{"metadata", form_metadata, offsetof(struct posting, labels)},
		{"not_before", form_instant, offsetof(struct posting, not_before_wall_ms)},
		{"expires", form_instant, offsetof(struct posting, expires_wall_ms)},
		{"retry", form_name, offsetof(struct posting, retry)},
		{"window", form_name, offsetof(struct posting, window)},
		{"priority", form_priority, offsetof(struct posting, priority)},
	};
	struct form form = {arena, why};
	struct posting posting = {0};
	json_t *root = NULL;
	enum err err = form_parse(in, &root, why);
	if (err != OK)
		return err;
	bool has_both = json_object_get(root, "raw") && json_object_get(root, "mime");
	err = form_object(&form, root, rows, COUNT(rows), &posting, NULL);
	json_decref(root);
	if (err == OK && has_both)
		err = fail(why, E_MALFORMED, "raw: given beside mime");
	if (err == OK)
		*ret = posting;
	return err;
}

/* ---- arguments ---- */

static void add_recipient(struct arena *arena, struct bytes address, struct posting *posting)
{
	size_t count = posting->recipient_count;
	if ((count & (count - 1)) == 0) { /* full: 0, 1, 2, 4, 8 ... */
		struct posted_recipient *more =
			arena_zalloc(arena, count > 0 ? count * 2 : 1, sizeof *more);
		if (count > 0)
			memcpy(more, posting->recipients, count * sizeof *more);
		posting->recipients = more;
	}
	posting->recipients[posting->recipient_count++].address = arena_copy(arena, address);
}

static enum err set_name(struct arena *arena, const char *name, struct bytes value,
			 struct bytes *to, struct why *why)
{
	if (value.len > SCHEMA_NAME_MAX || !bytes_is_utf8(value))
		return fail(why, E_MALFORMED, "%s: not a name", name);
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < ' ' || value.data[i] == 0x7f)
			return fail(why, E_MALFORMED, "%s: holds a control character", name);
	*to = arena_copy(arena, value);
	return OK;
}

static enum err add_tag(struct arena *arena, struct bytes value, struct labels *labels,
			struct why *why)
{
	if (labels->tag_count == SCHEMA_TAGS_MAX)
		return fail(why, E_TOO_BIG, "tag: too many");
	if (!labels->tags)
		labels->tags = arena_zalloc(arena, SCHEMA_TAGS_MAX, sizeof *labels->tags);
	return set_name(arena, "tag", value, &labels->tags[labels->tag_count++], why);
}

static enum err set_instant(const char *name, struct bytes value, int64_t *to, struct why *why)
{
	uint64_t ms = 0;
	if (instant_parse(value, to))
		return OK;
	if (!bytes_to_u64(value, UINT64_C(253402300799999), &ms))
		return fail(why, E_MALFORMED, "%s: not a time as in RFC 3339", name);
	*to = (int64_t)ms;
	return OK;
}

static enum err set_priority(const char *name, struct bytes value, uint32_t *to, struct why *why)
{
	uint64_t size = 0;
	bool is_low = value.len > 0 && value.data[0] == '-';
	if (!bytes_to_u64(bytes_skip(value, is_low), 9, &size))
		return fail(why, E_MALFORMED, "%s: not a number from -9 to 9", name);
	*to = (uint32_t)(10 + (is_low ? -(int)size : (int)size));
	return OK;
}

enum err message_form_argument(struct arena *arena, const char *name, struct bytes value,
			       struct posting *posting, struct why *why)
{
	if (strcmp(name, "to") == 0) {
		if (posting->recipient_count == SCHEMA_RECIPIENTS_MAX)
			return fail(why, E_TOO_BIG, "to: too many");
		add_recipient(arena, value, posting);
		return OK;
	}
	if (strcmp(name, "from") == 0) {
		if (posting->has_sender)
			return fail(why, E_MALFORMED, "from: given twice");
		posting->has_sender = true;
		posting->sender = arena_copy(arena, value);
		return OK;
	}
	if (strcmp(name, "pool") == 0)
		return set_name(arena, name, value, &posting->pool, why);
	if (strcmp(name, "campaign") == 0)
		return set_name(arena, name, value, &posting->labels.campaign, why);
	if (strcmp(name, "tag") == 0)
		return value.len > 0 ? add_tag(arena, value, &posting->labels, why) : OK;
	if (strcmp(name, "retry") == 0)
		return set_name(arena, name, value, &posting->retry, why);
	if (strcmp(name, "window") == 0)
		return set_name(arena, name, value, &posting->window, why);
	if (strcmp(name, "priority") == 0)
		return set_priority(name, value, &posting->priority, why);
	if (strcmp(name, "not_before") == 0)
		return set_instant(name, value, &posting->not_before_wall_ms, why);
	if (strcmp(name, "expires") == 0)
		return set_instant(name, value, &posting->expires_wall_ms, why);
	return E_NOT_FOUND;
}

enum err message_form_check(const struct posting *posting, struct why *why)
{
	if (!posting->has_sender)
		return fail(why, E_MALFORMED, "from: missing; the null sender is an empty text");
	if (posting->recipient_count == 0)
		return fail(why, E_MALFORMED, "to: missing");
	if (posting->content.len == 0)
		return fail(why, E_MALFORMED, "the message is missing");
	return OK;
}
