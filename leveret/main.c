/* The one program: finds the verb that the command line names and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "leveret/verbs.h"

static const struct verb *const verbs[] = {
	&verb_run,
	&verb_ingest,
	&verb_worker,
	&verb_bouncer,
	&verb_check,
	&verb_api_key_new,
	&verb_broker_declare,
	&verb_broker_status,
	&verb_dkim_generate,
	&verb_dkim_dns,
	&verb_dkim_check,
	&verb_queue_list,
	&verb_queue_pause,
	&verb_queue_resume,
	&verb_queue_paused,
	&verb_queue_show,
	&verb_queue_flush,
	&verb_queue_bounce,
	&verb_queue_drop,
	&verb_queue_move,
	&verb_site_list,
	&verb_site_explain,
	&verb_site_show,
	&verb_site_limit,
	&verb_trace,
	&verb_source_list,
	&verb_source_suspend,
	&verb_source_resume,
	&verb_queue_export,
	&verb_queue_import,
	&verb_results_follow,
	&verb_results_unfollow,
	&verb_events_follow,
	&verb_send,
	&verb_campaign_recall,
	&verb_report_parse,
	&verb_bounce_classify,
	&verb_shaping_check,
	&verb_shaping_list,
	&verb_shaping_cancel,
	&verb_suppression_list,
	&verb_suppression_show,
	&verb_suppression_add,
	&verb_suppression_remove,
	&verb_suppression_check,
	&verb_suppression_undo,
	&verb_suppression_import,
	&verb_suppression_export,
	&verb_suppression_held_list,
	&verb_suppression_held_release,
	&verb_suppression_held_drop,
	&verb_bounce_rules,
	&verb_bounce_stats,
	&verb_bounce_unknown,
	&verb_alert_list,
	&verb_alert_clear,
	&verb_alert_test,
	&verb_tls_report,
	&verb_webhook_list,
	&verb_webhook_test,
	&verb_webhook_pause,
	&verb_webhook_resume,
	&verb_webhook_replay,
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void print_overview(FILE *out)
{
	(void)fprintf(out, "Leveret delivers bulk mail; its queue is a message broker.\n\n"
			   "Usage: leveret VERB [OPTIONS] [ARGUMENTS]\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		(void)fprintf(out, "  %-20s %s\n", verbs[i]->name, verbs[i]->summary);
	(void)fprintf(out, "\nleveret VERB --help tells more of one. leveret check FILE "
			   "--dump-config prints every setting.\n"
			   "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 "
			   "cannot reach the server.\n");
}

/* How many words of argv the verb's name takes; 0 when it is another verb. */
static int words_of(const struct verb *verb, int argc, char **argv)
{
	const char *name = verb->name;
	int words = 0;
	while (*name) {
		size_t len = strcspn(name, " ");
		if (words >= argc || strlen(argv[words]) != len ||
		    memcmp(argv[words], name, len) != 0)
			return 0;
		words++;
		name += len + (name[len] == ' ');
	}
	return words;
}

static bool is_first_word_of_a_verb(const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strncmp(verbs[i]->name, word, strlen(word)) == 0 &&
		    verbs[i]->name[strlen(word)] == ' ')
			return true;
	return false;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct options options;
	if (!options_parse(verb, argc, argv, &options))
		return EXIT_USAGE;
	if (options_has(&options, "help")) {
		options_print_help(verb, stdout);
		return EXIT_DONE;
	}
	int code = verb->run(&options);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	(void)fprintf(stderr, "leveret: the output could not be written\n");
	return EXIT_FAILED;
}

/* Started as `sendmail` (a link), the program is its sendmail-like verb. */
static bool is_sendmail(const char *program)
{
	const char *slash = strrchr(program, '/');
	return strcmp(slash ? slash + 1 : program, "sendmail") == 0;
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (is_sendmail(argv[0]))
		return run_verb(&verb_send, argc, argv);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		print_overview(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		(void)printf("leveret %s\n", LEVERET_VERSION);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--dump-config") == 0) /* as people try it */
		return run_verb(&verb_check, argc, argv);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		int words = words_of(verbs[i], argc - 1, argv + 1);
		if (words > 0)
			return run_verb(verbs[i], argc - words, argv + words);
	}
	if (is_first_word_of_a_verb(argv[1]))
		(void)fprintf(stderr, "leveret %s: which verb? See: leveret --help\n", argv[1]);
	else
		(void)fprintf(stderr, "leveret: unknown verb \"%s\". See: leveret --help\n",
			      argv[1]);
	return EXIT_USAGE;
}
