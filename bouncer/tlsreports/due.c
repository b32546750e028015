/* See due.h. Two passes over the days: new ones, and what room is left for those that were tried. */
#include "bouncer/tlsreports/due.h"

struct looking {
	struct tls_due_list *list;
	uint32_t until;
	int64_t now_wall_ms;
	bool is_for_new;
};

bool tls_due_is(const struct tls_report_state *state, int64_t now_wall_ms)
{
	return !state->is_closed && state->next_wall_ms <= now_wall_ms;
}

static bool note(void *owner, struct bytes key, struct bytes value)
{
	const struct looking *looking = owner;
	struct tls_due_list *list = looking->list;
	struct tls_report_state state;
	struct bytes domain;
	uint32_t day;
	if (!tls_report_key_parse(key, &day, &domain) || day >= looking->until)
		return false;
	if (tls_report_state_parse(value, &state) && tls_due_is(&state, looking->now_wall_ms) &&
	    (state.tries == 0) == looking->is_for_new &&
	    bytes_to_cstr(domain, list->items[list->count].domain,
			  sizeof list->items[list->count].domain))
		list->items[list->count++].day = day;
	return list->count < TLS_DUE_MAX;
}

enum err tls_due_find(struct store_txn *txn, const struct tls_keep *keep, uint32_t from,
		      uint32_t until, int64_t now_wall_ms, struct tls_due_list *ret)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct bytes start = bytes_from(key, tls_report_key(from, BYTES_NONE, key));
	struct looking looking = {ret, until, now_wall_ms, true};
	ret->count = 0;
	enum err err = store_each(txn, keep->reports, start, note, &looking);
	looking.is_for_new = false;
	if (!err && ret->count < TLS_DUE_MAX)
		err = store_each(txn, keep->reports, start, note, &looking);
	return err;
}
