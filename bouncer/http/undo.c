/* POST /v1/suppressions/undo: lifts what fits the query, or counts it. */
#include "bouncer/http/walk.h"

struct undoing {
	struct selection selection;
	uint64_t count;
};

static void answer(struct bouncer_visit *visit, uint64_t count, bool is_dry)
{
	const char *text = arena_printf(visit->api.arena, "{\"count\":%llu,\"dry_run\":%s}\n",
					(unsigned long long)count, is_dry ? "true" : "false");
	api_answer(&visit->api, 200, bytes_of(text));
}

/* ---- counting ---- */

static bool on_entry(struct bouncer_visit *visit, const struct suppression *entry)
{
	struct undoing *undoing = visit->result;
	(void)entry;
	undoing->count++;
	return true;
}

static void on_counted(struct bouncer_visit *visit, enum err err, struct bytes next)
{
	const struct undoing *undoing = visit->result;
	(void)next;
	if (err)
		api_fail(&visit->api, err, "the ledger cannot be read now");
	else
		answer(visit, undoing->count, true);
}

static const struct walk_handler counter = {.each = on_entry, .done = on_counted};

/* ---- lifting ---- */

static void on_swept(void *owner, enum err err, uint64_t count)
{
	struct bouncer_visit *visit = owner;
	visit->of->walk_count--;
	if (err)
		api_fail(&visit->api, err, "not all of them were lifted, try again later");
	else
		answer(visit, count, false);
	bouncer_visit_end(visit);
}

/* A client that leaves does not stop it; the bouncer's end does. */
static void on_left(struct bouncer_visit *visit)
{
	if (visit->of->is_closed)
		sweep_cancel(visit->work);
}

static void lift(struct bouncer_visit *visit, const struct suppression_filter *filter)
{
	struct bouncer_api *api = visit->of;
	if (api->walk_count >= WALKS_MAX) {
		api_refuse(&visit->api, 503, "busy, try again later");
		return;
	}
	const struct sweep_options options = {
		.loop = api->options.node.loop,
		.store = api->options.store,
		.ledger = api->options.ledger,
		.act = SWEEP_LIFT,
		.filter = filter,
		.by = bytes_of(arena_printf(visit->api.arena, "API key %s",
					    visit->api.key->settings->name)),
	};
	api->walk_count++;
	bouncer_visit_begin(visit);
	visit->left = on_left;
	visit->work = sweep_start(&options, on_swept, visit);
}

void http_suppressions_undo(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct undoing *undoing = arena_zalloc(api->arena, 1, sizeof *undoing);
	struct selection *selection = &undoing->selection;
	if (!selection_read(visit, selection))
		return;
	if (!selection->has_filter && !selection->is_all) {
		api_refuse(api, 400, "say which: since, domain, class, rule, ..., or all=true");
		return;
	}
	if (selection->wants_held) {
		api_refuse(api, 400, "what is held is not in force");
		return;
	}
	visit->result = undoing;
	if (selection->is_dry)
		walk_start(visit, selection, BYTES_NONE, 0, &counter);
	else
		lift(visit, &selection->filter);
}
