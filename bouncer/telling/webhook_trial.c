#include "bouncer/telling/webhook_trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BODY_ROOM 4096

struct webhook_trial {
	struct webhook_line line;
	struct buf body;
	struct webhook_post *post; /* NULL: it is over, and that is told at the end of the turn */
	struct loop *loop;
	struct task end;
	struct webhook_outcome outcome;
	struct why why;
	void (*done)(void *owner, const struct webhook_outcome *outcome);
	void *owner;
};

/* An alert of its own name, so that no receiver takes it for mail. */
static enum err write_body(struct loop *loop, struct buf *body)
{
	char id[40];
	(void)snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
	const struct bouncer_event event = {.id = bytes_of(id),
					    .kind = EVENT_ALERT,
					    .at_wall_ms = loop_wall_ms(loop),
					    .alert = BYTES("webhook_test"),
					    .text = BYTES("a test by an operator")};
	enum err err = buf_append_text(body, "[");
	if (!err)
		err = bouncer_event_to_json(&event, body);
	return err ? err : buf_append_text(body, "]");
}

static void trial_free(struct webhook_trial *trial)
{
	task_cancel(&trial->end, trial->loop);
	webhook_post_cancel(&trial->post);
	webhook_line_close(&trial->line);
	buf_done(&trial->body);
	free(trial);
}

static void on_end(void *owner)
{
	struct webhook_trial *trial = owner;
	trial->done(trial->owner, &trial->outcome);
	trial_free(trial);
}

/* Its client cannot be freed from inside this call. */
static void on_posted(void *owner, const struct webhook_outcome *outcome)
{
	struct webhook_trial *trial = owner;
	trial->post = NULL;
	trial->outcome = *outcome;
	(void)snprintf(trial->why.text, sizeof trial->why.text, "%s", outcome->why);
	trial->outcome.why = trial->why.text;
	loop_defer(trial->loop, &trial->end);
}

struct webhook_trial *
webhook_trial_start(struct loop *loop, struct resolver *resolver,
		    const struct webhook_settings *settings,
		    void (*done)(void *owner, const struct webhook_outcome *outcome), void *owner)
{
	struct webhook_trial *trial = memory_new(sizeof *trial);
	char id[WEBHOOK_ID_SIZE];
	trial->loop = loop;
	trial->end = (struct task){.run = on_end, .owner = trial};
	trial->done = done;
	trial->owner = owner;
	buf_init(&trial->body, BODY_ROOM);
	if (write_body(loop, &trial->body))
		abort(); /* it is short */
	webhook_id(buf_bytes(&trial->body), id);
	webhook_line_open(&trial->line, loop, resolver, settings);
	trial->post =
		webhook_post_start(&trial->line, id, buf_bytes(&trial->body), on_posted, trial);
	return trial;
}

void webhook_trial_cancel(struct webhook_trial **trial)
{
	struct webhook_trial *ending = *trial;
	*trial = NULL;
	if (ending)
		trial_free(ending);
}
