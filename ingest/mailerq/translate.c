/* See translate.h. */
#include "ingest/mailerq/translate.h"

#include <string.h>

#include "ingest/mailerq/echo.h"
#include "ingest/mailerq/headers.h"
#include "ingest/mailerq/value.h"
#include "schemas/json_bound.h"

#define DEPTH_MAX  32
#define VALUES_MAX 20000

struct translation {
	struct arena *arena;
	const struct mailerq_settings *settings;
	const struct routing_settings *routing;
	json_t *root;
	struct submission *ret;
	struct why *why;
};

static json_t *get(const struct translation *t, const char *name)
{
	return json_object_get(t->root, name);
}

static struct bytes get_text(const struct translation *t, const char *name)
{
	struct bytes text = value_text(get(t, name));
	return text.len > 0 ? arena_copy(t->arena, text) : BYTES_NONE;
}

static enum err bad(const struct translation *t, const char *problem)
{
	return fail(t->why, E_MALFORMED, "%s", problem);
}

static bool has_control(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < ' ' || b.data[i] == 0x7f ||
		    (b.data[i] == 0xc2 && i + 1 < b.len && b.data[i + 1] < 0xa0))
			return true;
	return false;
}

/* ---- envelope ---- */

#define ADDRESS_BYTES_MAX 320

static bool is_short_line(struct bytes text, size_t max)
{
	return text.len <= max && !has_control(text);
}

/* Whether they are addresses is asked where all submissions are; here they only must be such that a result may tell them. */
static enum err take_addresses(struct translation *t)
{
	struct bytes sender = get_text(t, "envelope"), recipient = get_text(t, "recipient");
	json_t *envelope = get(t, "envelope");
	if (recipient.len == 0)
		return bad(t, "recipient: missing");
	if (!is_short_line(recipient, ADDRESS_BYTES_MAX))
		return bad(t, "recipient: not an address");
	t->ret->recipients = arena_zalloc(t->arena, 1, sizeof *t->ret->recipients);
	t->ret->recipients[0] = recipient;
	t->ret->recipient_count = 1;
	if (!is_short_line(sender, ADDRESS_BYTES_MAX) ||
	    (!value_is_empty(envelope) && !json_is_string(envelope)))
		return bad(t, "envelope: not an address");
	t->ret->sender = sender;
	return OK;
}

/* An id that cannot be one is one of the publisher's own, and is only echoed. */
static void take_id(struct translation *t)
{
	struct bytes id = get_text(t, "message-id");
	if (id.len == 0 || id.len > SCHEMA_ID_MAX || has_control(id) || !bytes_is_ascii(id) ||
	    bytes_find(id, ' ') >= 0)
		return;
	t->ret->id = id;
}

/* Tags that results cannot tell by themselves are in the echo all the same. */
static void take_tags(struct translation *t)
{
	json_t *tags = get(t, "tags");
	struct labels *labels = &t->ret->labels;
	size_t count = value_count(tags);
	if (count == 0)
		return;
	labels->tags = arena_zalloc(t->arena, SCHEMA_TAGS_MAX, sizeof *labels->tags);
	for (size_t i = 0; i < count && labels->tag_count < SCHEMA_TAGS_MAX; i++) {
		struct bytes tag = value_text(value_item(tags, i));
		if (tag.len > 0 && is_short_line(tag, SCHEMA_NAME_MAX))
			labels->tags[labels->tag_count++] = arena_copy(t->arena, tag);
	}
}

/* ---- where from ---- */

static const struct source_settings *find_source(const struct translation *t, const char *name)
{
	for (size_t i = 0; i < t->routing->sources.count; i++) {
		const struct source_settings *source =
			CONF_ITEM(&t->routing->sources, struct source_settings, i);
		if (strcmp(source->name, name) == 0)
			return source;
	}
	return NULL;
}

static bool is_among(json_t *ips, const char *address)
{
	for (size_t i = 0; i < json_array_size(ips); i++)
		if (*address && bytes_is(value_text(json_array_get(ips, i)), address))
			return true;
	return false;
}

/* Does it send from these addresses only? */
static bool fits(const struct translation *t, const struct pool_settings *pool, json_t *ips)
{
	for (size_t i = 0; i < pool->sources.count; i++) {
		const struct source_settings *source = find_source(t, pool->sources.items[i].name);
		if (!source || !is_among(ips, source->address))
			return false;
	}
	return pool->sources.count > 0;
}

static enum err take_ips(struct translation *t, json_t *ips)
{
	for (size_t i = 0; i < t->routing->pools.count; i++) {
		const struct pool_settings *pool =
			CONF_ITEM(&t->routing->pools, struct pool_settings, i);
		if (!fits(t, pool, ips))
			continue;
		t->ret->pool = bytes_of(pool->name);
		return OK;
	}
	return bad(t, "ips: no pool sends from these addresses only");
}

/* An `ips` that is no list says nothing, as in MailerQ. */
static enum err take_pool(struct translation *t)
{
	struct bytes pool = get_text(t, "pool");
	json_t *ips = get(t, "ips");
	if (json_is_array(ips))
		return take_ips(t, ips);
	if (is_short_line(pool, SCHEMA_NAME_MAX))
		t->ret->pool = pool;
	return OK;
}

/* ---- when ---- */

static enum err take_time(struct translation *t, json_t *json, const char *problem, int64_t *ret)
{
	if (value_is_empty(json) || value_time(json, ret))
		return OK;
	return bad(t, problem);
}

static enum err take_times(struct translation *t)
{
	json_t *next = get(t, "nextattempt");
	if (json_is_object(next))
		next = json_object_get(next, "time");
	enum err err = take_time(t, get(t, "maxdelivertime"), "maxdelivertime: not a time",
				 &t->ret->expires_wall_ms);
	if (err == OK)
		err = take_time(t, get(t, "delayed"), "delayed: not a time",
				&t->ret->not_before_wall_ms);
	if (err == OK)
		err = take_time(t, next, "nextattempt: not a time", &t->ret->not_before_wall_ms);
	return err;
}

/* ---- what Leveret does not do ---- */

static enum err check_asked(const struct translation *t)
{
	struct bytes security = value_text(get(t, "security"));
	if (json_is_object(get(t, "mime")))
		return bad(t, "mime: an object; make it text before it is published");
	if (!value_is_empty(get(t, "data")))
		return bad(t, "data: nothing is filled into `mime`; personalise before publishing, "
			      "or use the HTTP API's templates");
	if (value_is_true(get(t, "inlinecss")))
		return bad(t, "inlinecss: styles are not moved; do it before publishing");
	if (value_is_empty(get(t, "mime")) && !value_is_empty(get(t, "key")))
		return bad(t, "key: there is no message store; publish `mime`");
	if (!value_is_empty(get(t, "smarthost")))
		return bad(t, "smarthost: not for a single message; set a host in `routes`");
	if (bytes_is_nocase(security, "required") || bytes_is_nocase(security, "verified"))
		return bad(t, "security: not for a single message; set tls of the site");
	return OK;
}

/* ---- queues ---- */

static bool is_of_leveret(struct bytes name)
{
	static const char *const starts[] = {"deliver.", "submit.", "bouncer.", "leveret.",
					     "mailerq.", "amq.",    "host."};
	static const char *const names[] = {"lost", "buried", "refused", "waiting"};
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (bytes_starts_with_nocase(name, starts[i]))
			return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (bytes_is(name, names[i]))
			return true;
	return false;
}

/* With broker.prefix and without, for the broker may serve another Leveret too. */
static bool is_taken(const struct mailerq_settings *settings, struct bytes queue)
{
	const char *prefix = settings->broker_prefix ? settings->broker_prefix : "";
	size_t len = strlen(prefix);
	bool has_prefix = queue.len > len && memcmp(queue.data, prefix, len) == 0;
	return is_of_leveret(queue) || (has_prefix && is_of_leveret(bytes_skip(queue, len)));
}

bool mailerq_may_publish_to(const struct mailerq_settings *settings, struct bytes queue)
{
	return queue.len > 0 && is_short_line(queue, SCHEMA_NAME_MAX) &&
	       !is_taken(settings, queue) && !bytes_is(queue, settings->outbox);
}

static enum err check_queues(const struct translation *t)
{
	static const char *const names[] = {"results", "success", "failure", "retry"};
	json_t *queues = get(t, "queues");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *queue = json_object_get(queues, names[i]);
		if (!value_is_empty(queue) &&
		    !mailerq_may_publish_to(t->settings, value_text(queue)))
			return bad(t, "queues: results cannot be put into one of them");
	}
	return OK;
}

/* ---- content ---- */

static enum err take_content(struct translation *t)
{
	struct bytes mime = value_text(get(t, "mime"));
	if (mime.len == 0)
		return bad(t, "mime: missing");
	enum err err = headers_edit(t->arena, get(t, "headers"), arena_copy(t->arena, mime),
				    &t->ret->content, t->why);
	if (err == OK && t->ret->content.len > SCHEMA_CONTENT_MAX)
		err = fail(t->why, E_TOO_BIG, "mime: too long");
	return err;
}

/* ---- all of it ---- */

/* Results of what is refused are told too, so the echo is made whatever is wrong. */
static enum err take_echo(struct translation *t)
{
	enum err err = t->ret->recipient_count > 0
			       ? echo_make(t->arena, t->root, &t->ret->labels.echo)
			       : OK;
	if (err == OK)
		return OK;
	return fail(t->why, err, "the properties beside `mime` are longer than %d bytes",
		    SCHEMA_ECHO_MAX);
}

static enum err translate(struct translation *t)
{
	enum err err = take_addresses(t);
	struct why why = *t->why;
	enum err echo_err = take_echo(t);
	take_id(t);
	take_tags(t);
	if (err != OK) {
		*t->why = why; /* the first fault is the one that is told */
		return err;
	}
	err = echo_err;
	if (err == OK)
		err = check_queues(t);
	if (err == OK)
		err = check_asked(t);
	if (err == OK)
		err = take_pool(t);
	if (err == OK)
		err = take_times(t);
	return err == OK ? take_content(t) : err;
}

enum err mailerq_read(struct arena *arena, struct bytes in, const struct mailerq_settings *settings,
		      const struct routing_settings *routing, struct submission *ret,
		      struct why *why)
{
	json_error_t error;
	struct why unused = {""};
	why = why ? why : &unused;
	*ret = (struct submission){0};
	enum err err = json_bound(in, DEPTH_MAX, VALUES_MAX, why);
	if (err != OK)
		return err;
	json_t *root = json_loadb((const char *)in.data, in.len, 0, &error);
	if (!root)
		return fail(why, E_MALFORMED, "JSON: line %d, column %d: not well-formed",
			    error.line, error.column);
	if (json_is_object(root)) {
		struct translation t = {arena, settings, routing, root, ret, why};
		err = translate(&t);
	} else {
		err = fail(why, E_MALFORMED, "JSON: not an object");
	}
	if (err != OK)
		ret->content = BYTES_NONE;
	json_decref(root);
	return err;
}
