#include "bouncer/asked.h"

#include <inttypes.h>
#include <stdio.h>

#include "bouncer/bouncer_inner.h"
#include "broker/questions.h"
#include "broker/rows_answer.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LINE_MAX ((size_t)32 << 10)
#define URL_ROOM (2000 * 6 + 1)

struct asked {
	struct bouncer *bouncer;
	struct questions *questions;
};

size_t asked_words(struct bytes text, struct bytes words[ASKED_WORDS_MAX])
{
	size_t count = 0;
	while (count < ASKED_WORDS_MAX) {
		ptrdiff_t end = bytes_find(text, '\n');
		words[count++] = end < 0 ? text : bytes_first(text, (size_t)end);
		if (end < 0)
			break;
		text = bytes_skip(text, (size_t)end + 1);
	}
	return count;
}

/* ---- rows ---- */

bool asked_may_read(struct bytes database)
{
	static const char *const databases[] = {TALLIES_DATABASES};
	for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++)
		if (bytes_is(database, databases[i]))
			return true;
	return false;
}

struct rows {
	const struct question *question;
	struct buf answer;
	uint32_t number;
	bool is_lost;
};

static void send_rows(struct rows *rows, bool is_last)
{
	rows_answer_close(&rows->answer, is_last);
	rows->is_lost |= !question_answer(rows->question, buf_bytes(&rows->answer));
	rows_answer_begin(&rows->answer, ++rows->number);
}

static bool on_row(void *owner, struct bytes key, struct bytes value)
{
	struct rows *rows = owner;
	if (rows_answer_add(&rows->answer, key, value) == E_FULL) {
		send_rows(rows, false);
		(void)(rows_answer_add(&rows->answer, key, value) == OK); /* too big: left out */
	}
	return !rows->is_lost;
}

static void on_rows(void *owner, const struct question *question)
{
	const struct asked *asked = owner;
	struct store *store = asked->bouncer->store;
	struct rows rows = {.question = question};
	char database[40];
	if (!asked_may_read(question->rest) ||
	    !bytes_to_cstr(question->rest, database, sizeof database))
		return;
	buf_init(&rows.answer, ROWS_ANSWER_MAX);
	rows_answer_begin(&rows.answer, 0);
	struct store_txn *txn = store_read_begin(store);
	enum err err = store_each(txn, store_database(store, database), BYTES_NONE, on_row, &rows);
	store_read_end(&txn);
	if (!err && !rows.is_lost)
		send_rows(&rows, true);
	buf_done(&rows.answer);
}

/* ---- webhooks ---- */

static const char *time_text(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
	(void)snprintf(out, CLOCK_RFC3339_SIZE, "-");
	if (wall_ms > 0)
		clock_rfc3339(wall_ms, out);
	return out;
}

static enum err write_webhook(struct buf *out, const struct webhook_view *view, const char *host,
			      bool as_json)
{
	const struct webhook_state *state = view->state;
	char ok_at[CLOCK_RFC3339_SIZE], fail_at[CLOCK_RFC3339_SIZE], since[CLOCK_RFC3339_SIZE];
	char url[URL_ROOM], why[sizeof state->why * 6];
	(void)log_escape_json(bytes_of(view->settings->url), url, sizeof url);
	(void)log_escape_json(bytes_of(state->why), why, sizeof why);
	(void)time_text(state->ok_at_wall_ms, ok_at);
	if (!as_json)
		return buf_printf(out,
				  "%s\t%s\t%" PRIu64 " events\t%" PRIu64
				  " failures in a row\t%s\t%s\t%s\t%s\n",
				  view->settings->name, webhook_mode_name(state->mode),
				  state->events, state->failures_in_row, ok_at, url, host, why);
	return buf_printf(
		out,
		"{\"name\":\"%s\",\"url\":\"%s\",\"from\":\"%s\",\"bouncer\":\"%s\",\"state\":\"%"
		"s\","
		"\"since\":\"%s\",\"events\":%" PRIu64 ",\"requests\":%" PRIu64
		",\"failures\":%" PRIu64 ",\"failures_in_row\":%" PRIu64 ",\"given_up\":%" PRIu64
		",\"last_taken\":\"%s\",\"last_failure\":\"%s\",\"why\":\"%s\"}\n",
		view->settings->name, url, view->row ? "api" : "settings", host,
		webhook_mode_name(state->mode), time_text(state->mode_since_wall_ms, since),
		state->events, state->requests, state->failures, state->failures_in_row,
		state->buried, ok_at, time_text(state->fail_at_wall_ms, fail_at), why);
}

/* One that has none says so, by an empty answer. */
static void on_webhooks(void *owner, const struct question *question)
{
	const struct asked *asked = owner;
	const struct webhooks *webhooks = readers_webhooks(asked->bouncer->readers);
	struct webhook_view view;
	struct buf out;
	buf_init(&out, LINE_MAX);
	for (size_t i = 0; webhooks && webhooks_at(webhooks, i, &view); i++) {
		buf_clear(&out);
		if (write_webhook(&out, &view, asked->bouncer->node.hostname,
				  bytes_is(question->rest, "json")) == OK)
			(void)question_answer(question, buf_bytes(&out));
	}
	(void)question_answer(question, BYTES_NONE);
	buf_done(&out);
}

/* ---- replays ---- */

struct counting {
	struct asked *asked;
	struct reply_address *address;
	bool as_json;
};

static void answer_replay(const struct asked *asked, char mark, bool as_json, uint64_t count,
			  bool is_dry, const char *why, char out[1000])
{
	const char *host = asked->bouncer->node.hostname;
	char escaped[600];
	(void)log_escape_json(bytes_of(why), escaped, sizeof escaped);
	if (as_json)
		(void)snprintf(
			out, 1000,
			"%c{\"bouncer\":\"%s\",\"begun\":%s,\"dry_run\":%s,\"count\":%" PRIu64
			",\"why\":\"%s\"}\n",
			mark, host, mark == '+' && !is_dry ? "true" : "false",
			is_dry ? "true" : "false", count, escaped);
	else if (mark == '-')
		(void)snprintf(out, 1000, "%c%s: %s\n", mark, host, escaped);
	else if (is_dry)
		(void)snprintf(out, 1000, "%c%s: %" PRIu64 " events would be told again\n", mark,
			       host, count);
	else
		(void)snprintf(out, 1000, "%c%s: what it told is being told again\n", mark, host);
}

static void on_counted(void *owner, enum err err, uint64_t count)
{
	struct counting *counting = owner;
	char text[1000];
	answer_replay(counting->asked, err ? '-' : '+', counting->as_json, count, true,
		      err ? "what was kept cannot be read" : "", text);
	if (err != E_CANCELLED)
		(void)broker_answer(counting->asked->bouncer->broker, counting->address,
				    bytes_of(text));
	reply_address_free(&counting->address);
	free(counting);
}

static enum err start(struct asked *asked, const struct question *question,
		      const struct bytes words[ASKED_WORDS_MAX], struct replay_order *order,
		      struct why *why)
{
	int64_t now = loop_wall_ms(asked->bouncer->node.loop);
	enum err err = replay_order_read(words[2], words[3], words[4], now, order, why);
	order->is_dry = bytes_is(words[5], "dry");
	if (err)
		return err;
	struct counting *counting = memory_new(sizeof *counting);
	*counting = (struct counting){.asked = asked, .as_json = bytes_is(words[0], "json")};
	err = replays_start(readers_replays(asked->bouncer->readers), words[1], order,
			    order->is_dry ? on_counted : NULL, counting, why);
	if (err || !order->is_dry) {
		free(counting);
		return err;
	}
	counting->address = question_take_address(question);
	return OK;
}

static void on_replay(void *owner, const struct question *question)
{
	struct asked *asked = owner;
	struct bytes words[ASKED_WORDS_MAX];
	struct replay_order order = {0};
	struct why why = {""};
	char text[1000];
	if (asked_words(question->rest, words) != 6 || !readers_replays(asked->bouncer->readers))
		return;
	(void)question_answer(question, BYTES("?"));
	enum err err = start(asked, question, words, &order, &why);
	if (!err && order.is_dry)
		return; /* when it is counted */
	answer_replay(asked, err ? '-' : '+', bytes_is(words[0], "json"), 0, order.is_dry, why.text,
		      text);
	(void)question_answer(question, bytes_of(text));
}

/* ---- public ---- */

struct asked *asked_new(struct bouncer *bouncer)
{
	struct asked *asked = memory_new(sizeof *asked);
	asked->bouncer = bouncer;
	asked->questions = questions_new(bouncer->broker);
	questions_add(asked->questions, ASKED_ROWS, on_rows, asked);
	questions_add(asked->questions, ASKED_WEBHOOKS, on_webhooks, asked);
	questions_add(asked->questions, ASKED_REPLAY, on_replay, asked);
	questions_add(asked->questions, ASKED_SUPPRESSION, asked_suppression, bouncer);
	questions_add(asked->questions, ASKED_ALERTS, asked_alerts, bouncer);
	return asked;
}

void asked_free(struct asked **asked)
{
	struct asked *freeing = *asked;
	*asked = NULL;
	if (!freeing)
		return;
	questions_free(&freeing->questions);
	free(freeing);
}
