/* What stands of one address: a few look-ups in the ledger and in the copy of the table. */
#include "bouncer/bouncer_inner.h"
#include "bouncer/suppressions/standing.h"
#include "broker/questions.h"

#define ANSWER_MAX (REPLICA_VALUE_MAX + 1024)

static enum err look(const struct bouncer *bouncer, bool is_exact,
		     const struct standing_place *place, struct arena *arena, struct standing *ret)
{
	const struct ledger_databases databases = {
		.own = store_database(bouncer->store, LEDGER_DATABASE),
		.table = store_database(bouncer->store, "table." SUPPRESSIONS_TABLE),
	};
	/* Asked before it is read: a copy that is thrown away meanwhile was complete then. */
	bool is_whole = audit_has_table(bouncer->audit);
	struct store_txn *txn = store_read_begin(bouncer->store);
	enum err err = is_exact ? standing_at(txn, &databases, place, arena, ret)
				: standing_find(txn, &databases, place,
						loop_wall_ms(bouncer->node.loop), arena, ret);
	store_read_end(&txn);
	ret->is_table_whole = is_whole;
	return err;
}

/* What is to be changed is found where a change will be made: without its tag, where tags are stripped. */
void asked_suppression(void *owner, const struct question *question)
{
	const struct bouncer *bouncer = owner;
	struct bytes words[ASKED_WORDS_MAX];
	char address[SUPPRESSION_ADDRESS_SIZE];
	struct standing standing = {0};
	if (asked_words(question->rest, words) != 4)
		return;
	bool is_exact = bytes_is(words[0], "at");
	bool drops_tag = is_exact && bouncer->settings->plus_tags == PLUS_TAGS_STRIP;
	if (suppression_address(words[1], drops_tag, address))
		return;
	const struct standing_place place = {
		.tenant = words[2], .stream = words[3], .address = address};
	struct arena *arena = arena_new();
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	if (look(bouncer, is_exact, &place, arena, &standing) == OK &&
	    standing_write(&standing, &answer) == OK)
		(void)question_answer(question, buf_bytes(&answer));
	buf_done(&answer);
	arena_free(&arena);
}
