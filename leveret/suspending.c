#include "leveret/suspending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/siting.h"
#include "lib/base/clock.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"

/* ---- the rows ---- */

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct errand *errand = owner;
	const struct suspending *suspending = errand->owner;
	(void)position;
	suspensions_note(suspending->rows, entry);
	site_limits_note(suspending->limits, entry);
}

static void on_caught_up(void *owner)
{
	struct errand *errand = owner;
	struct suspending *suspending = errand->owner;
	if (suspending->is_told)
		return;
	suspending->is_told = true;
	suspending->told(errand);
}

void suspending_begin(struct errand *errand)
{
	static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};
	struct suspending *suspending = errand->owner;
	suspending->rows = suspensions_new();
	suspending->limits = site_limits_new();
	suspending->follower = table_follow(errand->broker, DIRECTIVES_TABLE, 0, &handler, errand);
}

void suspending_finish(struct errand *errand)
{
	struct suspending *suspending = errand->owner;
	table_follower_free(&suspending->follower);
	suspensions_free(&suspending->rows);
	site_limits_free(&suspending->limits);
}

/* ---- a new row ---- */

static void on_kept(void *owner, enum err err)
{
	struct errand *errand = owner;
	struct suspending *suspending = errand->owner;
	if (err && !suspending->err)
		suspending->err = err;
	if (--suspending->pending > 0)
		return;
	if (!suspending->err) {
		suspending->kept(errand);
		return;
	}
	(void)fprintf(stderr, "leveret: the broker did not keep it: %s\n",
		      err_text(suspending->err));
	errand_end(errand, EXIT_FAILED);
}

/* Of the row whose place it takes; 0: there is none. */
static uint64_t version_before(const struct suspending *suspending,
			       const struct directive *directive)
{
	const struct suspension *row = suspensions_same(suspending->rows, directive);
	const struct site_limit *limit = site_limits_of(suspending->limits, directive->site);
	if (directive->kind == DIRECTIVE_LIMIT)
		return limit ? limit->version : 0;
	return row ? row->version : 0;
}

void suspending_append(struct errand *errand, const struct directive *directive,
		       void (*kept)(struct errand *errand))
{
	struct suspending *suspending = errand->owner;
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	struct why why;
	uint64_t version = (uint64_t)loop_wall_ms(errand->loop);
	uint64_t before = version_before(suspending, directive);
	if (before >= version)
		version = before + 1;
	buf_init(&value, REPLICA_VALUE_MAX);
	suspending->kept = kept;
	suspending->pending++;
	if (directing_write(directive, &value, &why) != OK) {
		(void)fprintf(stderr, "leveret: this cannot be kept: %s\n", why.text);
		errand_end(errand, EXIT_USAGE);
	} else {
		const struct table_entry entry = {
			.key = bytes_from(key, directive_key(directive, key)),
			.value = buf_bytes(&value),
			.version = version,
		};
		suspensions_note(suspending->rows, &entry);
		table_append(errand->broker, DIRECTIVES_TABLE, &entry, on_kept, errand);
	}
	buf_done(&value);
}

/* ---- what is meant ---- */

/* The pool whose name, or word for urgent mail, this is. */
static const char *pool_of(const struct conf_items *pools, const char *word, size_t len)
{
	for (size_t i = 0; i < pools->count; i++) {
		const struct pool_settings *pool = CONF_ITEM(pools, struct pool_settings, i);
		char urgent[ROUTING_NAME_MAX + 1];
		if (bytes_is(bytes_from(word, len), pool->name) ||
		    (routing_pool_word(pool, true, urgent) &&
		     bytes_is(bytes_from(word, len), urgent)))
			return pool->name;
	}
	return NULL;
}

static const struct site_settings *site_named(const struct routing_settings *routing,
					      const char *name)
{
	for (size_t i = 0; i < routing->sites.count; i++) {
		const struct site_settings *site =
			CONF_ITEM(&routing->sites, struct site_settings, i);
		if (strcmp(site->name, name) == 0)
			return site;
	}
	return NULL;
}

bool suspending_subject_of(const struct routing_settings *routing, const char *queue,
			   struct suspension_subject *ret)
{
	const char *start = strncmp(queue, "deliver.", 8) == 0 ? queue + 8 : queue;
	for (const char *dot = strchr(start, '.'); dot; dot = strchr(dot + 1, '.')) {
		const char *site = dot + 1;
		const char *pool = pool_of(&routing->pools, start, (size_t)(dot - start));
		if (!pool)
			continue;
		bool is_tail = strcmp(site, SUSPENSION_TAIL) == 0 ||
			       strncmp(site, SUSPENSION_TAIL "-", 5) == 0;
		if (!is_tail && !site_named(routing, site))
			continue;
		*ret = (struct suspension_subject){.pool = bytes_of(pool),
						   .site = is_tail ? BYTES(SUSPENSION_TAIL)
								   : bytes_of(site)};
		return true;
	}
	return false;
}

static int take_queue(const struct routing_settings *routing, const char *queue,
		      struct directive *ret)
{
	struct suspension_subject subject;
	if (!suspending_subject_of(routing, queue, &subject)) {
		(void)fprintf(stderr,
			      "leveret: \"%s\" is no queue of deliveries: see leveret queue list\n",
			      queue);
		return EXIT_NOT_FOUND;
	}
	ret->pool = subject.pool;
	ret->site = subject.site;
	return EXIT_DONE;
}

/* A named site, the tail, or a domain of it. */
static int take_site(const struct routing_settings *routing, const char *site,
		     struct directive *ret)
{
	if (!strchr(site, '.') && strcmp(site, SUSPENSION_TAIL) != 0 &&
	    !site_named(routing, site)) {
		(void)fprintf(stderr,
			      "leveret: there is no site \"%s\" (\"tail\" is all other domains)\n",
			      site);
		return EXIT_NOT_FOUND;
	}
	ret->site = bytes_of(site);
	return EXIT_DONE;
}

int suspending_subject(const struct settings *settings, const struct options *options,
		       const char *queue, struct directive *ret)
{
	const struct routing_settings *routing = &settings->routing;
	const char *pool = options_value(options, "pool", NULL);
	const char *site = options_value(options, "site", NULL);
	int code = EXIT_DONE;
	ret->tenant = bytes_of(options_value(options, "tenant", ""));
	ret->campaign = bytes_of(options_value(options, "campaign", ""));
	if (queue && (pool || site)) {
		(void)fprintf(stderr, "leveret: give a queue, or --pool and --site\n");
		return EXIT_USAGE;
	}
	if (queue)
		return take_queue(routing, queue, ret);
	if (pool && !pool_of(&routing->pools, pool, strlen(pool))) {
		(void)fprintf(stderr, "leveret: there is no pool \"%s\"\n", pool);
		return EXIT_NOT_FOUND;
	}
	ret->pool = bytes_of(pool);
	if (site)
		code = take_site(routing, site, ret);
	return code;
}

/* ---- telling ---- */

struct named_field {
	const char *name;
	struct bytes value;
};
#define FIELD_COUNT 5

static void fields_of(const struct directive *directive, struct named_field out[FIELD_COUNT])
{
	const struct named_field fields[FIELD_COUNT] = {
		{"pool", directive->pool},	   {"site", directive->site},
		{"source", directive->source},	   {"tenant", directive->tenant},
		{"campaign", directive->campaign},
	};
	memcpy(out, fields, sizeof fields);
}

void suspension_text(const struct directive *directive, char out[SUSPENSION_TEXT_SIZE])
{
	struct named_field fields[FIELD_COUNT];
	size_t len = 0;
	fields_of(directive, fields);
	(void)snprintf(out, SUSPENSION_TEXT_SIZE, "everything");
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields[i].value.len > 0)
			len += (size_t)snprintf(out + len, SUSPENSION_TEXT_SIZE - len, "%s%s %.*s",
						len ? ", " : "", fields[i].name,
						BYTES_ARGS(fields[i].value));
}

void suspension_print(const struct suspension *suspension)
{
	const struct directive *directive = &suspension->directive;
	char text[SUSPENSION_TEXT_SIZE], until[CLOCK_RFC3339_SIZE] = "it is resumed";
	suspension_text(directive, text);
	if (directive->until_wall_ms)
		clock_rfc3339(directive->until_wall_ms, until);
	(void)printf("%s: by %.*s, until %s%s%.*s\n", text, BYTES_ARGS(directive->by), until,
		     directive->reason.len ? ": " : "", BYTES_ARGS(directive->reason));
}

static void print_text(const char *name, struct bytes value)
{
	siting_json_text(name, value);
	(void)printf(",");
}

void suspension_print_json(const struct suspension *suspension)
{
	const struct directive *directive = &suspension->directive;
	struct named_field fields[FIELD_COUNT];
	fields_of(directive, fields);
	(void)printf("{");
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields[i].value.len > 0)
			print_text(fields[i].name, fields[i].value);
	print_text("by", directive->by);
	print_text("reason", directive->reason);
	siting_json_time("since", (int64_t)suspension->version);
	(void)printf(",");
	siting_json_time("until", directive->until_wall_ms);
	(void)printf("}");
}
