/* See tap_talk.h. */
#include "workers/tap_talk.h"

static bool send_answer(void *owner, const struct reply_address *to, struct bytes answer)
{
	return broker_answer(owner, to, answer);
}

static void on_wish(void *owner, const struct question *question)
{
	struct tap_wish wish;
	if (!tap_wish_read(question->rest, &wish))
		return;
	struct reply_address *address = question_take_address(question);
	taps_heed(owner, &wish, &address);
}

struct taps *tap_talk_listen(const struct tap_talk_options *options)
{
	struct taps *taps = taps_new(&(const struct taps_options){
		.loop = options->loop,
		.worker = options->worker,
		.host = options->host,
		.send = send_answer,
		.owner = options->broker,
	});
	questions_add(options->questions, TAP_QUESTION, on_wish, taps);
	return taps;
}
