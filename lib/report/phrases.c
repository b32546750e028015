/* A phrase is cut at its stars into pieces; the automaton finds pieces. A phrase is found when its pieces were, one behind the other.
 * States are rows of a dense table; bytes that occur in no phrase share one column. */
#include "lib/report/phrases.h"

#include <string.h>

#include "lib/base/memory.h"

#define STATES_MAX 65535

struct piece {
	unsigned phrase;
	uint16_t order; /* in its phrase, from 0 */
	uint16_t len;
	bool starts_word, ends_word; /* nothing of a word may be before, behind */
	uint32_t next;		     /* further piece that ends in the same state; 0: none */
};

struct phrases {
	char **texts; /* for finding doubles; of phrases */
	uint16_t *piece_counts;
	unsigned count;
	struct piece *pieces; /* the first is none */
	char (*piece_texts)[PHRASE_LEN_MAX];
	size_t piece_count, piece_capacity;
	uint8_t column[256];
	unsigned column_count;
	uint16_t *next;	  /* state * column_count + column */
	uint32_t *output; /* of a state: a piece, or 0 */
	uint16_t *
		shorter; /* of a state: the next one with an output that is a suffix of it; 0: none */
	size_t state_count;
};

struct phrases *phrases_new(void)
{
	struct phrases *phrases = memory_new(sizeof *phrases);
	phrases->texts = memory_array(PHRASES_MAX, sizeof(char *));
	phrases->piece_counts = memory_array(PHRASES_MAX, sizeof(uint16_t));
	phrases->piece_count = 1;
	return phrases;
}

void phrases_free(struct phrases **phrases)
{
	struct phrases *gone = *phrases;
	*phrases = NULL;
	if (!gone)
		return;
	for (unsigned i = 0; i < gone->count; i++)
		free(gone->texts[i]);
	free(gone->texts);
	free(gone->piece_counts);
	free(gone->pieces);
	free(gone->piece_texts);
	free(gone->next);
	free(gone->output);
	free(gone->shorter);
	free(gone);
}

static bool is_word_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* ---- adding ---- */

static struct piece *add_piece(struct phrases *phrases, struct bytes text)
{
	if (phrases->piece_count >= phrases->piece_capacity) {
		phrases->piece_capacity =
			phrases->piece_capacity ? phrases->piece_capacity * 2 : 64;
		phrases->pieces =
			memory_grow(phrases->pieces, phrases->piece_capacity, sizeof(struct piece));
		phrases->piece_texts = memory_grow(phrases->piece_texts, phrases->piece_capacity,
						   sizeof phrases->piece_texts[0]);
	}
	memcpy(phrases->piece_texts[phrases->piece_count], text.data, text.len);
	struct piece *piece = &phrases->pieces[phrases->piece_count++];
	*piece = (struct piece){.len = (uint16_t)text.len, .phrase = phrases->count};
	return piece;
}

static enum err check_phrase(const struct phrases *phrases, struct bytes phrase, struct why *why)
{
	if (phrase.len == 0 || phrase.len >= PHRASE_LEN_MAX)
		return fail(why, E_TOO_BIG, "a phrase has 1 to %d bytes", PHRASE_LEN_MAX - 1);
	if (phrases->count == PHRASES_MAX)
		return fail(why, E_TOO_BIG, "more than %d phrases", PHRASES_MAX);
	for (size_t i = 0; i < phrase.len; i++)
		if (phrase.data[i] < ' ' || (phrase.data[i] >= 'A' && phrase.data[i] <= 'Z'))
			return fail(why, E_MALFORMED, "a phrase is written in lower case");
	return OK;
}

/* Cuts at the stars. White space around an inner star is part of neither piece. */
static enum err add_pieces(struct phrases *phrases, struct bytes phrase, struct why *why)
{
	uint16_t order = 0;
	bool is_open = false; /* a star touches the piece's start */
	while (phrase.len > 0) {
		ptrdiff_t star = bytes_find(phrase, '*');
		size_t len = star < 0 ? phrase.len : (size_t)star;
		struct bytes text = bytes_trim(bytes_first(phrase, len));
		if (text.len > 0) {
			bool is_spaced_before = phrase.data[0] == ' ';
			bool is_spaced_behind = len > 0 && phrase.data[len - 1] == ' ';
			struct piece *piece = add_piece(phrases, text);
			piece->order = order++;
			piece->starts_word =
				(!is_open || is_spaced_before) && is_word_byte(text.data[0]);
			piece->ends_word = (star < 0 || is_spaced_behind) &&
					   is_word_byte(text.data[text.len - 1]);
		}
		is_open = true;
		phrase = bytes_skip(phrase, len + 1);
	}
	if (order == 0)
		return fail(why, E_MALFORMED, "a phrase of stars only");
	if (order > PHRASE_PIECES_MAX)
		return fail(why, E_TOO_BIG, "more than %d stars", PHRASE_PIECES_MAX - 1);
	phrases->piece_counts[phrases->count] = order;
	return OK;
}

enum err phrases_add(struct phrases *phrases, struct bytes phrase, unsigned *ret_index,
		     struct why *why)
{
	for (unsigned i = 0; i < phrases->count; i++)
		if (bytes_is(phrase, phrases->texts[i])) {
			*ret_index = i;
			return OK;
		}
	enum err err = check_phrase(phrases, phrase, why);
	size_t before = phrases->piece_count;
	if (err == OK)
		err = add_pieces(phrases, phrase, why);
	if (err != OK) {
		phrases->piece_count = before;
		return err;
	}
	char *text = memory_new(phrase.len + 1);
	memcpy(text, phrase.data, phrase.len);
	phrases->texts[phrases->count] = text;
	*ret_index = phrases->count++;
	return OK;
}

/* ---- the automaton ---- */

static void assign_columns(struct phrases *phrases)
{
	phrases->column_count = 1;
	for (size_t i = 1; i < phrases->piece_count; i++)
		for (size_t k = 0; k < phrases->pieces[i].len; k++) {
			uint8_t c = (uint8_t)phrases->piece_texts[i][k];
			if (phrases->column[c] == 0)
				phrases->column[c] = (uint8_t)phrases->column_count++;
		}
}

static uint16_t *cell(const struct phrases *phrases, size_t state, uint8_t c)
{
	return &phrases->next[state * phrases->column_count + phrases->column[c]];
}

static void plant(struct phrases *phrases, uint32_t index)
{
	struct piece *piece = &phrases->pieces[index];
	size_t state = 0;
	for (size_t k = 0; k < piece->len; k++) {
		uint16_t *to = cell(phrases, state, (uint8_t)phrases->piece_texts[index][k]);
		if (*to == 0)
			*to = (uint16_t)phrases->state_count++;
		state = *to;
	}
	piece->next = phrases->output[state];
	phrases->output[state] = index;
}

/* Breadth first: a missing step is that of the longest proper suffix. */
static void complete(struct phrases *phrases)
{
	uint16_t *fallback = memory_array(phrases->state_count, sizeof(uint16_t));
	uint16_t *queue = memory_array(phrases->state_count, sizeof(uint16_t));
	size_t head = 0, tail = 0, columns = phrases->column_count;
	for (size_t c = 0; c < columns; c++)
		if (phrases->next[c])
			queue[tail++] = phrases->next[c];
	while (head < tail) {
		size_t state = queue[head++], back = fallback[state];
		phrases->shorter[state] =
			phrases->output[back] ? (uint16_t)back : phrases->shorter[back];
		for (size_t c = 0; c < columns; c++) {
			uint16_t *to = &phrases->next[state * columns + c];
			uint16_t other = phrases->next[back * columns + c];
			if (*to) {
				fallback[*to] = other;
				queue[tail++] = *to;
			} else {
				*to = other;
			}
		}
	}
	free(fallback);
	free(queue);
}

enum err phrases_compile(struct phrases *phrases, struct why *why)
{
	size_t states = 1;
	for (size_t i = 1; i < phrases->piece_count; i++)
		states += phrases->pieces[i].len;
	if (states > STATES_MAX)
		return fail(why, E_TOO_BIG, "the phrases are too many and too long together");
	assign_columns(phrases);
	phrases->next = memory_array(states * phrases->column_count, sizeof(uint16_t));
	phrases->output = memory_array(states, sizeof(uint32_t));
	phrases->shorter = memory_array(states, sizeof(uint16_t));
	phrases->state_count = 1;
	for (uint32_t i = 1; i < phrases->piece_count; i++)
		plant(phrases, i);
	complete(phrases);
	return OK;
}

/* ---- scanning ---- */

struct progress {     /* of one phrase */
	uint32_t end; /* where its last found piece ended */
	uint32_t found;
};

static bool is_at_word_borders(const struct piece *piece, struct bytes text, size_t end)
{
	size_t start = end - piece->len;
	if (piece->starts_word && start > 0 && is_word_byte(text.data[start - 1]))
		return false;
	return !(piece->ends_word && end < text.len && is_word_byte(text.data[end]));
}

static void take_piece(const struct phrases *phrases, const struct piece *piece, struct bytes text,
		       size_t end, struct progress *progress, struct phrase_hits *hits)
{
	struct progress *mine = &progress[piece->phrase];
	if (mine->found != piece->order || end - piece->len < mine->end ||
	    !is_at_word_borders(piece, text, end))
		return;
	mine->found++;
	mine->end = (uint32_t)end;
	if (mine->found == phrases->piece_counts[piece->phrase])
		hits->bits[piece->phrase / 64] |= (uint64_t)1 << piece->phrase % 64;
}

void phrases_scan(const struct phrases *phrases, struct bytes text, struct phrase_hits *ret)
{
	struct progress progress[PHRASES_MAX];
	memset(progress, 0, phrases->count * sizeof progress[0]);
	memset(ret, 0, sizeof *ret);
	size_t state = 0;
	for (size_t at = 0; at < text.len; at++) {
		state = *cell(phrases, state, text.data[at]);
		size_t match = phrases->output[state] ? state : phrases->shorter[state];
		for (; match; match = phrases->shorter[match])
			for (uint32_t i = phrases->output[match]; i; i = phrases->pieces[i].next)
				take_piece(phrases, &phrases->pieces[i], text, at + 1, progress,
					   ret);
	}
}
