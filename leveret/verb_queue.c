/* leveret queue list | export | import: their command lines and files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leveret/moving.h"
#include "leveret/queue_export.h"
#include "leveret/queue_import.h"
#include "leveret/queue_table.h"
#include "leveret/verbs.h"

/* ---- list ---- */

static int run_list(const struct options *options)
{
	return queue_table_print(options, true);
}

const struct verb verb_queue_list = {
	.name = "queue list",
	.synopsis = "",
	.summary = "queues as broker status tells them, and which are paused",
	.text = QUEUE_TABLE_TEXT,
	.rows = queue_table_rows,
	.row_count = 1,
	.run = run_list,
};

/* ---- export ---- */

static bool read_queues(const struct options *options, struct queue_export_options *ret)
{
	ret->queue_count = options_values(options, "queue", ret->queues);
	if ((ret->queue_count > 0) == options_has(options, "all")) {
		(void)fprintf(stderr, "leveret: give --all, or --queue NAME for each queue\n");
		return false;
	}
	for (size_t i = 0; i < ret->queue_count; i++) {
		if (moving_takes(ret->queues[i]))
			continue;
		(void)fprintf(stderr,
			      "leveret: \"%s\" is no queue of mail: see leveret queue list\n",
			      ret->queues[i]);
		return false;
	}
	return true;
}

/* A new file that only its owner reads, since it holds mail; its name is on disk before anything is taken. */
static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		(void)fprintf(stderr, "leveret: %s: %s\n", path, strerror(errno));
		return -1;
	}
	char *slash = strrchr(path, '/');
	char directory[4096] = ".";
	if (slash && (size_t)(slash - path) < sizeof directory - 1)
		(void)snprintf(directory, sizeof directory, "%.*s", (int)(slash - path) + 1, path);
	int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || fsync(folder) != 0)
		(void)fprintf(stderr, "leveret: %s: %s\n", directory, strerror(errno));
	if (folder >= 0)
		(void)close(folder);
	return fd;
}

static int run_export(const struct options *options)
{
	struct queue_export_options export = {.is_copy = options_has(options, "copy"),
					      .as_json = options_has(options, "json")};
	const char *path = options->argument_count > 0 ? options->arguments[0] : NULL;
	uint64_t count = 0;
	if (!path) {
		(void)fprintf(stderr, "leveret: give a file, or - for standard output\n");
		return EXIT_USAGE;
	}
	if (!read_queues(options, &export))
		return EXIT_USAGE;
	bool is_file = strcmp(path, "-") != 0;
	export.fd = is_file ? create(path) : STDOUT_FILENO;
	if (export.fd < 0)
		return EXIT_FAILED;
	int code = queue_export(options, &export, &count);
	if (is_file && count == 0 && code != EXIT_DONE)
		(void)unlink(path);
	if (is_file && close(export.fd) != 0)
		code = EXIT_FAILED;
	return code;
}

static const struct option_row export_rows[] = {
	{"queue", 'q', "NAME", "of this queue only, or \"waiting\"; may be given several times"},
	{"all", 'a', NULL, "of every queue that holds mail"},
	{"copy", 0, NULL, "leave the messages where they are"},
};

const struct verb verb_queue_export = {
	.name = "queue export",
	.synopsis = "--all|--queue NAME... FILE|-",
	.argument_max = 1,
	.summary = "take all mail from the broker into a file",
	.text = "Takes every message of the queues (for delivery, submissions, the bouncer's, "
		"lost, buried, "
		"and what waits for its time) into a new file,\n"
		"to be imported at another broker. Stop ingest, workers and bouncer first, and let "
		"followers read "
		"their results. A message leaves the broker\n"
		"only when it is safe in the file: a kill loses nothing, the file of a killed "
		"export is good up to "
		"where it ends, and what was in hand\n"
		"then is in the next export too (the import passes over what is the same).\n\n"
		"  leveret queue export --all backlog.1",
	.rows = export_rows,
	.row_count = sizeof export_rows / sizeof export_rows[0],
	.run = run_export,
};

/* ---- import ---- */

static int open_files(const struct options *options, struct queue_import_options *import)
{
	for (size_t i = 0; i < options->argument_count; i++) {
		const char *path = options->arguments[i];
		bool is_input = strcmp(path, "-") == 0;
		int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			int code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
			(void)fprintf(stderr, "leveret: %s: %s\n", path, strerror(errno));
			return code;
		}
		import->fds[import->fd_count++] = fd;
	}
	return EXIT_DONE;
}

static int run_import(const struct options *options)
{
	struct queue_import_options import = {.takes_cut = options_has(options, "cut"),
					      .as_json = options_has(options, "json")};
	const char *skip = options_value(options, "skip", "0");
	if (options->argument_count == 0) {
		(void)fprintf(stderr, "leveret: give a file, or - for standard input\n");
		return EXIT_USAGE;
	}
	if (!bytes_to_u64(bytes_of(skip), UINT64_MAX, &import.skip)) {
		(void)fprintf(stderr, "leveret: --skip takes a number, not \"%s\"\n", skip);
		return EXIT_USAGE;
	}
	int code = open_files(options, &import);
	if (code == EXIT_DONE)
		code = queue_import(options, &import);
	for (size_t i = 0; i < import.fd_count; i++)
		if (import.fds[i] != STDIN_FILENO)
			(void)close(import.fds[i]);
	return code;
}

static const struct option_row import_rows[] = {
	{"skip", 0, "N", "the first N messages are imported already"},
	{"cut", 0, NULL, "take a file without its end, of an export that was killed"},
};

const struct verb verb_queue_import = {
	.name = "queue import",
	.synopsis = "FILE...|-",
	.argument_max = OPTIONS_MAX,
	.summary = "put exported mail into the broker",
	.text = "Publishes what leveret queue export wrote, each message confirmed by the broker, "
		"to the exchange and "
		"key it had: this broker's queues\n"
		"may be others. What waits goes on waiting for its time. When it ends before the "
		"file does, it tells "
		"the number for --skip to go on with. Give the files of an export that "
		"was killed and of the one after it together: what is in both is taken once.\n\n"
		"  leveret queue import backlog.1\n"
		"  leveret queue import --cut backlog.killed backlog.2",
	.rows = import_rows,
	.row_count = sizeof import_rows / sizeof import_rows[0],
	.run = run_import,
};
