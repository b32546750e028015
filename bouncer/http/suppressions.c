/* GET, PUT, DELETE /v1/suppressions/{address}: one entry. */
#include "bouncer/http/parts.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define ENTRY_JSON_MAX ((size_t)256 << 10)

/* ---- which one ---- */

/* Of the path and the query, the address in its one form. False: an answer was given. */
static bool read_place(struct bouncer_visit *visit, struct suppression *ret)
{
	char address[SUPPRESSION_ADDRESS_SIZE];
	*ret = (struct suppression){.tenant = visit_tenant(visit)};
	struct bytes tenant;
	if (suppression_address(bytes_of(visit->api.argument), visit->of->options.covers_tags,
				address)) {
		api_refuse(&visit->api, 400, "not a mail address");
		return false;
	}
	ret->address = arena_copy(visit->api.arena, bytes_of(address));
	if (api_query(&visit->api, "tenant", &tenant)) {
		if (!visit_may_see(visit, tenant)) {
			api_refuse(&visit->api, 403, "the API key is of another tenant");
			return false;
		}
		ret->tenant = tenant;
	}
	(void)api_query(&visit->api, "stream", &ret->stream);
	return true;
}

/* In force there. */
static bool find(struct bouncer_visit *visit, struct bytes tenant, struct bytes stream,
		 struct bytes address, struct suppression *ret)
{
	const struct bouncer_api *api = visit->of;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(tenant, stream, address, key);
	struct bytes value;
	struct store_txn *txn = store_read_begin(api->options.store);
	enum err err = store_get(txn, api->ledger_database, bytes_from(key, len), &value);
	if (!err)
		err = suppression_decode(visit->api.arena, arena_copy(visit->api.arena, value), ret,
					 NULL);
	store_read_end(&txn);
	return !err && suppression_is_in_force(ret, loop_wall_ms(api->options.node.loop));
}

static void answer_entry(struct bouncer_visit *visit, const struct suppression *entry)
{
	struct buf out;
	buf_init(&out, ENTRY_JSON_MAX);
	if (suppression_to_json(entry, &out) || buf_append_text(&out, "\n"))
		api_refuse(&visit->api, 500, "the entry is too long to be told");
	else
		api_answer(&visit->api, 200, buf_bytes(&out));
	buf_done(&out);
}

/* As a look-up of this mail would find it. Of an entry that is everybody's a tenant is told that it is there, and not whose mail made it. */
void http_suppressions_get(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct suppression place, entry;
	if (!read_place(visit, &place))
		return;
	if (!find(visit, place.tenant, place.stream, place.address, &entry) &&
	    !find(visit, place.tenant, BYTES_NONE, place.address, &entry) &&
	    !find(visit, BYTES_NONE, BYTES_NONE, place.address, &entry)) {
		api_refuse(api, 404, "the address is not suppressed");
		return;
	}
	if (!visit_may_see(visit, entry.tenant))
		entry.evidence = entry.message_id = entry.rule = entry.site = BYTES_NONE;
	answer_entry(visit, &entry);
}

/* ---- changing it ---- */

static const char *who(struct bouncer_visit *visit)
{
	return arena_printf(visit->api.arena, "API key %s", visit->api.key->settings->name);
}

enum err entry_complete(struct bouncer_visit *visit, const char *origin, struct suppression *entry,
			struct why *why)
{
	char address[SUPPRESSION_ADDRESS_SIZE];
	bool drops_tag = visit->of->options.covers_tags;
	if (suppression_address(entry->address, drops_tag, address))
		return fail(why, E_MALFORMED, "not a mail address");
	if (entry->tenant.len == 0)
		entry->tenant = visit_tenant(visit);
	if (!visit_may_see(visit, entry->tenant))
		return fail(why, E_REFUSED, "the API key is of another tenant");
	entry->address = arena_copy(visit->api.arena, bytes_of(address));
	entry->covers_tags |= drops_tag;
	entry->origin = bytes_of(origin);
	entry->is_removed = entry->is_held = false;
	entry->version = 0;
	if (entry->reason.len == 0)
		entry->reason = BYTES("manual");
	if (entry->evidence.len == 0)
		entry->evidence = bytes_of(who(visit));
	if (entry->created_wall_ms == 0)
		entry->created_wall_ms = loop_wall_ms(visit->of->options.node.loop);
	return OK;
}

static void on_recorded(void *owner, enum err err)
{
	struct bouncer_visit *visit = owner;
	const struct suppression *entry = visit->work;
	if (err)
		api_fail(&visit->api, err, "it was not kept, try again later");
	else
		answer_entry(visit, entry);
	bouncer_visit_end(visit);
}

/* Answered when it is on this host's disk and in the broker's table. */
static void record(struct bouncer_visit *visit, const struct suppression *entry)
{
	struct suppression *kept = arena_alloc(visit->api.arena, sizeof *kept);
	*kept = *entry;
	visit->work = kept;
	bouncer_visit_begin(visit);
	const struct ledger_order order = {.entry = *entry};
	ledger_record(visit->of->options.ledger, &order, on_recorded, visit);
}

struct bytes json_with(struct bouncer_visit *visit, const char *name, struct bytes value,
		       struct bytes body)
{
	char escaped[SUPPRESSION_ADDRESS_SIZE * 6];
	struct bytes rest = bytes_strip(body);
	if (rest.len == 0)
		rest = BYTES("{}");
	if (rest.data[0] != '{')
		return rest; /* refused for what it is */
	rest = bytes_strip(bytes_skip(rest, 1));
	(void)log_escape_json(value, escaped, sizeof escaped);
	return bytes_of(arena_printf(visit->api.arena, "{\"%s\":\"%s\"%s%.*s", name, escaped,
				     rest.len > 0 && rest.data[0] == '}' ? "" : ",", (int)rest.len,
				     (const char *)rest.data));
}

void http_suppressions_put(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct suppression place, entry = {0};
	struct why why = {""};
	struct bytes body;
	bool is_packed;
	if (!read_place(visit, &place) || !api_coding(api, &is_packed))
		return;
	enum err err = api_unpack(api, is_packed, &body, &why);
	if (!err)
		err = suppression_from_json(
			api->arena, json_with(visit, "address", place.address, body), &entry, &why);
	if (!err && entry.tenant.len == 0)
		entry.tenant = place.tenant;
	if (!err && entry.stream.len == 0)
		entry.stream = place.stream;
	entry.address = place.address;
	if (!err)
		err = entry_complete(visit, ORIGIN_OPERATOR, &entry, &why);
	if (err)
		api_fail(api, err, why.text);
	else
		record(visit, &entry);
}

void http_suppressions_delete(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct suppression place, entry;
	if (!read_place(visit, &place))
		return;
	if (!find(visit, place.tenant, place.stream, place.address, &entry)) {
		api_refuse(api, 404, "no such suppression");
		return;
	}
	entry.is_removed = true;
	entry.origin = BYTES(ORIGIN_OPERATOR);
	entry.evidence = bytes_of(who(visit));
	record(visit, &entry);
}
