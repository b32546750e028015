/* AUTH: what is asked for line by line goes to `login`, and its answer comes by smtpd_session_logged_in(). */
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/session_inner.h"
#include "lib/base/memory.h"

static void forget_name(struct smtpd_session *s)
{
	free(s->login_name);
	s->login_name = NULL;
}

void smtpd_end_login(struct smtpd_session *s)
{
	forget_name(s);
	if (s->state == STATE_LOGIN)
		smtpd_go_on(s);
}

/* An exchange that went wrong before there was anything to check. */
static void refuse_login(struct smtpd_session *s, struct smtpd_reply objection)
{
	smtpd_end_login(s);
	if (s->state != STATE_ENDED)
		smtpd_refuse_error(s, SMTPD_AUTH, objection.code, objection.text);
}

/* The login is borrowed during the upcall: the handler copies what it needs. */
static void check_login(struct smtpd_session *s, const struct smtpd_login *login)
{
	s->state = STATE_CHECKING;
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, 0);
	s->handler->login(s->owner, login);
	forget_name(s);
}

static void take_plain(struct smtpd_session *s, struct bytes text)
{
	struct smtpd_login login;
	struct smtpd_reply objection = smtpd_login_split(text, &login);
	if (smtpd_objects(objection))
		refuse_login(s, objection);
	else
		check_login(s, &login);
}

static void take_name(struct smtpd_session *s, struct bytes text)
{
	char name[SMTPD_LOGIN_NAME_MAX + 1];
	if (!bytes_to_cstr(text, name, sizeof name)) {
		refuse_login(s, (struct smtpd_reply){501, "5.5.2 not a name"});
		return;
	}
	s->login_name = memory_text(name);
	s->login_step = LOGIN_PASSWORD;
	smtpd_say(s, 334, "UGFzc3dvcmQ6"); /* Password: */
}

static void take_password(struct smtpd_session *s, struct bytes text)
{
	const struct smtpd_login login = {bytes_of(s->login_name), text};
	struct smtpd_reply objection = smtpd_login_check(&login);
	if (smtpd_objects(objection))
		refuse_login(s, objection);
	else
		check_login(s, &login);
}

void smtpd_take_login_line(struct smtpd_session *s, struct bytes line)
{
	uint8_t decoded[SMTPD_LOGIN_TEXT_MAX];
	struct bytes text = BYTES_NONE;
	if (bytes_is(line, "*")) {
		refuse_login(s, (struct smtpd_reply){501, "5.0.0 cancelled"});
		return;
	}
	struct smtpd_reply objection = smtpd_login_decode(line, decoded, &text);
	if (smtpd_objects(objection))
		refuse_login(s, objection);
	else if (s->login_step == LOGIN_PLAIN)
		take_plain(s, text);
	else if (s->login_step == LOGIN_NAME)
		take_name(s, text);
	else
		take_password(s, text);
	explicit_bzero(decoded, sizeof decoded);
}

static struct smtpd_reply auth_objection(const struct smtpd_session *s)
{
	if (s->options->auth == SMTPD_AUTH_NONE)
		return (struct smtpd_reply){502, "5.5.1 command not offered"};
	if (!s->is_secured && !s->options->auth_without_tls)
		return (struct smtpd_reply){538, "5.7.11 not without TLS"};
	if (!s->is_extended)
		return (struct smtpd_reply){503, "5.5.1 EHLO comes first"};
	if (s->is_logged_in)
		return (struct smtpd_reply){503, "5.5.1 you are logged in already"};
	if (s->has_sender)
		return (struct smtpd_reply){503, "5.5.1 not in the middle of a message"};
	return SMTPD_NO_OBJECTION;
}

void smtpd_on_auth(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	struct smtpd_reply objection = auth_objection(s);
	bool is_plain = bytes_is_nocase(command->mechanism, "PLAIN");
	if (!smtpd_objects(objection) && !is_plain && !bytes_is_nocase(command->mechanism, "LOGIN"))
		objection = (struct smtpd_reply){504, "5.5.4 the mechanisms are PLAIN and LOGIN"};
	if (smtpd_objects(objection)) {
		smtpd_refuse_error(s, SMTPD_AUTH, objection.code, objection.text);
		return;
	}
	s->state = STATE_LOGIN;
	s->login_step = is_plain ? LOGIN_PLAIN : LOGIN_NAME;
	if (command->initial.len > 0)
		smtpd_take_login_line(s, command->initial);
	else
		smtpd_say(s, 334, is_plain ? "" : "VXNlcm5hbWU6"); /* Username: */
}

void smtpd_session_logged_in(struct smtpd_session *s, struct smtpd_reply answer)
{
	if (s->state != STATE_CHECKING)
		return;
	s->is_logged_in = answer.code == 235;
	if (s->is_logged_in) {
		smtpd_say(s, answer.code, answer.text);
	} else if (answer.code == 421) {
		smtpd_refuse(s, SMTPD_AUTH, answer);
		smtpd_end(s, SMTPD_OUTCOME_LOGINS);
		return;
	} else {
		smtpd_refuse(s, SMTPD_AUTH, answer);
	}
	if (answer.code == 535 && ++s->failed_login_count >= s->options->failed_logins_max) {
		smtpd_say(s, 421, "4.7.0 too many failed logins");
		smtpd_end(s, SMTPD_OUTCOME_LOGINS);
		return;
	}
	smtpd_go_on(s);
	if (s->state == STATE_COMMAND)
		s->io->resume(s->io_owner);
}
