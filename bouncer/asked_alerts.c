/* Alerts that are raised, as lines for people or for programs. */
#include "bouncer/bouncer_inner.h"
#include "broker/questions.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define LINE_ROOM  16384
#define ANSWER_MAX ((size_t)48 << 10)

struct telling {
	const struct question *question;
	const char *host;
	struct buf answer; /* lines that were not sent yet */
	bool as_json;
};

static enum err write_text(const struct alert_state *state, const char *host, struct buf *out)
{
	char since[CLOCK_RFC3339_SIZE], until[CLOCK_RFC3339_SIZE] = "";
	struct alert_scratch scratch;
	clock_rfc3339(state->since_wall_ms, since);
	if (state->until_wall_ms > 0)
		clock_rfc3339(state->until_wall_ms, until);
	return buf_printf(out, "%.*s\t%.*s\t%s\t%.*s%s%s\t%s\t%s\n", BYTES_ARGS(state->id),
			  BYTES_ARGS(state->alert), since, BYTES_ARGS(state->action),
			  until[0] ? " until " : "", until, alert_text(state, &scratch), host);
}

/* The object that webhooks are told, and who tells it. */
static enum err write_json(const struct alert_state *state, const char *host, struct buf *out)
{
	char escaped[256 * 6];
	struct buf object;
	buf_init(&object, LINE_ROOM);
	(void)log_escape_json(bytes_of(host), escaped, sizeof escaped);
	enum err err = alert_state_to_json(state, &object);
	struct bytes open = bytes_first(buf_bytes(&object), err ? 0 : object.len - 1);
	if (!err)
		err = buf_printf(out, "%.*s,\"bouncer\":\"%s\"}\n", BYTES_ARGS(open), escaped);
	buf_done(&object);
	return err;
}

static void tell_one(void *owner, const struct alert_state *state)
{
	struct telling *telling = owner;
	struct buf line;
	buf_init(&line, LINE_ROOM);
	enum err err = telling->as_json ? write_json(state, telling->host, &line)
					: write_text(state, telling->host, &line);
	if (!err && buf_append(&telling->answer, buf_bytes(&line)) != OK) {
		(void)question_answer(telling->question, buf_bytes(&telling->answer));
		buf_clear(&telling->answer);
		(void)(buf_append(&telling->answer, buf_bytes(&line)) == OK); /* it is shorter */
	}
	buf_done(&line);
}

void asked_alerts(void *owner, const struct question *question)
{
	const struct bouncer *bouncer = owner;
	struct telling telling = {
		.question = question,
		.host = bouncer->node.hostname,
		.as_json = bytes_is(question->rest, "json"),
	};
	buf_init(&telling.answer, ANSWER_MAX);
	alerts_each(bouncer->alerts, tell_one, &telling);
	(void)question_answer(question, buf_bytes(&telling.answer));
	buf_done(&telling.answer);
}
