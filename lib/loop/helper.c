/* One socket pair for both directions, and a descriptor of the process, which tells its end. Questions wait in a line; the first
 * answer is for the first of them. */
#include "lib/loop/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/memory.h"

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 60000

struct helper_question {
	helper_answered done; /* NULL: nobody waits */
	void *owner;
	int64_t until_ms;
	struct helper_question *next;
};

struct helper {
	struct helper_options options;
	char **words;
	pid_t pid; /* 0: does not run */
	int process_fd, fd;
	struct watch *process_watch, *watch;
	struct buf out, in;
	struct helper_question *first, **end;
	unsigned question_count;
	struct timer *limit, *restart;
	int64_t wait_ms;
};

/* ---- questions ---- */

static void answer_first(struct helper *helper, enum err err, struct bytes line)
{
	struct helper_question *question = helper->first;
	assert(question);
	helper->first = question->next;
	if (!helper->first)
		helper->end = &helper->first;
	helper->question_count--;
	if (question->done)
		question->done(question->owner, err, line);
	free(question);
}

static void answer_all(struct helper *helper, enum err err)
{
	unsigned count =
		helper->question_count; /* those asked meanwhile are for the next program */
	while (count-- > 0)
		answer_first(helper, err, BYTES_NONE);
}

static void set_limit(struct helper *helper)
{
	if (!helper->first) {
		timer_stop(helper->limit);
		return;
	}
	int64_t left_ms = helper->first->until_ms - loop_now_ms(helper->options.loop);
	timer_start(helper->limit, left_ms > 0 ? left_ms : 0);
}

/* ---- its end ---- */

static void close_socket(struct helper *helper)
{
	watch_free(&helper->watch);
	if (helper->fd >= 0)
		(void)close(helper->fd);
	helper->fd = -1;
	buf_clear(&helper->in);
	buf_clear(&helper->out);
}

/* Its process is reaped when it has ended: on_process_ended(). */
static void give_up(struct helper *helper, enum err err, const char *why)
{
	if (helper->fd < 0)
		return;
	close_socket(helper);
	(void)kill(-helper->pid, SIGKILL);
	timer_stop(helper->limit);
	helper->options.failed(helper->options.owner, why);
	answer_all(helper, err);
}

static void wait_for_restart(struct helper *helper)
{
	timer_start(helper->restart, helper->wait_ms);
	helper->wait_ms = helper->wait_ms * 2 < WAIT_MAX_MS ? helper->wait_ms * 2 : WAIT_MAX_MS;
}

static void forget_process(struct helper *helper)
{
	watch_free(&helper->process_watch);
	(void)close(helper->process_fd);
	helper->process_fd = -1;
	helper->pid = 0;
}

static void on_process_ended(void *owner, bool can_read, bool can_write)
{
	struct helper *helper = owner;
	char why[64];
	int status = 0;
	(void)can_read, (void)can_write;
	(void)kill(-helper->pid, SIGKILL); /* what it may have started */
	if (waitpid(helper->pid, &status, WNOHANG) == 0)
		return;
	if (WIFEXITED(status))
		(void)snprintf(why, sizeof why, "it ended with code %d", WEXITSTATUS(status));
	else
		(void)snprintf(why, sizeof why, "signal %d ended it", WTERMSIG(status));
	give_up(helper, E_CLOSED, why);
	forget_process(helper);
	wait_for_restart(helper);
}

static void on_late(void *owner)
{
	give_up(owner, E_TIMEOUT, "it gave no answer in time");
}

/* ---- lines ---- */

static void send_some(struct helper *helper)
{
	struct bytes waiting = buf_bytes(&helper->out);
	ssize_t sent =
		waiting.len > 0 ? send(helper->fd, waiting.data, waiting.len, MSG_NOSIGNAL) : 0;
	if (sent > 0)
		buf_consume(&helper->out, (size_t)sent);
	watch_want(helper->watch, true, helper->out.len > 0); /* its end is seen by reading */
}

static void take_lines(struct helper *helper)
{
	ptrdiff_t end;
	while (helper->fd >= 0 && (end = bytes_find(buf_bytes(&helper->in), '\n')) >= 0) {
		if (!helper->first) {
			give_up(helper, E_CLOSED, "it answered without being asked");
			return;
		}
		struct bytes line = bytes_first(buf_bytes(&helper->in), (size_t)end);
		helper->wait_ms = WAIT_MIN_MS;
		answer_first(helper, OK, line);
		if (helper->fd >= 0)
			buf_consume(&helper->in, (size_t)end + 1);
	}
	if (helper->fd >= 0 && buf_room(&helper->in) == 0)
		give_up(helper, E_CLOSED, "its answer is too long");
}

static void on_ready(void *owner, bool can_read, bool can_write)
{
	struct helper *helper = owner;
	if (can_write)
		send_some(helper);
	if (!can_read)
		return;
	size_t room = buf_room(&helper->in);
	ssize_t got = recv(helper->fd, buf_reserve(&helper->in, room), room, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		give_up(helper, E_CLOSED, "it closed its output");
		return;
	}
	buf_commit(&helper->in, (size_t)got);
	take_lines(helper);
	if (helper->fd >= 0)
		set_limit(helper);
}

/* ---- its start ---- */

static int spawn(struct helper *helper, int its_fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, its_fd, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int code = posix_spawnp(&helper->pid, helper->words[0], &actions, &attributes,
				helper->words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

static int open_process(struct helper *helper)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	int code = spawn(helper, pair[1]);
	(void)close(pair[1]);
	if (code != 0) {
		helper->pid = 0;
		(void)close(pair[0]);
		return code;
	}
	helper->process_fd = pidfd_open(helper->pid, 0);
	if (helper->process_fd < 0) { /* no descriptor is left */
		code = errno;
		(void)kill(-helper->pid, SIGKILL);
		(void)waitpid(helper->pid, NULL, 0);
		helper->pid = 0;
		(void)close(pair[0]);
		return code;
	}
	helper->fd = pair[0];
	return 0;
}

static void start(void *owner)
{
	struct helper *helper = owner;
	int code = open_process(helper);
	if (code != 0) {
		helper->options.failed(helper->options.owner, strerror(code));
		wait_for_restart(helper);
		return;
	}
	helper->watch = watch_new(helper->options.loop, helper->fd, on_ready, helper);
	helper->process_watch =
		watch_new(helper->options.loop, helper->process_fd, on_process_ended, helper);
	watch_want(helper->watch, true, false);
	watch_want(helper->process_watch, true, false);
}

/* ---- from above ---- */

enum err helper_ask(struct helper *helper, struct bytes line, helper_answered done, void *owner,
		    struct helper_question **ret)
{
	assert(bytes_find(line, '\n') < 0);
	if (helper->fd < 0)
		return E_AWAY;
	if (helper->question_count >= helper->options.questions_max ||
	    buf_room(&helper->out) < line.len + 1)
		return E_FULL;
	struct helper_question *question = memory_new(sizeof *question);
	*question = (struct helper_question){
		.done = done,
		.owner = owner,
		.until_ms = loop_now_ms(helper->options.loop) + helper->options.timeout_ms,
	};
	*helper->end = question;
	helper->end = &question->next;
	helper->question_count++;
	enum err err = buf_append(&helper->out, line);
	if (err == OK)
		err = buf_append(&helper->out, BYTES("\n"));
	assert(err == OK);
	watch_want(helper->watch, true, true);
	set_limit(helper);
	*ret = question;
	return OK;
}

void helper_forget(struct helper_question **question)
{
	if (*question)
		(*question)->done = NULL;
	*question = NULL;
}

struct helper *helper_new(const struct helper_options *options)
{
	struct helper *helper = memory_new(sizeof *helper);
	assert(options->word_count > 0);
	helper->options = *options;
	helper->words = memory_array(options->word_count + 1, sizeof(char *));
	for (size_t i = 0; i < options->word_count; i++)
		helper->words[i] = memory_text(options->command[i]);
	helper->fd = helper->process_fd = -1;
	helper->end = &helper->first;
	helper->wait_ms = WAIT_MIN_MS;
	buf_init(&helper->out, HELPER_BACKLOG_MAX);
	buf_init(&helper->in, options->answer_max + 1);
	helper->limit = timer_new(options->loop, on_late, helper);
	helper->restart = timer_new(options->loop, start, helper);
	start(helper);
	return helper;
}

void helper_free(struct helper **helper)
{
	struct helper *h = *helper;
	if (!h)
		return;
	*helper = NULL;
	for (struct helper_question *q = h->first; q; q = q->next)
		q->done = NULL;
	answer_all(h, E_CANCELLED);
	close_socket(h);
	if (h->pid > 0) {
		(void)kill(-h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0); /* it is dying */
		forget_process(h);
	}
	timer_free(&h->limit);
	timer_free(&h->restart);
	buf_done(&h->out);
	buf_done(&h->in);
	for (size_t i = 0; i < h->options.word_count; i++)
		free(h->words[i]);
	free(h->words);
	free(h);
}
