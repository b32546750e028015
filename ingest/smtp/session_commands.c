/* The commands of a client, one function each, but for those of a transaction. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ingest/smtp/session_inner.h"
#include "lib/base/clock.h"

struct lines {
	char text[SMTPD_REPLY_MAX];
	size_t len;
};

static void add_line(struct lines *lines, const char *format, ...) PRINTF_LIKE(2, 3);

static void add_line(struct lines *lines, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	size_t room = sizeof lines->text - lines->len;
	int len = vsnprintf(lines->text + lines->len, room, format, args);
	va_end(args);
	assert(len > 0 && (size_t)len < room); /* the longest host name leaves room for all of it */
	lines->len += (size_t)len;
}

static void add_futurerelease(struct smtpd_session *s, struct lines *lines)
{
	int64_t max_s = s->options->hold_max_s;
	char date[CLOCK_RFC3339_SIZE];
	if (max_s == 0)
		return;
	clock_rfc3339(s->io->wall_ms(s->io_owner) / 1000 * 1000 + max_s * 1000, date);
	add_line(lines, "250-FUTURERELEASE %lld %.19sZ\r\n", (long long)max_s, date);
}

static void say_extensions(struct smtpd_session *s)
{
	const struct smtpd_session_options *options = s->options;
	struct lines lines = {.len = 0};
	add_line(&lines,
		 "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
		 "250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n"
		 "250-DELIVERBY\r\n250-MT-PRIORITY\r\n",
		 options->hostname, (unsigned long long)options->message_bytes_max);
	add_futurerelease(s, &lines);
	add_line(&lines, "250-LIMITS MAILMAX=%llu RCPTMAX=%u\r\n",
		 (unsigned long long)options->messages_max, options->recipients_max);
	if (!s->is_secured && options->tls != SMTPD_TLS_NONE)
		add_line(&lines, "250-STARTTLS\r\n");
	if (s->is_secured && options->offers_requiretls)
		add_line(&lines, "250-REQUIRETLS\r\n");
	if (options->auth != SMTPD_AUTH_NONE && !s->is_logged_in &&
	    (s->is_secured || options->auth_without_tls))
		add_line(&lines, "250-AUTH PLAIN LOGIN\r\n");
	if (s->may_xclient)
		add_line(&lines,
			 "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n");
	add_line(&lines, "250 ENHANCEDSTATUSCODES\r\n");
	s->io->write(s->io_owner, bytes_from(lines.text, lines.len));
}

static void on_helo(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	smtpd_forget_transaction(s);
	memcpy(s->helo, command->helo.data, command->helo.len);
	s->helo[command->helo.len] = '\0';
	s->is_extended = command->verb == SMTPD_EHLO;
	if (!s->is_extended) {
		smtpd_say(s, 250, s->options->hostname);
		return;
	}
	say_extensions(s);
}

static void on_starttls(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	bool is_offered =
		s->options->tls == SMTPD_TLS_OPTIONAL || s->options->tls == SMTPD_TLS_REQUIRED;
	if (s->is_secured) {
		smtpd_refuse_error(s, SMTPD_STARTTLS, 503, "5.5.1 TLS is on already");
	} else if (!is_offered) {
		smtpd_refuse_error(s, SMTPD_STARTTLS, 502, "5.5.1 command not offered");
	} else {
		smtpd_say(s, 220, "2.0.0 begin TLS");
		smtpd_secure(s);
	}
}

static struct smtpd_reply xclient_objection(struct smtpd_session *s, struct bytes arguments,
					    struct smtpd_xclient *ret)
{
	if (!s->may_xclient)
		return (struct smtpd_reply){502, "5.5.1 command not offered"};
	if (s->has_sender)
		return (struct smtpd_reply){503, "5.5.1 not in the middle of a message"};
	return smtpd_xclient_parse(arguments, ret);
}

/* The session begins anew, for somebody else. */
static void on_xclient(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	struct smtpd_xclient client;
	struct smtpd_reply objection = xclient_objection(s, command->arguments, &client);
	if (smtpd_objects(objection)) {
		smtpd_refuse_error(s, SMTPD_XCLIENT, objection.code, objection.text);
		return;
	}
	const struct net_address *address = client.has_address ? &client.address : NULL;
	objection = s->handler->xclient(s->owner, address);
	if (!smtpd_objects(objection) && !s->io->recount(s->io_owner, address))
		objection =
			(struct smtpd_reply){421, "4.7.0 too many connections from your address"};
	if (smtpd_objects(objection)) {
		smtpd_refuse(s, SMTPD_XCLIENT, objection);
		smtpd_end(s, SMTPD_OUTCOME_ERRORS);
		return;
	}
	s->helo[0] = '\0';
	s->is_extended = false;
	s->is_logged_in = false;
	smtpd_greet(s);
}

static void on_rset(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	smtpd_forget_transaction(s);
	smtpd_say(s, 250, "2.0.0 ok");
}

static void on_noop(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	smtpd_say(s, 250, "2.0.0 ok");
}

static void on_quit(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	smtpd_say(s, 221, "2.0.0 bye");
	smtpd_end(s, SMTPD_OUTCOME_QUIT);
}

static void on_vrfy(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	smtpd_say(s, 252, "2.5.0 send mail and see");
}

static void on_help(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	smtpd_say(s, 214,
		  "2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP");
}

static void (*const on_command[])(struct smtpd_session *s, const struct smtpd_command *command,
				  bool has_more) = {
	[SMTPD_HELO] = on_helo,	      [SMTPD_EHLO] = on_helo,	      [SMTPD_MAIL] = smtpd_on_mail,
	[SMTPD_RCPT] = smtpd_on_rcpt, [SMTPD_DATA] = smtpd_on_data,   [SMTPD_RSET] = on_rset,
	[SMTPD_NOOP] = on_noop,	      [SMTPD_QUIT] = on_quit,	      [SMTPD_VRFY] = on_vrfy,
	[SMTPD_HELP] = on_help,	      [SMTPD_STARTTLS] = on_starttls, [SMTPD_AUTH] = smtpd_on_auth,
	[SMTPD_BDAT] = smtpd_on_bdat, [SMTPD_XCLIENT] = on_xclient,
};

/* has_more: bytes of the client stand behind the line already. */
void smtpd_take_command(struct smtpd_session *s, struct bytes line, bool has_more)
{
	struct smtpd_command command;
	struct smtpd_reply objection = smtpd_command_parse(line, &command);
	if (!smtpd_objects(objection))
		on_command[command.verb](s, &command, has_more);
	else
		smtpd_refuse_line(s, smtpd_command_guess(line), objection, has_more);
}

void smtpd_refuse_line(struct smtpd_session *s, enum smtpd_verb verb, struct smtpd_reply objection,
		       bool has_more)
{
	smtpd_refuse_error(s, verb, objection.code, objection.text);
	bool is_foreign = verb == SMTPD_FOREIGN || verb == SMTPD_BDAT;
	if (s->state == STATE_ENDED || !(is_foreign || (verb == SMTPD_DATA && has_more)))
		return;
	smtpd_say(s, 421, "4.5.0 this cannot go on");
	smtpd_end(s, SMTPD_OUTCOME_ERRORS);
}
