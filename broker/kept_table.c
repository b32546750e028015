#include "broker/kept_table.h"

#include "lib/base/memory.h"
#include "schemas/schemas.h"

struct kept_table {
	struct replica *copy;
	struct replica_renewal *renewal;
};

/* A recall's time is that of the mail that it stops, which may wait for long after it. */
enum renewal kept_table_judge_directive(void *owner, struct store_txn *txn, struct arena *arena,
					const struct table_entry *row, struct bytes *value)
{
	struct loop *loop = owner;
	struct directive directive;
	(void)txn, (void)value;
	if (directive_decode(arena, arena_copy(arena, row->value), &directive, NULL))
		return RENEWAL_DUE;
	bool is_until = directive.kind != DIRECTIVE_RECALL && directive.until_wall_ms > 0;
	return is_until && directive.until_wall_ms <= loop_wall_ms(loop) ? RENEWAL_NONE
									 : RENEWAL_DUE;
}

static void on_caught_up(void *owner)
{
	struct kept_table *kept = owner;
	renewal_start(kept->renewal);
}

struct kept_table *kept_table_new(struct broker *broker, struct loop *loop, struct store *store,
				  const char *table, renewal_judge judge, void *owner)
{
	struct kept_table *kept = memory_new(sizeof *kept);
	kept->renewal = renewal_new(broker, loop, store, table, judge, owner);
	kept->copy = replica_new(broker, loop, store, table, on_caught_up, kept);
	return kept;
}

struct replica *kept_table_copy(struct kept_table *kept)
{
	return kept->copy;
}

void kept_table_free(struct kept_table **kept)
{
	struct kept_table *freeing = *kept;
	*kept = NULL;
	if (!freeing)
		return;
	replica_free(&freeing->copy);
	renewal_free(&freeing->renewal);
	free(freeing);
}
