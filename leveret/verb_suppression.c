/* leveret suppression list | held list: what of the replicated table fits. */
#include <stdio.h>
#include <string.h>

#include "leveret/suppression_look.h"
#include "leveret/verbs.h"

#define TABLE_MS 600000 /* for ten million entries */

struct listing {
	struct look look;
	struct look_cursor behind, last;
	uint64_t limit, count;
};

static bool print_entry(struct errand *errand, struct bytes key, const struct suppression *entry)
{
	struct look *look = errand->owner;
	struct listing *listing = look->owner;
	if (listing->count == listing->limit) {
		listing->count++;
		return false;
	}
	listing->count++;
	memcpy(listing->last.key, key.data, key.len);
	listing->last.len = key.len;
	look_print(look, entry);
	return true;
}

static void end_list(struct errand *errand)
{
	const struct look *look = errand->owner;
	const struct listing *listing = look->owner;
	if (listing->count > listing->limit) {
		(void)fprintf(stderr, "leveret: there are more: --after ");
		for (size_t i = 0; i < listing->last.len; i++)
			(void)fprintf(stderr, "%02x", listing->last.key[i]);
		(void)fprintf(stderr, "\n");
	}
	errand_end(errand, EXIT_DONE);
}

static void print_all(struct errand *errand)
{
	static const struct look_steps steps = {print_entry, end_list};
	const struct look *look = errand->owner;
	const struct listing *listing = look->owner;
	look_walk(errand, bytes_from(listing->behind.key, listing->behind.len), &steps);
}

/* What an earlier list has told, or the address of an entry, which need not stand there any more. */
static bool parse_after(const struct options *options, bool wants_held, struct look_cursor *ret)
{
	struct bytes text = bytes_of(options_value(options, "after", ""));
	char address[SUPPRESSION_ADDRESS_SIZE];
	struct suppression place = {
		.tenant = bytes_of(options_value(options, "tenant", "")),
		.stream = bytes_of(options_value(options, "stream", "")),
		.is_held = wants_held,
	};
	if (text.len == 0)
		return true;
	if (suppression_address(text, false, address) == OK) {
		place.address = bytes_of(address);
		ret->len = suppression_entry_key(&place, ret->key);
		return true;
	}
	if (text.len % 2 != 0 || text.len / 2 > STORE_KEY_MAX)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = bytes_hex_digit(text.data[i]), low = bytes_hex_digit(text.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret->key[i / 2] = (uint8_t)(high << 4 | low);
	}
	ret->len = text.len / 2;
	return true;
}

static int list(const struct options *options, bool wants_held)
{
	struct listing listing = {
		.look = {.told = print_all, .wants_held = wants_held},
	};
	listing.look.owner = &listing;
	if (!options_number(options, "limit", UINT64_MAX, &listing.limit))
		return EXIT_USAGE;
	if (!parse_after(options, wants_held, &listing.behind)) {
		(void)fprintf(
			stderr,
			"leveret: --after %s: expected what an earlier list told, or an address\n",
			options_value(options, "after", ""));
		return EXIT_USAGE;
	}
	if (!look_filter(options, &listing.look.filter))
		return EXIT_USAGE;
	return look_run(&listing.look, options, TABLE_MS);
}

static int run_list(const struct options *options)
{
	return list(options, false);
}

static int run_held_list(const struct options *options)
{
	return list(options, true);
}

static const struct option_row list_rows[] = {
	FILTER_ROWS,
	{"after", 0, "CURSOR",
	 "the page behind it: what the page before told, or an address (with its tenant and "
	 "stream)"},
	{"limit", 'n', "COUNT", "so many of them"},
};
#define LIST_ROW_COUNT (FILTER_ROW_COUNT + 2)

const struct verb verb_suppression_list = {
	.name = "suppression list",
	.synopsis = "",
	.summary = "addresses that get no mail",
	.text = "One line per suppressed address, in their order: address, reason, origin, since "
		"when, evidence. "
		"With --json one object per line. Options choose: all that are given must fit.",
	.rows = list_rows,
	.row_count = LIST_ROW_COUNT,
	.run = run_list,
};
const struct verb verb_suppression_held_list = {
	.name = "suppression held list",
	.synopsis = "",
	.summary = "suppressions that wait for an operator",
	.text = "There were more in an hour than bouncer.safety.max_suppressions, so a provider "
		"may have bounced good addresses. Until "
		"they are released, mail goes to them.",
	.rows = list_rows,
	.row_count = LIST_ROW_COUNT,
	.run = run_held_list,
};
