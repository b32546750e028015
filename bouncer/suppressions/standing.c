#include "bouncer/suppressions/standing.h"

#include "broker/suppressions.h"

enum { FLAG_KNOWN = 1, FLAG_OWN = 2, FLAG_IN_TABLE = 4, FLAG_TABLE_WHOLE = 8, FLAGS_ALL = 15 };

enum err standing_at(struct store_txn *txn, const struct ledger_databases *databases,
		     const struct standing_place *place, struct arena *arena, struct standing *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(place->tenant, place->stream, bytes_of(place->address), key);
	struct present present;
	enum err err = present_read(txn, databases, bytes_from(key, len), arena, &present);
	if (err)
		return err;
	*ret = (struct standing){
		.is_known = present.is_known,
		.is_own = present.is_own,
		.is_in_table = present.has_table_version &&
			       present.table_version >= present.suppression.version,
		.entry = present.suppression,
	};
	if (ret->is_known && !ret->is_own) { /* its copy leaves out what the key says */
		ret->entry.address = arena_copy(arena, bytes_of(place->address));
		ret->entry.tenant = arena_copy(arena, place->tenant);
		ret->entry.stream = arena_copy(arena, place->stream);
	}
	return OK;
}

bool standing_is_in_force(const struct standing *standing, int64_t wall_ms)
{
	return standing->is_known && suppression_is_in_force(&standing->entry, wall_ms);
}

/* From the narrowest owner to the widest. */
static enum err find_form(struct store_txn *txn, const struct ledger_databases *databases,
			  const struct standing_place *place, int64_t wall_ms, struct arena *arena,
			  struct standing *ret)
{
	const struct standing_place places[] = {
		*place,
		{.tenant = place->tenant, .address = place->address},
		{.address = place->address},
	};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		enum err err = standing_at(txn, databases, &places[i], arena, ret);
		if (err || standing_is_in_force(ret, wall_ms))
			return err;
	}
	*ret = (struct standing){0};
	return OK;
}

enum err standing_find(struct store_txn *txn, const struct ledger_databases *databases,
		       const struct standing_place *place, int64_t wall_ms, struct arena *arena,
		       struct standing *ret)
{
	char forms[FORM_COUNT][SUPPRESSION_ADDRESS_SIZE];
	size_t count = suppression_forms(place->address, forms);
	struct standing_place form = *place;
	for (size_t i = 0; i < count; i++) {
		form.address = forms[i];
		enum err err = find_form(txn, databases, &form, wall_ms, arena, ret);
		if (err)
			return err;
		if (ret->is_known && (i != FORM_WITHOUT_TAG || ret->entry.covers_tags))
			return OK;
	}
	*ret = (struct standing){0};
	return OK;
}

bool standing_tells_more(const struct standing *than, const struct standing *standing)
{
	if (standing->is_table_whole != than->is_table_whole)
		return standing->is_table_whole;
	return standing->is_own && !than->is_own;
}

/* ---- as bytes ---- */

enum err standing_write(const struct standing *standing, struct buf *out)
{
	const uint8_t flags = (uint8_t)((standing->is_known ? FLAG_KNOWN : 0) |
					(standing->is_own ? FLAG_OWN : 0) |
					(standing->is_in_table ? FLAG_IN_TABLE : 0) |
					(standing->is_table_whole ? FLAG_TABLE_WHOLE : 0));
	enum err err = buf_append(out, bytes_from(&flags, 1));
	if (!err && standing->is_known)
		err = suppression_encode(&standing->entry, out);
	return err;
}

enum err standing_read(struct arena *arena, struct bytes in, struct standing *ret)
{
	if (in.len == 0 || in.data[0] > FLAGS_ALL)
		return E_MALFORMED;
	*ret = (struct standing){
		.is_known = in.data[0] & FLAG_KNOWN,
		.is_own = in.data[0] & FLAG_OWN,
		.is_in_table = in.data[0] & FLAG_IN_TABLE,
		.is_table_whole = in.data[0] & FLAG_TABLE_WHOLE,
	};
	if (!ret->is_known)
		return in.len == 1 ? OK : E_MALFORMED;
	return suppression_decode(arena, arena_copy(arena, bytes_skip(in, 1)), &ret->entry, NULL);
}
