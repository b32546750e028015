/* See taps.h.
 *
 *   a wish --> begun --> lines gather --(100 ms, or full)--> sent, or dropped and counted
 *          --> renewed: what there is goes out, with the counts
 *          --> ended; so does one that nobody renews */
#include "workers/taps/taps.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

#define LINES_MAX (CONTROL_SIZE_MAX - 4096 - TAP_HEAD_ROOM)
#define SECOND_MS 1000

struct tap {
	struct tap_wish wish; /* id "": free */
	struct reply_address *to;
	int64_t until_ms;
	struct buf lines;
	size_t line_count;
	struct tap_head head;
	int64_t second_at_ms; /* what was sent since then */
	size_t second_bytes;
};

struct taps {
	struct taps_options options;
	struct tap all[TAPS_MAX];
	size_t count;
	struct timer *flush, *ageing;
	void (*changed)(void *owner);
	void *changed_owner;
};

/* ---- sending ---- */

static bool may_send(struct taps *taps, struct tap *tap)
{
	int64_t now = loop_now_ms(taps->options.loop);
	if (now - tap->second_at_ms >= SECOND_MS) {
		tap->second_at_ms = now;
		tap->second_bytes = 0;
	}
	return tap->second_bytes < TAP_BYTES_PER_S;
}

/* Also without lines: counts are told, and that this worker is here. */
static void send_lines(struct taps *taps, struct tap *tap)
{
	struct buf answer;
	struct tap_head head = tap->head;
	head.told_count += tap->line_count;
	buf_init(&answer, CONTROL_SIZE_MAX);
	bool is_sent = tap_head_write(&head, &answer) == OK &&
		       buf_append(&answer, buf_bytes(&tap->lines)) == OK &&
		       taps->options.send(taps->options.owner, tap->to, buf_bytes(&answer));
	if (is_sent)
		tap->head = head;
	else
		tap->head.dropped_count += tap->line_count;
	tap->second_bytes += answer.len;
	tap->line_count = 0;
	buf_clear(&tap->lines);
	buf_done(&answer);
}

static void on_flush(void *owner)
{
	struct taps *taps = owner;
	bool is_left = false;
	for (size_t i = 0; i < TAPS_MAX; i++) {
		struct tap *tap = &taps->all[i];
		if (tap->line_count == 0)
			continue;
		if (may_send(taps, tap))
			send_lines(taps, tap);
		is_left |= tap->line_count > 0;
	}
	if (is_left)
		timer_start(taps->flush, TAP_FLUSH_MS);
}

static void add_line(struct taps *taps, struct tap *tap, const struct tap_line *line)
{
	enum err err = tap_line_write(line, tap->wish.as_json, &tap->lines);
	if (err && tap->line_count > 0 && may_send(taps, tap)) {
		send_lines(taps, tap);
		err = tap_line_write(line, tap->wish.as_json, &tap->lines);
	}
	if (err)
		tap->head.dropped_count++;
	else
		tap->line_count++;
	if (!timer_is_running(taps->flush))
		timer_start(taps->flush, TAP_FLUSH_MS);
}

void taps_tell(struct taps *taps, tap_set set, const struct tap_line *line)
{
	struct tap_line full = *line;
	full.wall_ms = loop_wall_ms(taps->options.loop);
	full.worker = taps->options.worker;
	full.host = taps->options.host;
	for (size_t i = 0; i < TAPS_MAX; i++)
		if ((set & 1u << i) && taps->all[i].to)
			add_line(taps, &taps->all[i], &full);
}

/* ---- what belongs to one ---- */

static struct bytes domain_of(struct bytes address)
{
	for (size_t i = address.len; i > 0; i--)
		if (address.data[i - 1] == '@')
			return bytes_skip(address, i);
	return BYTES_NONE;
}

static bool has_domain(const struct tap_subject *subject, struct bytes domain)
{
	if (bytes_equal_nocase(subject->next_hop, domain))
		return true;
	for (size_t i = 0; subject->recipients && i < subject->recipient_count; i++)
		if (bytes_equal_nocase(domain_of(subject->recipients[i]), domain))
			return true;
	return false;
}

static bool is_in(const struct bytes *list, size_t count, struct bytes wanted)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(list[i], wanted))
			return true;
	return false;
}

static bool has_recipient(const struct tap_subject *subject, struct bytes recipient)
{
	return subject->recipients ? is_in(subject->recipients, subject->recipient_count, recipient)
				   : bytes_equal_nocase(subject->next_hop, domain_of(recipient));
}

static bool fits(const struct tap_wish *wish, const struct tap_subject *subject)
{
	if (wish->site[0] && !bytes_is_nocase(subject->site, wish->site) &&
	    !bytes_is_nocase(subject->settings_site, wish->site))
		return false;
	if (wish->source[0] && !bytes_is(subject->source, wish->source))
		return false;
	if (wish->domain[0] && !has_domain(subject, bytes_of(wish->domain)))
		return false;
	if (wish->recipient[0] && !has_recipient(subject, bytes_of(wish->recipient)))
		return false;
	return !wish->message[0] ||
	       (subject->messages &&
		is_in(subject->messages, subject->recipient_count, bytes_of(wish->message)));
}

tap_set taps_match(const struct taps *taps, const struct tap_subject *subject)
{
	tap_set set = 0;
	for (size_t i = 0; i < TAPS_MAX; i++)
		if (taps->all[i].to && fits(&taps->all[i].wish, subject))
			set |= 1u << i;
	return set;
}

tap_set taps_with_headers(const struct taps *taps, tap_set set)
{
	for (size_t i = 0; i < TAPS_MAX; i++)
		if (!taps->all[i].wish.has_headers)
			set &= ~(1u << i);
	return set;
}

bool taps_are_on(const struct taps *taps)
{
	return taps && taps->count > 0;
}

/* ---- beginning and end ---- */

static void tell_changed(const struct taps *taps)
{
	if (taps->changed)
		taps->changed(taps->changed_owner);
}

static void end(struct taps *taps, struct tap *tap)
{
	reply_address_free(&tap->to);
	buf_done(&tap->lines);
	*tap = (struct tap){0};
	taps->count--;
	tell_changed(taps);
}

static void on_ageing(void *owner)
{
	struct taps *taps = owner;
	for (size_t i = 0; i < TAPS_MAX; i++)
		if (taps->all[i].to && loop_now_ms(taps->options.loop) >= taps->all[i].until_ms)
			end(taps, &taps->all[i]);
	if (taps->count > 0)
		timer_start(taps->ageing, SECOND_MS);
}

static struct tap *find(struct taps *taps, const char *id)
{
	for (size_t i = 0; i < TAPS_MAX; i++)
		if (taps->all[i].to && strcmp(taps->all[i].wish.id, id) == 0)
			return &taps->all[i];
	return NULL;
}

static struct tap *begin(struct taps *taps, const struct tap_wish *wish)
{
	struct tap *tap = NULL;
	for (size_t i = 0; i < TAPS_MAX && !tap; i++)
		if (!taps->all[i].to)
			tap = &taps->all[i];
	if (!tap)
		return NULL;
	tap->wish = *wish;
	buf_init(&tap->lines, LINES_MAX);
	(void)snprintf(tap->head.worker, sizeof tap->head.worker, "%s", taps->options.worker);
	tap->head.since = (uint64_t)loop_wall_ms(taps->options.loop);
	taps->count++;
	if (!timer_is_running(taps->ageing))
		timer_start(taps->ageing, SECOND_MS);
	return tap;
}

void taps_heed(struct taps *taps, const struct tap_wish *wish, struct reply_address **address)
{
	struct tap *tap = find(taps, wish->id);
	bool is_new = !tap && !wish->ends;
	if (is_new)
		tap = begin(taps, wish);
	if (!tap) {
		reply_address_free(address);
		return;
	}
	reply_address_free(&tap->to);
	tap->to = *address;
	*address = NULL;
	tap->until_ms = loop_now_ms(taps->options.loop) + TAP_LEASE_MS;
	if (is_new)
		tell_changed(taps);
	send_lines(taps, tap);
	if (wish->ends)
		end(taps, tap);
}

void taps_watch(struct taps *taps, void (*changed)(void *owner), void *owner)
{
	taps->changed = changed;
	taps->changed_owner = owner;
}

struct taps *taps_new(const struct taps_options *options)
{
	struct taps *taps = memory_new(sizeof *taps);
	taps->options = *options;
	taps->flush = timer_new(options->loop, on_flush, taps);
	taps->ageing = timer_new(options->loop, on_ageing, taps);
	return taps;
}

void taps_stop(struct taps *taps)
{
	for (size_t i = 0; taps && i < TAPS_MAX; i++)
		if (taps->all[i].to)
			end(taps, &taps->all[i]);
}

void taps_free(struct taps **taps)
{
	struct taps *t = *taps;
	if (!t)
		return;
	*taps = NULL;
	t->changed = NULL;
	taps_stop(t);
	timer_free(&t->flush);
	timer_free(&t->ageing);
	free(t);
}
