/* What verbs share: where the settings are, loading them with faults told, and a short-lived connection to the broker. */
#ifndef LEVERET_LEVERET_PROGRAM_H
#define LEVERET_LEVERET_PROGRAM_H

#include "broker/broker.h"
#include "leveret/options.h"
#include "leveret/settings.h"

const char *program_config_path(const struct options *options);
/* NULL when the settings are faulty: told on standard error. */
const struct settings *program_settings(const struct options *options, struct conf **ret_conf);
/* node.hostname, or the system's. The text lives as long as the process. */
const char *program_hostname(const struct settings *settings);
/* From root to node.user, to whom node.data_dir and the embedded engine's directory are given. Before any thread is started. */
enum err program_drop_privileges(const struct settings *settings, struct why *why) MUST_USE;

/* A loop with a broker on it, for a verb that asks something and ends. On the embedded engine it attaches to the process that runs
 * it, or opens its directory itself while there is none: as the user that owns it. So files that an operator names are opened before
 * errand_run(). */
struct errand {
	struct conf *conf;
	const struct settings *settings;
	struct routing *routing;
	struct loop *loop;
	struct broker *broker;
	struct timer *limit;
	void (*begin)(struct errand *errand); /* the broker is ready */
	void (*finish)(
		struct errand *errand); /* before the broker is closed; NULL: nothing to do */
	/* The broker went away or came back, after begin(); NULL: nobody asks. */
	void (*state_changed)(struct errand *errand, enum broker_state state);
	/* SIGTERM or SIGINT, also before begin(); NULL: they end the process. */
	void (*interrupted)(struct errand *errand);
	const char *waits_for; /* who has not answered when the time is over; NULL: the broker */
	void *owner;
	bool has_begun;
	int code;
};
/* Reads settings, connects, calls begin(), runs until errand_end() or limit_ms. Gives the exit code. */
int errand_run(struct errand *errand, const struct options *options, int64_t limit_ms);
void errand_has_no_limit(struct errand *errand); /* from begin(): it takes as long as it takes */
void errand_end(struct errand *errand, int code);

#endif
