/* Any lines as patterns, any text: the machine finds just those that following the pattern's tree finds, alone and together, at the first
 * time and at the second. */
#include <stdlib.h>
#include <string.h>

#include "lib/match/inner.h"

#define TEXT_MAX     64
#define PATTERNS_MAX 8
#define STEPS_MAX    200000

/* ---- the slow way: from the places where a tree may begin to those where it may end ---- */

struct places {
	bool is_in[TEXT_MAX + 1];
};
struct walk {
	struct bytes text;
	unsigned steps;
};

static bool is_word_at(struct bytes text, size_t at)
{
	return at < text.len && match_is_word_byte(text.data[at]);
}

static bool holds(enum match_assert assertion, struct bytes text, size_t at)
{
	bool is_border = (at > 0 && is_word_at(text, at - 1)) != is_word_at(text, at);
	switch (assertion) {
	case ASSERT_BEGIN:
		return at == 0;
	case ASSERT_END:
		return at == text.len;
	case ASSERT_BORDER:
		return is_border;
	case ASSERT_NO_BORDER:
		return !is_border;
	}
	return false;
}

static struct places add(struct places a, struct places b)
{
	for (size_t i = 0; i <= TEXT_MAX; i++)
		a.is_in[i] |= b.is_in[i];
	return a;
}

static struct places follow(struct walk *walk, const struct match_tree *tree, struct places from);

/* Parts lie last to first. */
static struct places follow_sequence(struct walk *walk, const struct match_tree *part,
				     struct places from)
{
	return part ? follow(walk, part, follow_sequence(walk, part->sibling, from)) : from;
}

static struct places follow_repeat(struct walk *walk, const struct match_tree *tree,
				   struct places from)
{
	for (unsigned i = 0; i < tree->least; i++)
		from = follow(walk, tree->child, from);
	struct places all = from;
	unsigned more = tree->most == TREE_NO_END ? TEXT_MAX : (unsigned)(tree->most - tree->least);
	for (unsigned i = 0; i < more && walk->steps < STEPS_MAX; i++) {
		struct places next = add(all, follow(walk, tree->child, all));
		if (memcmp(&next, &all, sizeof all) == 0)
			break;
		all = next;
	}
	return all;
}

static struct places follow(struct walk *walk, const struct match_tree *tree, struct places from)
{
	struct places to = {{false}};
	if (walk->steps++ >= STEPS_MAX)
		return to;
	switch (tree->kind) {
	case TREE_SET:
		for (size_t i = 0; i < walk->text.len; i++)
			to.is_in[i + 1] =
				from.is_in[i] && byte_set_has(&tree->set, walk->text.data[i]);
		return to;
	case TREE_ASSERT:
		for (size_t i = 0; i <= walk->text.len; i++)
			to.is_in[i] = from.is_in[i] && holds(tree->assertion, walk->text, i);
		return to;
	case TREE_SEQUENCE:
		return follow_sequence(walk, tree->child, from);
	case TREE_CHOICE:
		for (const struct match_tree *branch = tree->child; branch;
		     branch = branch->sibling)
			to = add(to, follow(walk, branch, from));
		return to;
	case TREE_REPEAT:
		return follow_repeat(walk, tree, from);
	}
	return to;
}

/* -1: it would take too long. */
static int fits(const char *pattern, struct bytes text)
{
	struct arena *arena = arena_new();
	struct match_tree *tree = NULL;
	struct walk walk = {.text = text};
	struct places all = {{false}};
	int found = 0;
	if (match_parse(arena, bytes_of(pattern), &tree, NULL) != OK)
		abort();
	for (size_t i = 0; i <= text.len; i++)
		all.is_in[i] = true;
	struct places ends = follow(&walk, tree, all);
	for (size_t i = 0; i <= text.len; i++)
		found |= ends.is_in[i];
	arena_free(&arena);
	return walk.steps >= STEPS_MAX ? -1 : found;
}

/* ---- both ---- */

static void compare(const char *const *patterns, size_t count, struct bytes text)
{
	struct match_set *set = NULL;
	size_t ids[PATTERNS_MAX], again[PATTERNS_MAX];
	if (match_set_new(patterns, count, &set, NULL, NULL) != OK)
		abort(); /* each fits alone, and few do not fill a set */
	struct match_scratch *scratch = match_scratch_new(set);
	size_t found = match_all(scratch, text, ids, PATTERNS_MAX);
	if (match_all(scratch, text, again, PATTERNS_MAX) != found ||
	    memcmp(ids, again, found * sizeof *ids) != 0)
		abort();
	for (size_t i = 0, at = 0; i < count; i++) {
		bool is_found = at < found && ids[at] == i;
		at += is_found;
		int wanted = fits(patterns[i], text);
		if (wanted >= 0 && wanted != is_found)
			abort();
	}
	match_scratch_free(&scratch);
	match_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = bytes_from(data, size);
	struct arena *arena = arena_new();
	const char *patterns[PATTERNS_MAX];
	size_t count = 0;
	ptrdiff_t end;
	while (count < PATTERNS_MAX && (end = bytes_find(rest, '\n')) >= 0) {
		const char *pattern = arena_cstr(arena, bytes_first(rest, (size_t)end));
		struct why why;
		if (match_check(pattern, &why) == OK)
			patterns[count++] = pattern;
		rest = bytes_skip(rest, (size_t)end + 1);
	}
	compare(patterns, count, bytes_first(rest, TEXT_MAX));
	arena_free(&arena);
	return 0;
}
