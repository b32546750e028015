/* The nodes' machine is run as one with a single state at a time: a state is the set of nodes that the next byte is held against. States
 * and their steps are made when a text first asks for them, and all forgotten when there is no room for another.
 *
 * Positions (\b, ^, $) need the byte before and the byte behind: a state knows the kind of the byte before, and its nodes are followed to
 * where they lead only when the next byte, or the end, is known. So a pattern's end is noticed one step late, and the end of the text is a
 * step as well. */
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/match/inner.h"

#define STATES_MAX  2048
#define SLOTS	    (2 * STATES_MAX) /* of the table that finds states */
#define POOL_LEAST  65536
#define FIRST_STATE 1

struct state {
	uint32_t start; /* in the pool: nodes, then the patterns that ended on the way here */
	uint16_t node_count, found_count;
	uint8_t before; /* enum byte_kind */
};

struct match_scratch {
	const struct match_set *set;
	struct state *states; /* the first is none */
	size_t state_count;
	uint16_t *
		steps; /* state * (columns + 1) + column: the next state; 0: not made yet. The last column is the end */
	uint16_t *slots;
	uint16_t *pool;
	size_t pool_used, pool_size;
	/* ---- of one step ---- */
	uint32_t *seen; /* of a node: the turn in which it was reached */
	uint32_t turn;
	uint16_t *stack;
	size_t stack_count;
	uint64_t *next; /* bits: nodes of the state that is being made */
	uint64_t *ended;
	uint64_t *found; /* bits: patterns, of the whole text */
};

static size_t words_of(size_t bits)
{
	return bits / 64 + 1;
}

static void forget(struct match_scratch *scratch)
{
	size_t columns = scratch->set->column_count + 1;
	memset(scratch->steps, 0, scratch->state_count * columns * sizeof(uint16_t));
	memset(scratch->slots, 0, SLOTS * sizeof(uint16_t));
	scratch->states[FIRST_STATE] = (struct state){.before = BYTE_NONE};
	scratch->state_count = FIRST_STATE + 1;
	scratch->pool_used = 0;
}

struct match_scratch *match_scratch_new(const struct match_set *set)
{
	struct match_scratch *scratch = memory_new(sizeof *scratch);
	size_t nodes = set->node_count, columns = set->column_count + 1;
	scratch->set = set;
	scratch->states = memory_array(STATES_MAX, sizeof(struct state));
	scratch->steps = memory_array(STATES_MAX * columns, sizeof(uint16_t));
	scratch->slots = memory_array(SLOTS, sizeof(uint16_t));
	scratch->pool_size = nodes + set->pattern_count + POOL_LEAST;
	scratch->pool = memory_array(scratch->pool_size, sizeof(uint16_t));
	scratch->seen = memory_array(nodes, sizeof(uint32_t));
	scratch->stack = memory_array(nodes, sizeof(uint16_t));
	scratch->next = memory_array(words_of(nodes), sizeof(uint64_t));
	scratch->ended = memory_array(words_of(set->pattern_count), sizeof(uint64_t));
	scratch->found = memory_array(words_of(set->pattern_count), sizeof(uint64_t));
	forget(scratch);
	return scratch;
}

void match_scratch_free(struct match_scratch **scratch)
{
	struct match_scratch *gone = *scratch;
	*scratch = NULL;
	if (!gone)
		return;
	free(gone->states);
	free(gone->steps);
	free(gone->slots);
	free(gone->pool);
	free(gone->seen);
	free(gone->stack);
	free(gone->next);
	free(gone->ended);
	free(gone->found);
	free(gone);
}

/* ---- one step ---- */

static void set_bit(uint64_t *bits, unsigned number)
{
	bits[number / 64] |= (uint64_t)1 << number % 64;
}

static bool assertion_holds(unsigned assertion, enum byte_kind before, enum byte_kind behind)
{
	switch ((enum match_assert)assertion) {
	case ASSERT_BEGIN:
		return before == BYTE_NONE;
	case ASSERT_END:
		return behind == BYTE_NONE;
	case ASSERT_BORDER:
		return (before == BYTE_WORD) != (behind == BYTE_WORD);
	case ASSERT_NO_BORDER:
		return (before == BYTE_WORD) == (behind == BYTE_WORD);
	}
	return false;
}

static void reach(struct match_scratch *scratch, uint16_t node)
{
	if (scratch->seen[node] == scratch->turn)
		return;
	scratch->seen[node] = scratch->turn;
	scratch->stack[scratch->stack_count++] = node;
}

/* Follows what was reached to the nodes that take a byte, and lets them take this one. */
static void follow(struct match_scratch *scratch, unsigned column, enum byte_kind before)
{
	const struct match_set *set = scratch->set;
	bool is_end = column == set->column_count;
	enum byte_kind behind = is_end ? BYTE_NONE : (enum byte_kind)set->column_kind[column];
	while (scratch->stack_count > 0) {
		const struct match_node *node = &set->nodes[scratch->stack[--scratch->stack_count]];
		switch ((enum node_kind)node->kind) {
		case NODE_SET:
			if (!is_end && byte_set_has(&set->classes[node->other], column))
				set_bit(scratch->next, node->next);
			break;
		case NODE_SPLIT:
			reach(scratch, node->next);
			reach(scratch, node->other);
			break;
		case NODE_ASSERT:
			if (assertion_holds(node->other, before, behind))
				reach(scratch, node->next);
			break;
		case NODE_MATCH:
			set_bit(scratch->ended, node->other);
			break;
		}
	}
}

static void next_turn(struct match_scratch *scratch)
{
	if (++scratch->turn != 0)
		return;
	memset(scratch->seen, 0, scratch->set->node_count * sizeof(uint32_t));
	scratch->turn = 1;
}

/* A pattern may begin at every byte. */
static void run(struct match_scratch *scratch, const struct state *from, unsigned column)
{
	const struct match_set *set = scratch->set;
	next_turn(scratch);
	for (size_t i = 0; i < set->pattern_count; i++)
		reach(scratch, set->starts[i]);
	for (size_t i = 0; i < from->node_count; i++)
		reach(scratch, scratch->pool[from->start + i]);
	follow(scratch, column, (enum byte_kind)from->before);
}

/* ---- states ---- */

/* Writes the numbers of the bits that are set, and clears them. */
static size_t take_bits(uint64_t *bits, size_t word_count, uint16_t *out)
{
	size_t count = 0;
	for (size_t i = 0; i < word_count; i++)
		for (; bits[i]; bits[i] &= bits[i] - 1)
			out[count++] = (uint16_t)(i * 64 + (size_t)__builtin_ctzll(bits[i]));
	return count;
}

static size_t count_bits(const uint64_t *bits, size_t word_count)
{
	size_t count = 0;
	for (size_t i = 0; i < word_count; i++)
		count += (size_t)__builtin_popcountll(bits[i]);
	return count;
}

static bool is_same_state(const struct match_scratch *scratch, const struct state *a,
			  const struct state *b)
{
	return a->before == b->before && a->node_count == b->node_count &&
	       a->found_count == b->found_count &&
	       memcmp(&scratch->pool[a->start], &scratch->pool[b->start],
		      (size_t)(a->node_count + a->found_count) * sizeof(uint16_t)) == 0;
}

/* The state that lies at the end of the pool, kept there only when it is new. */
static uint16_t keep_state(struct match_scratch *scratch, const struct state *made)
{
	size_t len = (size_t)made->node_count + made->found_count;
	uint64_t hash = hash_bytes(HASH_START,
				   bytes_from(&scratch->pool[made->start], len * sizeof(uint16_t)));
	size_t slot = (hash + made->before) % SLOTS;
	for (; scratch->slots[slot]; slot = (slot + 1) % SLOTS)
		if (is_same_state(scratch, &scratch->states[scratch->slots[slot]], made))
			return scratch->slots[slot];
	scratch->pool_used += len;
	scratch->states[scratch->state_count] = *made;
	scratch->slots[slot] = (uint16_t)scratch->state_count;
	return (uint16_t)scratch->state_count++;
}

static uint16_t make_step(struct match_scratch *scratch, uint16_t from, unsigned column)
{
	const struct match_set *set = scratch->set;
	size_t node_words = words_of(set->node_count), found_words = words_of(set->pattern_count);
	run(scratch, &scratch->states[from], column);
	size_t wanted =
		count_bits(scratch->next, node_words) + count_bits(scratch->ended, found_words);
	bool is_full = scratch->state_count == STATES_MAX ||
		       scratch->pool_size - scratch->pool_used < wanted;
	if (is_full)
		forget(scratch);
	uint16_t *at = &scratch->pool[scratch->pool_used];
	struct state made = {.start = (uint32_t)scratch->pool_used,
			     .before = column == set->column_count ? BYTE_NONE
								   : set->column_kind[column]};
	made.node_count = (uint16_t)take_bits(scratch->next, node_words, at);
	made.found_count = (uint16_t)take_bits(scratch->ended, found_words, at + made.node_count);
	uint16_t to = keep_state(scratch, &made);
	if (!is_full)
		scratch->steps[from * (set->column_count + 1) + column] = to;
	return to;
}

/* ---- a text ---- */

static uint16_t step(struct match_scratch *scratch, uint16_t from, unsigned column)
{
	uint16_t to = scratch->steps[from * (scratch->set->column_count + 1) + column];
	if (to == 0)
		to = make_step(scratch, from, column);
	const struct state *state = &scratch->states[to];
	for (size_t i = 0; i < state->found_count; i++)
		set_bit(scratch->found, scratch->pool[state->start + state->node_count + i]);
	return to;
}

size_t match_all(struct match_scratch *scratch, struct bytes text, size_t *ids, size_t max)
{
	const struct match_set *set = scratch->set;
	uint16_t state = FIRST_STATE;
	size_t count = 0;
	memset(scratch->found, 0, words_of(set->pattern_count) * sizeof(uint64_t));
	for (size_t at = 0; at < text.len; at++)
		state = step(scratch, state, set->column_of[text.data[at]]);
	(void)step(scratch, state, set->column_count);
	for (size_t i = 0; i < set->pattern_count && count < max; i++)
		if (scratch->found[i / 64] >> i % 64 & 1)
			ids[count++] = i;
	return count;
}
