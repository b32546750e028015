/* Envelope, recipients, content. One bad recipient harms no other: it is refused by itself, with the reason. */
#include "ingest/http_intake.h"

#include <string.h>

#include "ingest/content.h"
#include "lib/base/hash.h"
#include "lib/base/random.h"

/* ---- recipients ---- */

/* Addresses seen, by hash: open addressing, at most half full. */
struct seen {
	const struct bytes **slots;
	size_t mask;
	uint64_t start;
};

static void seen_init(struct seen *seen, struct arena *arena, size_t count)
{
	size_t size = 4;
	while (size < count * 2)
		size *= 2;
	seen->slots = arena_zalloc(arena, size, sizeof(struct bytes *));
	seen->mask = size - 1;
	seen->start = random_u64();
}

/* False when it was there already. */
static bool seen_add(struct seen *seen, const struct bytes *address)
{
	size_t at = hash_bytes(seen->start, *address) & seen->mask;
	for (; seen->slots[at]; at = (at + 1) & seen->mask)
		if (bytes_equal(*seen->slots[at], *address))
			return false;
	seen->slots[at] = address;
	return true;
}

static void refuse(struct verdict *verdict, const char *enhanced, const char *reason)
{
	verdict->enhanced = enhanced;
	verdict->reason = reason;
}

static struct bytes keep(struct mail *mail, struct bytes b)
{
	return b.len > 0 ? arena_copy(mail->arena, b) : BYTES_NONE;
}

/* Labels outlive the request they were read from. */
static struct labels keep_labels(struct mail *mail, const struct labels *given)
{
	struct labels labels = {
		.campaign = keep(mail, given->campaign),
		.tag_count = given->tag_count,
		.metadata_count = given->metadata_count,
	};
	if (given->tag_count > 0)
		labels.tags = arena_zalloc(mail->arena, given->tag_count, sizeof *labels.tags);
	if (given->metadata_count > 0)
		labels.metadata =
			arena_zalloc(mail->arena, given->metadata_count, sizeof *labels.metadata);
	for (size_t i = 0; i < given->tag_count; i++)
		labels.tags[i] = keep(mail, given->tags[i]);
	for (size_t i = 0; i < given->metadata_count; i++)
		labels.metadata[i] = (struct pair){keep(mail, given->metadata[i].name),
						   keep(mail, given->metadata[i].value)};
	return labels;
}

static bool has_room_for_labels(const struct labels *message, const struct labels *own)
{
	return message->tag_count + own->tag_count <= SCHEMA_TAGS_MAX &&
	       message->metadata_count + own->metadata_count <= SCHEMA_METADATA_MAX;
}

/* Where it goes; refused when nowhere. */
static bool route(struct mail *mail, const struct posted_recipient *posted,
		  const struct intake_rules *rules, struct destination *ret,
		  struct verdict *verdict)
{
	struct address address;
	enum err err = address_parse(posted->address, true, &address);
	if (err == OK && (address.is_null || address.domain.len == 0))
		err = E_MALFORMED;
	if (err != OK) {
		refuse(verdict, "5.1.3", "not an address");
		return false;
	}
	if (mail_route(mail, rules->routing, &address, ret) != OK) {
		refuse(verdict, "5.1.2", "the domain is not a domain");
		return false;
	}
	return true;
}

/* OK with a refusal in the verdict when the address may not be mailed; an error when nobody can tell. */
static enum err check_suppression(struct mail *mail, const struct intake_rules *rules,
				  struct destination *destination, struct verdict *verdict)
{
	bool is_refused = false;
	enum err err = rules->is_suppressed(rules->owner, mail, destination->address, &is_refused);
	if (err == E_NOT_FOUND)
		return OK;
	if (err != OK)
		return err;
	destination->fate = FATE_SUPPRESSED;
	if (is_refused)
		refuse(verdict, "5.7.1", "the address is suppressed");
	return OK;
}

/* Ids are made, not kept: the message's, and the place of the recipient in the request. */
static enum err take_recipient(struct mail *mail, const struct posting *posting, size_t index,
			       const struct intake_rules *rules, struct verdict *verdict)
{
	const struct posted_recipient *posted = &posting->recipients[index];
	struct destination destination;
	struct bytes id = bytes_of(arena_printf(mail->arena, "%s.%zu", mail->id, index + 1));
	if (rules->progress && progress_has(rules->progress, index)) {
		verdict->id = id;
		return OK;
	}
	if (!route(mail, posted, rules, &destination, verdict))
		return OK;
	if (!has_room_for_labels(&posting->labels, &posted->labels)) {
		refuse(verdict, "5.6.0", "too many tags or metadata with those of the message");
		return OK;
	}
	enum err err = check_suppression(mail, rules, &destination, verdict);
	if (err != OK || verdict->enhanced)
		return err;
	if (destination.fate == FATE_DELIVER && mail->expires_wall_ms != 0 &&
	    mail->expires_wall_ms <= rules->wall_ms)
		destination.fate = FATE_EXPIRED;
	destination.id = id;
	destination.place = index;
	destination.labels = keep_labels(mail, &posted->labels);
	if (posting->is_skeleton) {
		destination.variables = keep(mail, posted->variables);
		destination.name = keep(mail, posted->name);
		destination.shown_address = keep(mail, posted->shown_address);
	}
	verdict->id = destination.id;
	mail_add(mail, &destination);
	return OK;
}

static enum err take_recipients(struct arena *arena, struct mail *mail,
				const struct posting *posting, const struct intake_rules *rules,
				struct intake *intake, struct why *why)
{
	struct seen seen;
	size_t count = posting->recipient_count;
	if (count > rules->recipients_max)
		return fail(why, E_REFUSED, "recipients: more than %zu", rules->recipients_max);
	intake->verdicts = arena_zalloc(arena, count, sizeof *intake->verdicts);
	intake->verdict_count = count;
	seen_init(&seen, arena, count);
	for (size_t i = 0; i < count; i++) {
		struct verdict *verdict = &intake->verdicts[i];
		verdict->address = posting->recipients[i].address;
		if (!seen_add(&seen, &verdict->address)) {
			refuse(verdict, "5.5.0", "the same address stands before it");
			continue;
		}
		enum err err = take_recipient(mail, posting, i, rules, verdict);
		if (err != OK)
			return fail(why, err, "cannot tell whether recipients may be mailed");
	}
	for (size_t i = 0; i < count; i++) { /* of the arena that lives as long as the verdicts */
		struct verdict *verdict = &intake->verdicts[i];
		if (verdict->id.len == 0)
			continue;
		verdict->id = arena_copy(arena, verdict->id);
		intake->accepted_count++;
	}
	return OK;
}

/* ---- envelope and content ---- */

static enum err take_envelope(struct mail *mail, const struct posting *posting,
			      const struct intake_rules *rules, struct why *why)
{
	struct address sender;
	enum err err = address_parse(posting->sender, true, &sender);
	if (err == OK && !sender.is_null && sender.domain.len == 0)
		err = E_MALFORMED;
	if (err == OK)
		err = mail_set_sender(mail, &sender);
	if (err != OK)
		return fail(why, E_REFUSED, "the sender is not an address");
	mail->pool_asked = keep(mail, rules->pool[0] ? bytes_of(rules->pool) : posting->pool);
	mail->not_before_wall_ms = posting->not_before_wall_ms;
	mail->expires_wall_ms = posting->expires_wall_ms;
	mail->retry = keep(mail, posting->retry);
	mail->window = keep(mail, posting->window);
	mail->wishes.priority = posting->priority;
	mail->labels = keep_labels(mail, &posting->labels);
	mail->labels.tenant = keep(mail, bytes_of(rules->tenant));
	return OK;
}

/* Written by us, so there is nothing to put in order. */
static enum err take_skeleton(struct mail *mail, struct bytes content,
			      const struct intake_rules *rules, struct why *why)
{
	struct blob_writer *writer = blob_writer_new(rules->spool, rules->memory_per_message);
	enum err err = blob_writer_append(writer, content, why);
	if (err == OK) {
		mail->content = blob_writer_finish(&writer);
		mail->is_skeleton = true;
	}
	blob_writer_free(&writer);
	return err;
}

static enum err take_content(struct mail *mail, const struct posting *posting,
			     const struct intake_rules *rules, struct why *why)
{
	struct content_facts facts;
	if (posting->content.len > rules->content_max)
		return fail(why, E_TOO_BIG, "the message has more than %zu bytes",
			    rules->content_max);
	if (posting->is_skeleton)
		return take_skeleton(mail, posting->content, rules, why);
	struct blob_writer *writer = blob_writer_new(rules->spool, rules->memory_per_message);
	enum err err = content_normalise(posting->content, rules->line_max, writer, &facts, why);
	if (err == OK) {
		mail->content = blob_writer_finish(&writer);
		mail->hops = facts.hops;
		mail->eightbit = facts.has_8bit;
	}
	blob_writer_free(&writer);
	return err == E_MALFORMED ? E_REFUSED : err;
}

enum err intake_take(struct arena *arena, const struct posting *posting,
		     const struct intake_rules *rules, struct intake *ret, struct why *why)
{
	struct intake intake = {0};
	struct mail *mail = mail_new("http", rules->wall_ms);
	mail->protocol = "HTTP";
	if (rules->id)
		memcpy(mail->id, rules->id, strlen(rules->id) + 1);
	if (rules->progress)
		mail->accepted_wall_ms = rules->progress->accepted_wall_ms;
	memcpy(intake.id, mail->id, sizeof intake.id);
	enum err err = take_envelope(mail, posting, rules, why);
	if (err == OK)
		err = take_recipients(arena, mail, posting, rules, &intake, why);
	if (err == OK && mail->destination_count > 0)
		err = take_content(mail, posting, rules, why);
	if (err == OK && mail->destination_count > 0) {
		intake.mail = mail;
		mail = NULL;
	}
	mail_free(&mail);
	if (err == OK)
		*ret = intake;
	return err;
}
