/* POST /v1/suppressions/bulk: a list of entries, or one per line.
 *
 * body -- on the offload's thread: unpacked, read --> recorded, some at a time --> all kept --> answer */
#include <stdio.h>
#include <string.h>

#include "bouncer/http/objects.h"
#include "bouncer/http/parts.h"
#include "lib/obs/log.h"

#define ENTRIES_MAX   10000
#define FAULTS_TOLD   100
#define FAULT_MAX     200
#define UNDER_WAY_MAX 500
#define ANSWER_MAX    ((size_t)256 << 10)

struct fault {
	size_t index;
	char detail[FAULT_MAX];
};

struct bulk {
	struct bouncer_visit *visit;
	struct work work;
	struct task more;
	bool is_packed, is_dry;
	struct suppression *entries;
	size_t count, recorded, under_way;
	int64_t wall_ms;
	struct fault *faults;
	size_t fault_count; /* may be more than are told */
	enum err err;
	struct why why;
};

/* ---- reading, on the offload's thread ---- */

static void tell_fault(struct bulk *bulk, size_t index, const char *detail)
{
	if (bulk->fault_count < FAULTS_TOLD) {
		struct fault *fault = &bulk->faults[bulk->fault_count];
		fault->index = index;
		(void)snprintf(fault->detail, sizeof fault->detail, "%.*s", FAULT_MAX - 1, detail);
	}
	bulk->fault_count++;
}

static void read_entry(struct bulk *bulk, struct bytes text, size_t index)
{
	struct suppression *entry = &bulk->entries[bulk->count];
	struct why why = {"not an entry"};
	*entry = (struct suppression){0};
	enum err err = suppression_from_json(bulk->visit->api.arena, text, entry, &why);
	if (entry->created_wall_ms == 0)
		entry->created_wall_ms = bulk->wall_ms;
	if (!err)
		err = entry_complete(bulk->visit, ORIGIN_IMPORT, entry, &why);
	if (err)
		tell_fault(bulk, index, why.text);
	else
		bulk->count++;
}

static enum err read_all(struct bulk *bulk)
{
	struct arena *arena = bulk->visit->api.arena;
	struct objects objects;
	struct bytes body, text;
	size_t index = 0;
	enum err err = api_unpack(&bulk->visit->api, bulk->is_packed, &body, &bulk->why);
	if (err)
		return err;
	bulk->entries = arena_zalloc(arena, ENTRIES_MAX, sizeof *bulk->entries);
	bulk->faults = arena_zalloc(arena, FAULTS_TOLD, sizeof *bulk->faults);
	objects_init(&objects, body);
	while (!(err = objects_next(&objects, &text))) {
		if (index == ENTRIES_MAX)
			return fail(&bulk->why, E_TOO_BIG, "more than %d entries", ENTRIES_MAX);
		read_entry(bulk, text, index++);
	}
	if (err != E_NOT_FOUND)
		return fail(&bulk->why, E_MALFORMED,
			    "entry %zu: expected a list of objects, or an object per line", index);
	return OK;
}

static void read_body(void *owner)
{
	struct bulk *bulk = owner;
	bulk->err = read_all(bulk);
}

/* ---- the answer ---- */

static enum err write_answer(const struct bulk *bulk, struct buf *out)
{
	char detail[FAULT_MAX * 6];
	size_t told = bulk->fault_count < FAULTS_TOLD ? bulk->fault_count : FAULTS_TOLD;
	enum err err =
		buf_printf(out, "{\"accepted\":%zu,\"refused\":%zu,\"dry_run\":%s,\"faults\":[",
			   bulk->count, bulk->fault_count, bulk->is_dry ? "true" : "false");
	for (size_t i = 0; i < told && !err; i++) {
		(void)log_escape_json(bytes_of(bulk->faults[i].detail), detail, sizeof detail);
		err = buf_printf(out, "%s{\"index\":%zu,\"detail\":\"%s\"}", i > 0 ? "," : "",
				 bulk->faults[i].index, detail);
	}
	return err ? err : buf_append_text(out, "]}\n");
}

static void end(struct bulk *bulk)
{
	struct bouncer_visit *visit = bulk->visit;
	struct buf out;
	buf_init(&out, ANSWER_MAX);
	if (bulk->err)
		api_fail(&visit->api, bulk->err,
			 bulk->why.text[0] ? bulk->why.text
					   : "not all of it was kept, try again later");
	else if (write_answer(bulk, &out))
		api_refuse(&visit->api, 500, "the answer is too long");
	else
		api_answer(&visit->api, 200, buf_bytes(&out));
	buf_done(&out);
	bouncer_visit_end(visit);
}

/* ---- recording ---- */

static void record_some(void *owner);

static void on_recorded(void *owner, enum err err)
{
	struct bulk *bulk = owner;
	if (!bulk->err)
		bulk->err = err;
	bulk->under_way--;
	if (bulk->visit->of->is_closed)
		record_some(bulk); /* no turn comes any more */
	else
		loop_defer(bulk->visit->of->options.node.loop, &bulk->more);
}

static void record_some(void *owner)
{
	struct bulk *bulk = owner;
	struct bouncer_api *api = bulk->visit->of;
	if (api->is_closed && !bulk->err)
		bulk->err = E_CANCELLED;
	while (!bulk->err && bulk->recorded < bulk->count && bulk->under_way < UNDER_WAY_MAX) {
		const struct ledger_order order = {.entry = bulk->entries[bulk->recorded++]};
		bulk->under_way++;
		ledger_record(api->options.ledger, &order, on_recorded, bulk);
	}
	if (bulk->under_way == 0 && (bulk->err || bulk->recorded == bulk->count))
		end(bulk);
}

static void on_read(void *owner)
{
	struct bulk *bulk = owner;
	if (bulk->is_dry || bulk->visit->of->is_closed)
		bulk->recorded = bulk->count;
	record_some(bulk);
}

/* A client that leaves does not stop it; the bouncer's end does. */
static void on_left(struct bouncer_visit *visit)
{
	struct bulk *bulk = visit->work;
	struct bouncer_api *api = visit->of;
	if (!api->is_closed || !bulk->more.link)
		return;
	task_cancel(&bulk->more, api->options.node.loop);
	record_some(bulk);
}

void http_suppressions_bulk(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct bulk *bulk = arena_zalloc(api->arena, 1, sizeof *bulk);
	struct bytes dry = BYTES("false");
	if (!api_coding(api, &bulk->is_packed) || (bulk->is_packed && !api_has_room_to_unpack(api)))
		return;
	(void)api_query(api, "dry_run", &dry);
	if (!bytes_is(dry, "true") && !bytes_is(dry, "false")) {
		api_refuse(api, 400, "dry_run is true or false");
		return;
	}
	bulk->visit = visit;
	bulk->wall_ms = loop_wall_ms(visit->of->options.node.loop);
	bulk->is_dry = bytes_is(dry, "true");
	bulk->work = (struct work){.run = read_body, .done = on_read, .owner = bulk};
	bulk->more = (struct task){.run = record_some, .owner = bulk};
	visit->work = bulk;
	visit->left = on_left;
	bouncer_visit_begin(visit);
	offload_ask(visit->of->offload, &bulk->work);
}
