/* A file that lines are appended to, whole or not at all; renamed with the time when it is large or its time is over. All calls wait for the
 * disk: for one thread beside the loop. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_FILE_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_FILE_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct accounting_file_options {
	const char *path;    /* borrowed, as is the header */
	struct bytes header; /* first line of every file, with its end; none: no header */
	int64_t size_max, every_ms, keep_ms; /* every, keep: 0: no */
	bool must_sync;
};

struct accounting_file;
struct accounting_file *accounting_file_new(const struct accounting_file_options *options);
void accounting_file_free(struct accounting_file **file);
/* The file is opened anew by the next append: somebody may have moved it, or its directory, away. */
void accounting_file_close(struct accounting_file *file);
/* `lines` are whole lines, or none: then the file is begun if it is not there, and renamed if its time is over. OK: they are in the file (must_sync: and on the disk). E_IO, E_FULL (the disk): nothing of them is, but for a
 * file that is cut back when it is opened next. */
enum err accounting_file_append(struct accounting_file *file, struct bytes lines,
				int64_t now_wall_ms, struct why *why) MUST_USE;

#endif
