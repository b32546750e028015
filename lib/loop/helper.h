/* A program of the operator's that answers questions: one line in, one line out, in the order of the questions. It is started by us,
 * reads from its standard input, writes to its standard output (its standard error is ours), and should end when its input ends.
 *
 *   running -- ends, is too late, says what is no answer --> killed --> waits (1 s, 2 s, ... 1 min) --> running
 *
 * An answer sets the wait back to 1 s. Nothing here blocks. Lives on one loop. */
#ifndef LEVERET_LIB_LOOP_HELPER_H
#define LEVERET_LIB_LOOP_HELPER_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

#define HELPER_BACKLOG_MAX ((size_t)1 << 20) /* bytes of questions that it has not read */

struct helper_options {
	struct loop *loop; /* borrowed */
	const char *const
		*command; /* the program, looked for in PATH, and its arguments; borrowed */
	size_t word_count;
	size_t answer_max;	/* bytes of a line */
	unsigned questions_max; /* without an answer */
	int64_t timeout_ms;	/* for each answer, from its question */
	/* It will be started again; for logs. Not NULL. */
	void (*failed)(void *owner, const char *why);
	void *owner;
};

struct helper;
struct helper *helper_new(const struct helper_options *options);
/* Ends the program. Questions end without `done`. NULL is accepted. Not from a `done`. */
void helper_free(struct helper **helper);

struct helper_question;
/* OK with the answer, without its line end; E_TIMEOUT, E_CLOSED: it was too late, it ended. */
typedef void (*helper_answered)(void *owner, enum err err, struct bytes line);
/* The line is without its end, and has none inside (asserted). `done` comes once, from the loop, later. E_AWAY: the program does not
 * run; E_FULL: too much waits; then nothing was asked. */
enum err helper_ask(struct helper *helper, struct bytes line, helper_answered done, void *owner,
		    struct helper_question **ret) MUST_USE;
void helper_forget(
	struct helper_question **question); /* its answer is passed over; NULL is accepted */

#endif
