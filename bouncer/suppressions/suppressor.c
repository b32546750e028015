/* note -> policy: never ------------> done
 *      -> policy: at once ----------> ledger -> done
 *      -> policy: counts -> counted -> policy: not yet -> done
 *                                   -> policy: enough --> ledger -> done */
#include "bouncer/suppressions/suppressor.h"

#include <stdio.h>
#include <string.h>

#include "broker/suppressions.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"

struct suppressor {
	struct suppressor_options options;
	struct soft_counts *counts;
};

struct note {
	struct suppressor *suppressor;
	struct arena *arena;
	struct ledger_order order;
	unsigned outcome;
	void (*done)(void *owner, enum err err);
	void *owner;
};

static void finish(void *owner, enum err err)
{
	struct note *note = owner;
	note->done(note->owner, err);
	arena_free(&note->arena);
	free(note);
}

static void decide(struct note *note, unsigned count)
{
	const struct suppressor_options *options = &note->suppressor->options;
	struct suppression *entry = &note->order.entry;
	struct policy_decision decision =
		policy_decide(&options->policies->of[note->outcome], count, entry->created_wall_ms);
	if (!decision.must_suppress) {
		finish(note, OK);
		return;
	}
	entry->expires_wall_ms = decision.expires_wall_ms;
	ledger_record(options->ledger, &note->order, finish, note);
}

static void on_counted(void *owner, enum err err, unsigned count)
{
	struct note *note = owner;
	if (err)
		finish(note, err);
	else
		decide(note, count);
}

static uint32_t digest_of_happening(const struct happening *happening)
{
	uint64_t hash = hash_bytes(HASH_START, happening->message_id);
	hash = hash_bytes(hash, bytes_from(&happening->attempt, sizeof happening->attempt));
	return (uint32_t)(hash >> 32 ^ hash);
}

static void count(struct note *note, const struct happening *happening)
{
	const struct suppression *entry = &note->order.entry;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len = suppression_key(entry->tenant, entry->stream, entry->address, key);
	const struct soft_wish wish = {
		.key = bytes_from(key, key_len),
		.outcome = (uint8_t)note->outcome,
		.at_wall_ms = happening->at_wall_ms,
		.within_ms = note->suppressor->options.policies->of[note->outcome].within_ms,
		.digest = digest_of_happening(happening),
	};
	soft_counts_add(note->suppressor->counts, &wish, on_counted, note);
}

static struct suppression entry_of(const struct suppressor *suppressor, struct arena *arena,
				   const struct happening *happening, const char *address)
{
	enum policy_scope scope = suppressor->options.policies->of[happening->outcome].scope;
	return (struct suppression){
		.address = arena_copy(arena, bytes_of(address)),
		.tenant = scope >= SUPPRESS_FOR_TENANT ? arena_copy(arena, happening->tenant)
						       : BYTES_NONE,
		.stream = scope == SUPPRESS_FOR_STREAM ? arena_copy(arena, happening->stream)
						       : BYTES_NONE,
		.reason = bytes_of(outcome_name(happening->outcome)),
		.origin = bytes_of(happening->origin),
		.evidence = arena_copy(arena, happening->evidence),
		.message_id = arena_copy(arena, happening->message_id),
		.rule = arena_copy(arena, happening->rule),
		.site = arena_copy(arena, happening->site),
		.created_wall_ms = happening->at_wall_ms,
		.covers_tags = suppressor->options.covers_tags,
	};
}

void suppressor_note(struct suppressor *suppressor, const struct happening *happening,
		     void (*done)(void *owner, enum err err), void *owner)
{
	const struct policy *policy = &suppressor->options.policies->of[happening->outcome];
	char address[SUPPRESSION_ADDRESS_SIZE];
	if (policy->suppress_ms == POLICY_NEVER ||
	    suppression_address(happening->address, suppressor->options.covers_tags, address)) {
		done(owner, OK);
		return;
	}
	struct note *note = memory_new(sizeof *note);
	note->suppressor = suppressor;
	note->arena = arena_new();
	note->order.entry = entry_of(suppressor, note->arena, happening, address);
	note->order.is_limited = true;
	note->outcome = happening->outcome;
	note->done = done;
	note->owner = owner;
	if (policy_counts(policy))
		count(note, happening);
	else
		decide(note, 1);
}

/* ---- successes ---- */

struct success {
	size_t unforgotten;
	enum err err;
	void (*done)(void *owner, enum err err);
	void *owner;
};

static void on_forgotten(void *owner, enum err err)
{
	struct success *success = owner;
	if (!success->err)
		success->err = err;
	if (--success->unforgotten > 0)
		return;
	success->done(success->owner, success->err);
	free(success);
}

bool suppressor_note_success(struct suppressor *suppressor, struct bytes tenant,
			     struct bytes stream, struct bytes address, int64_t at_wall_ms,
			     void (*done)(void *owner, enum err err), void *owner)
{
	const struct bytes scopes[][2] = {
		{BYTES_NONE, BYTES_NONE}, {tenant, BYTES_NONE}, {tenant, stream}};
	char canonical[SUPPRESSION_ADDRESS_SIZE];
	if (suppression_address(address, suppressor->options.covers_tags, canonical))
		return false;
	struct success *success = memory_new(sizeof *success);
	success->done = done;
	success->owner = owner;
	for (size_t i = 0; i < 3; i++) {
		uint8_t key[SUPPRESSION_KEY_MAX];
		if (i > 0 && bytes_equal(scopes[i][0], scopes[i - 1][0]) &&
		    bytes_equal(scopes[i][1], scopes[i - 1][1]))
			continue;
		size_t len = suppression_key(scopes[i][0], scopes[i][1], bytes_of(canonical), key);
		success->unforgotten += soft_counts_forget(suppressor->counts, bytes_from(key, len),
							   at_wall_ms, on_forgotten, success);
	}
	if (success->unforgotten > 0)
		return true;
	free(success);
	return false;
}

struct suppressor *suppressor_new(const struct suppressor_options *options)
{
	struct suppressor *suppressor = memory_new(sizeof *suppressor);
	suppressor->options = *options;
	suppressor->counts = soft_counts_new(options->loop, options->store,
					     options->policies->longest_within_ms);
	return suppressor;
}

void suppressor_free(struct suppressor **suppressor)
{
	struct suppressor *freeing = *suppressor;
	*suppressor = NULL;
	if (!freeing)
		return;
	soft_counts_free(&freeing->counts);
	free(freeing);
}
