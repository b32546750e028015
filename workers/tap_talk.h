/* Hears what operators want to watch (leveret trace), and sends them what they are told. Lives on the broker's loop. */
#ifndef LEVERET_WORKERS_TAP_TALK_H
#define LEVERET_WORKERS_TAP_TALK_H

#include "broker/questions.h"
#include "workers/taps/taps.h"

struct tap_talk_options { /* borrowed, all of it */
	struct loop *loop;
	struct broker *broker;
	struct questions *questions;
	const char *worker, *host;
};
/* The caller frees them; before broker_close() it stops them (taps_stop()). */
struct taps *tap_talk_listen(const struct tap_talk_options *options);

#endif
