/* Reads what stands at the key, in the ledger and in the table, compares it with the wish, and writes what follows. */
#include "bouncer/suppressions/decision.h"

#include "bouncer/suppressions/allowance.h"
#include "bouncer/suppressions/outbox.h"

#define SAFETY_KEY BYTES("hour")

/* Of what is held: it waits there. */
static bool is_in_force(const struct present *present, int64_t wall_ms)
{
	struct suppression entry = present->suppression;
	entry.is_held = false;
	return present->is_known && suppression_is_in_force(&entry, wall_ms);
}

static bool says_the_same(const struct suppression *a, const struct suppression *b)
{
	return bytes_equal(a->reason, b->reason) && bytes_equal(a->origin, b->origin) &&
	       bytes_equal(a->evidence, b->evidence) && a->expires_wall_ms == b->expires_wall_ms;
}

static bool lasts_longer(const struct suppression *wish, const struct suppression *present)
{
	return wish->expires_wall_ms == 0 && present->expires_wall_ms > 0 &&
	       !bytes_is(present->origin, ORIGIN_OPERATOR);
}

/* A version begins as the wall time of its writing, so it tells whether a bounce is older than a removal. */
static bool must_write(const struct decision *decision, const struct present *present)
{
	const struct suppression *wish = &decision->entry;
	if (wish->is_removed && decision->order->only_version > 0)
		return present->is_known && !present->suppression.is_removed &&
		       present->suppression.version == decision->order->only_version;
	if (wish->is_removed)
		return !present->is_known || !present->suppression.is_removed;
	bool is_now = is_in_force(present, decision->wall_ms);
	if (wish->expires_wall_ms > 0 && wish->expires_wall_ms <= decision->wall_ms)
		return false; /* come too late */
	if (bytes_is(wish->origin, ORIGIN_OPERATOR))
		return !is_now || !says_the_same(wish, &present->suppression);
	if (bytes_is(wish->origin, ORIGIN_IMPORT))
		return !is_now;
	if (present->is_known && present->suppression.is_removed)
		return (uint64_t)wish->created_wall_ms > present->suppression.version;
	return !is_now || lasts_longer(wish, &present->suppression);
}

static bool is_same_cause(const struct decision *decision, const struct present *present)
{
	const struct suppression *wish = &decision->entry;
	return is_in_force(present, decision->wall_ms) && wish->message_id.len > 0 &&
	       wish->created_wall_ms == present->suppression.created_wall_ms &&
	       bytes_equal(wish->message_id, present->suppression.message_id);
}

static enum err encode(struct decision *decision, struct suppression *entry)
{
	decision->version = entry->version;
	decision->is_removed = entry->is_removed;
	buf_clear(&decision->value);
	return suppression_encode(entry, &decision->value) ? E_TOO_BIG : OK;
}

static enum err write_wish(struct decision *decision, const struct present *present,
			   struct store_txn *txn)
{
	bool is_now = is_in_force(present, decision->wall_ms);
	struct suppression entry = decision->entry;
	entry.version = (uint64_t)decision->wall_ms;
	if (present->is_known && present->suppression.version >= entry.version)
		entry.version = present->suppression.version + 1;
	enum err err = encode(decision, &entry);
	if (err)
		return err;
	decision->is_written = true;
	decision->must_append = true;
	decision->in_force_change = (entry.is_removed ? 0 : 1) - (is_now ? 1 : 0);
	decision->entry.version = entry.version;
	struct bytes key = bytes_from(decision->key, decision->key_len);
	decision->is_to_be_told =
		decision->limit->teller && !entry.is_held && !bytes_is(entry.origin, ORIGIN_IMPORT);
	if (decision->is_to_be_told)
		err = outbox_note(txn, decision->databases.outbox, key, entry.version);
	return err ? err
		   : store_put(txn, decision->databases.own, key, buf_bytes(&decision->value));
}

static enum err read_present(struct decision *decision, struct store_txn *txn, struct present *ret)
{
	decision->key_len = suppression_entry_key(&decision->entry, decision->key);
	return present_read(txn, &decision->databases, bytes_from(decision->key, decision->key_len),
			    decision->arena, ret);
}

/* One of the hour's, taken in the transaction of what it is taken for. */
static enum err take_allowance(struct decision *decision, struct store_txn *txn)
{
	struct bytes stored = BYTES_NONE;
	struct allowance allowance;
	uint8_t out[ALLOWANCE_BYTES];
	enum err err = store_get(txn, decision->databases.safety, SAFETY_KEY, &stored);
	if (err && err != E_NOT_FOUND)
		return err;
	allowance_parse(stored, &allowance);
	decision->is_exceeding =
		!allowance_take(&allowance, decision->wall_ms, decision->limit->hourly_max);
	if (decision->is_exceeding)
		return OK;
	allowance_write(&allowance, out);
	return store_put(txn, decision->databases.safety, SAFETY_KEY, bytes_from(out, sizeof out));
}

/* What is held already stays so until an operator decides; what exceeds the allowance is held from now on. */
static enum err limit(struct decision *decision, struct present *present, struct store_txn *txn,
		      bool *ret_must_write)
{
	struct present open = *present;
	enum err err = OK;
	decision->entry.is_held = true;
	err = read_present(decision, txn, present);
	bool is_held = !err && is_in_force(present, decision->wall_ms);
	if (!err && !is_held)
		err = take_allowance(decision, txn);
	*ret_must_write = !is_held;
	if (err || is_held || (decision->is_exceeding && decision->limit->holds))
		return err;
	decision->entry.is_held = false;
	decision->key_len = suppression_entry_key(&decision->entry, decision->key);
	*present = open;
	return OK;
}

/* May run again from its start. */
enum err decision_make(struct decision *decision, struct store_txn *txn)
{
	struct present present;
	decision->entry = decision->order->entry;
	decision->is_exceeding = decision->is_known = false;
	enum err err = read_present(decision, txn, &present);
	bool is_wanted = !err && must_write(decision, &present);
	if (!err && is_wanted && decision->order->is_limited)
		err = limit(decision, &present, txn, &is_wanted);
	if (err)
		return err;
	if (is_wanted)
		return write_wish(decision, &present, txn);
	decision->is_known = is_same_cause(decision, &present);
	decision->entry.version = present.suppression.version;

	decision->is_written = false;
	decision->in_force_change = 0;
	decision->must_append =
		present.is_known &&
		(!present.has_table_version || present.table_version < present.suppression.version);
	return decision->must_append ? encode(decision, &present.suppression) : OK;
}
