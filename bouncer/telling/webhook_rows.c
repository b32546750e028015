/* See webhook_rows.h. */
#include "bouncer/telling/webhook_rows.h"

#include <string.h>

#include "bouncer/telling/webhook_rules.h"
#include "lib/base/ascii.h"
#include "lib/base/random.h"
#include "lib/crypto/base64.h"
#include "lib/net/url_target.h"

#define SECRET_BYTES 32
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* As webhook.def has them. */
static const char *const usual_events[] = {"delivered",	 "bounced",	 "expired",
					   "complained", "unsubscribed", "suppressed"};
#define NUMBERS(X) /* member, usual, least, most */                                                \
	X(batch_max, 500, 1, 1000)                                                                 \
	X(batch_every_ms, 2000, 0, 60000)                                                          \
	X(requests, 4, 1, 32)                                                                      \
	X(timeout_ms, 15000, 100, 60000)                                                           \
	X(give_up_ms, 259200000, 1000, 2592000000)

bool webhook_name_is_good(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (!ascii_is_letter_or_digit(c) && c != '-' && c != '_')
			return false;
	}
	return name.len > 0 && name.len <= WEBHOOK_ROW_NAME_MAX;
}

/* ---- checking ---- */

static enum err check_url(struct arena *arena, const struct webhook_row *row,
			  const struct webhook_place *place, struct why *why)
{
	struct url_target target;
	struct why problem;
	if (row->url.len == 0)
		return fail(why, E_MALFORMED, "url: missing");
	if (url_target_parse(arena_cstr(arena, row->url), &target, &problem))
		return fail(why, E_MALFORMED, "url: %s", problem.text);
	if (target.is_address && !url_may_reach(&target.address, place->allow_networks))
		return fail(why, E_REFUSED, "url: a special address, which may not be posted to");
	return OK;
}

static enum err check_secret(struct arena *arena, const char *field, struct bytes secret,
			     struct why *why)
{
	struct webhook_key key;
	struct why problem;
	if (secret.len > 0 && webhook_key_parse(arena_cstr(arena, secret), &key, &problem))
		return fail(why, E_MALFORMED, "%s: %s", field, problem.text);
	return OK;
}

static enum err check_events(struct arena *arena, const struct webhook_row *row, struct why *why)
{
	for (size_t i = 0; i < row->event_count; i++)
		if (!bouncer_event_kind_of(arena_cstr(arena, row->events[i])))
			return fail(why, E_MALFORMED, "events: there are no events \"%.60s\"",
				    arena_cstr(arena, row->events[i]));
	return OK;
}

/* 0 is what is usual. */
static enum err check_numbers(const struct webhook_row *row, struct why *why)
{
#define ROW(member, usual, least, most) {#member, row->member, least, most},
	const struct {
		const char *name;
		int64_t value, least, most;
	} rows[] = {NUMBERS(ROW)};
#undef ROW
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].value != 0 &&
		    (rows[i].value < rows[i].least || rows[i].value > rows[i].most))
			return fail(why, E_MALFORMED, "%s: from %lld to %lld", rows[i].name,
				    (long long)rows[i].least, (long long)rows[i].most);
	return OK;
}

enum err webhook_row_check(const struct webhook_row *row, const struct webhook_place *place,
			   struct why *why)
{
	if (!webhook_name_is_good(row->name))
		return fail(why, E_MALFORMED, "name: up to 64 letters, digits, - and _");
	struct arena *arena = arena_new();
	enum err err = check_url(arena, row, place, why);
	if (!err)
		err = check_secret(arena, "secret", row->secret, why);
	if (!err)
		err = check_secret(arena, "old_secret", row->old_secret, why);
	if (!err)
		err = check_events(arena, row, why);
	arena_free(&arena);
	return err ? err : check_numbers(row, why);
}

/* ---- reading ---- */

static struct conf_text_list events_of(struct arena *arena, const struct webhook_row *row)
{
	struct conf_text_list list = {.count = row->event_count > 0 ? row->event_count
								    : COUNT(usual_events)};
	list.items = arena_zalloc(arena, list.count, sizeof list.items[0]);
	for (size_t i = 0; i < list.count; i++)
		list.items[i] =
			row->event_count > 0 ? arena_cstr(arena, row->events[i]) : usual_events[i];
	return list;
}

const struct webhook_settings *webhook_row_settings(struct arena *arena,
						    const struct webhook_row *row,
						    const struct webhook_place *place)
{
	struct webhook_settings *settings = arena_zalloc(arena, 1, sizeof *settings);
#define READ(member, usual, least, most) int64_t member = row->member ? row->member : (usual);
	NUMBERS(READ)
#undef READ
	*settings = (struct webhook_settings){
		.name = arena_cstr(arena, row->name),
		.url = arena_cstr(arena, row->url),
		.secret = arena_cstr(arena, row->secret),
		.old_secret = arena_cstr(arena, row->old_secret),
		.events = events_of(arena, row),
		.tenant = arena_cstr(arena, row->tenant),
		.requests = requests,
		.timeout = timeout_ms,
		.give_up = give_up_ms,
		.allow_networks = *place->allow_networks,
		.ca_file = place->ca_file,
		.batch = {.max = batch_max, .every = batch_every_ms},
	};
	return settings;
}

static bool same_events(const struct webhook_row *a, const struct webhook_row *b)
{
	if (a->event_count != b->event_count)
		return false;
	for (size_t i = 0; i < a->event_count; i++)
		if (!bytes_equal(a->events[i], b->events[i]))
			return false;
	return true;
}

bool webhook_row_same(const struct webhook_row *a, const struct webhook_row *b)
{
#define SAME(member, usual, least, most) &&a->member == b->member
	return bytes_equal(a->url, b->url) && bytes_equal(a->secret, b->secret) &&
	       bytes_equal(a->old_secret, b->old_secret) && bytes_equal(a->tenant, b->tenant) &&
	       same_events(a, b) NUMBERS(SAME);
#undef SAME
}

void webhook_secret_new(char out[WEBHOOK_SECRET_SIZE])
{
	uint8_t bytes[SECRET_BYTES];
	random_bytes(bytes, sizeof bytes);
	memcpy(out, "whsec_", 6);
	(void)base64_text(bytes_from(bytes, sizeof bytes), out + 6);
}

enum webhook_row_mode webhook_row_mode_of(enum webhook_mode mode)
{
	return mode == WEBHOOK_PAUSED	  ? WEBHOOK_ROW_PAUSED
	       : mode == WEBHOOK_DISABLED ? WEBHOOK_ROW_DISABLED
					  : WEBHOOK_ROW_ON;
}

enum webhook_mode webhook_mode_of(enum webhook_row_mode mode)
{
	return mode == WEBHOOK_ROW_PAUSED     ? WEBHOOK_PAUSED
	       : mode == WEBHOOK_ROW_DISABLED ? WEBHOOK_DISABLED
					      : WEBHOOK_ON;
}
