/* What verbs share. */
#include "leveret/program.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "leveret/privileges.h"
#include "lib/obs/log.h"

const char *program_config_path(const struct options *options)
{
	const char *from_environment = getenv("LEVERET_CONFIG");
	return options_value(options, "config",
			     from_environment ? from_environment : "/etc/leveret/leveret.yaml");
}

const struct settings *program_settings(const struct options *options, struct conf **ret_conf)
{
	const struct settings *settings = NULL;
	struct conf *conf = NULL;
	enum err err = settings_load(program_config_path(options), &conf, &settings);
	if (err != OK || conf_warning_count(conf) > 0)
		conf_print_faults(conf, stderr, false);
	if (err != OK) {
		conf_free(&conf);
		return NULL;
	}
	*ret_conf = conf;
	return settings;
}

const char *program_hostname(const struct settings *settings)
{
	static char name[256];
	if (settings->node.hostname[0])
		return settings->node.hostname;
	if (gethostname(name, sizeof name - 1) != 0 || !name[0])
		return "localhost";
	return name;
}

enum err program_drop_privileges(const struct settings *settings, struct why *why)
{
	const char *const directories[] = {settings->node.data_dir,
					   broker_directory(&settings->broker), NULL};
	return privileges_drop(settings->node.user, directories, why);
}

/* Elsewhere a verb leaves nothing behind, and may stay root. */
static enum err share_directory(const struct settings *settings, struct why *why)
{
	const char *directory = broker_directory(&settings->broker);
	enum err err = OK;
	if (directory)
		err = program_drop_privileges(settings, why);
	if (err == OK && directory)
		err = privileges_drop_to_owner(directory, why);
	return err;
}

static void errand_begins(void *owner, enum broker_state state)
{
	struct errand *errand = owner;
	if (errand->has_begun) {
		if (errand->state_changed)
			errand->state_changed(errand, state);
		return;
	}
	if (state == BROKER_AWAY)
		return;
	errand->has_begun = true;
	errand->begin(errand);
}

static void errand_is_interrupted(void *owner)
{
	struct errand *errand = owner;
	errand->interrupted(errand);
}

static void errand_is_late(void *owner)
{
	struct errand *errand = owner;
	struct why why = {""};
	if (broker_is_refused(errand->broker, &why)) {
		(void)fprintf(stderr, "leveret: the broker's queues are not as they must be: %s\n",
			      why.text);
		errand_end(errand, EXIT_REFUSED);
		return;
	}
	if (errand->has_begun)
		(void)fprintf(stderr, "leveret: %s did not answer in time\n",
			      errand->waits_for ? errand->waits_for : "the broker");
	else
		(void)fprintf(stderr, "leveret: cannot reach the broker\n");
	errand_end(errand, EXIT_NO_SERVER);
}

static void errand_open(struct errand *errand, int64_t limit_ms)
{
	struct why why = {""};
	enum err err = share_directory(errand->settings, &why);
	errand->routing = routing_new(&errand->settings->routing);
	errand->loop = loop_new();
	if (errand->interrupted) {
		loop_on_signal(errand->loop, SIGTERM, errand_is_interrupted, errand);
		loop_on_signal(errand->loop, SIGINT, errand_is_interrupted, errand);
	}
	errand->limit = timer_new(errand->loop, errand_is_late, errand);
	timer_start(errand->limit, limit_ms);
	if (err == OK)
		err = broker_open(errand->loop, &errand->settings->broker, errand->routing,
				  "leveret", errand_begins, errand, &errand->broker, &why);
	if (err == OK)
		loop_run(errand->loop);
	else
		(void)fprintf(stderr, "leveret: %s\n", why.text);
}

int errand_run(struct errand *errand, const struct options *options, int64_t limit_ms)
{
	errand->settings = program_settings(options, &errand->conf);
	if (!errand->settings)
		return EXIT_USAGE;
	log_init(LOG_WARNING, LOG_FORMAT_TEXT, "leveret"); /* broker_lost says why */
	errand->code = EXIT_FAILED;
	errand_open(errand, limit_ms);
	if (errand->finish)
		errand->finish(errand);
	broker_close(&errand->broker);
	timer_free(&errand->limit);
	loop_free(&errand->loop);
	routing_free(&errand->routing);
	conf_free(&errand->conf);
	return errand->code;
}

void errand_end(struct errand *errand, int code)
{
	errand->code = code;
	loop_stop(errand->loop);
}

void errand_has_no_limit(struct errand *errand)
{
	timer_stop(errand->limit);
}
