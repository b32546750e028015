/* What a watched session says and hears, line by line. Passwords are not among it: not in our commands, and not in a reply that repeats
 * what we sent. Bodies are their sizes. */
#include <stdio.h>
#include <string.h>

#include "workers/smtp/steps.h"

#define HIDDEN	       "***"
#define LINES_TOLD_MAX 300 /* of what came at once: a reply has no more, and garbage may have */

static void tell(struct smtp_session *s, enum smtp_said kind, struct bytes text)
{
	if (s->handler->said)
		s->handler->said(s->owner, kind, text);
}

/* ---- commands ---- */

/* All of a login but its name. */
static struct bytes without_credentials(struct bytes command, char out[COMMAND_MAX])
{
	if (bytes_is(command, "AUTH LOGIN"))
		return command;
	bool has_name = bytes_starts_with_nocase(command, "AUTH PLAIN ");
	(void)snprintf(out, COMMAND_MAX, "%s" HIDDEN, has_name ? "AUTH PLAIN " : "");
	return bytes_of(out);
}

void said_command(struct smtp_session *s, struct bytes command)
{
	char hidden[COMMAND_MAX];
	command = bytes_strip(command);
	if (s->next == SMTP_STEP_AUTH)
		command = without_credentials(command, hidden);
	tell(s, SMTP_SAID_COMMAND, command);
}

void said_body(struct smtp_session *s)
{
	char text[80];
	bool is_sent = s->mailing.accepted_count > 0;
	(void)snprintf(text, sizeof text, "%zu bytes of the message, and the final dot",
		       is_sent ? mailing_size(s->mailing.transaction) : 0);
	tell(s, SMTP_SAID_BODY, bytes_of(text));
}

/* ---- replies ---- */

static void tell_reply(struct smtp_session *s, struct bytes line)
{
	char hidden[8 + sizeof HIDDEN];
	line = bytes_strip(line);
	if (login_is_repeated(s, line)) {
		(void)snprintf(hidden, sizeof hidden, "%.*s" HIDDEN,
			       BYTES_ARGS(bytes_first(line, 4)));
		line = bytes_of(hidden);
	}
	tell(s, SMTP_SAID_REPLY, line);
}

void said_replies(struct smtp_session *s, struct bytes lines)
{
	for (size_t i = 0; i < LINES_TOLD_MAX && lines.len > 0; i++) {
		ptrdiff_t end = bytes_find(lines, '\n');
		size_t len = end < 0 ? lines.len : (size_t)end + 1;
		tell_reply(s, bytes_first(lines, len));
		lines = bytes_skip(lines, len);
	}
}
