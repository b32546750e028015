/* AUTH (RFC 4954) on smart hosts: PLAIN (RFC 4616), or LOGIN for hosts that offer nothing else.
 *
 *   AUTH PLAIN <all> --> 235                                   334 asks for it once more by itself
 *   AUTH LOGIN --> 334 --> <user> --> 334 --> <password> --> 235 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/crypto/base64.h"
#include "workers/smtp/steps.h"

#define CREDENTIAL_MAX 255
#define SECRET_MIN     4
#define PLAIN_MAX      (2 * CREDENTIAL_MAX + 2)

void login_begin(struct smtp_session *s)
{
	const struct ehlo_capabilities *offers = &s->capabilities;
	if (!s->is_secured && !s->may_auth_in_clear)
		handshake_end_without(s, SMTP_STEP_AUTH,
				      "no TLS, and the password is not to be sent in the clear");
	else if (!offers->auth_plain && !offers->auth_login)
		handshake_end_without(s, SMTP_STEP_AUTH,
				      "the remote host offers neither AUTH PLAIN nor AUTH LOGIN");
	else
		s->next = SMTP_STEP_AUTH;
}

static enum err send_base64(struct smtp_session *s, const char *before, struct bytes b)
{
	char text[BASE64_SIZE(PLAIN_MAX)];
	(void)base64_text(b, text);
	enum err err = step_write(s, "%s%s\r\n", before, text);
	explicit_bzero(text, sizeof text);
	return err;
}

static enum err send_plain(struct smtp_session *s)
{
	uint8_t all[PLAIN_MAX];
	size_t user_len = strlen(s->user), password_len = strlen(s->password);
	if (user_len > CREDENTIAL_MAX || password_len > CREDENTIAL_MAX)
		return step_write(s, "*\r\n"); /* the settings allow no more */
	all[0] = all[user_len + 1] = 0;
	memcpy(all + 1, s->user, user_len);
	memcpy(all + 2 + user_len, s->password, password_len);
	enum err err = send_base64(s, s->auth_round == 0 ? "AUTH PLAIN " : "",
				   bytes_from(all, user_len + password_len + 2));
	explicit_bzero(all, sizeof all);
	return err;
}

static enum err send_login(struct smtp_session *s)
{
	if (s->auth_round == 0)
		return step_write(s, "AUTH LOGIN\r\n");
	const char *credential = s->auth_round == 1 ? s->user : s->password;
	return send_base64(s, "", bytes_first(bytes_of(credential), CREDENTIAL_MAX));
}

enum err step_send_auth(struct smtp_session *s)
{
	enum err err = s->capabilities.auth_plain ? send_plain(s) : send_login(s);
	if (err != OK)
		return err;
	s->auth_round++;
	s->next = STEP_NONE;
	return OK;
}

void step_on_auth(struct smtp_session *s, const struct reply *reply)
{
	unsigned rounds_max = s->capabilities.auth_plain ? 2 : 3;
	if (reply_is_positive(reply))
		handshake_done(s);
	else if (reply->code >= 400)
		handshake_refused(s, reply);
	else if (s->auth_round < rounds_max)
		s->next = SMTP_STEP_AUTH;
	else
		step_fail(s, E_MALFORMED, "AUTH asks for more than there is: %s", reply->text);
}

/* ---- replies that repeat it ---- */

static bool has(struct bytes line, struct bytes secret)
{
	return secret.len > 0 && line.len >= secret.len &&
	       memmem(line.data, line.len, secret.data, secret.len);
}

static bool has_base64(struct bytes line, struct bytes secret)
{
	char text[BASE64_SIZE(PLAIN_MAX)];
	bool is_found = false;
	if (secret.len > 0 && secret.len <= PLAIN_MAX) {
		(void)base64_text(secret, text);
		is_found = has(line, bytes_of(text));
		explicit_bzero(text, sizeof text);
	}
	return is_found;
}

/* As we sent them: clear, each by itself, and both in one. A password that could be any word is no secret. */
bool login_is_repeated(const struct smtp_session *s, struct bytes text)
{
	uint8_t both[PLAIN_MAX];
	if (s->auth_round == 0)
		return false;
	struct bytes user = bytes_of(s->user), password = bytes_of(s->password);
	size_t len = user.len + password.len + 2;
	if (password.len < SECRET_MIN || len > sizeof both)
		return false;
	both[0] = both[1 + user.len] = 0;
	memcpy(both + 1, user.data, user.len);
	memcpy(both + 2 + user.len, password.data, password.len);
	bool is_found = has(text, password) || has_base64(text, password) ||
			has_base64(text, bytes_from(both, len));
	explicit_bzero(both, sizeof both);
	return is_found;
}

void login_hide(const struct smtp_session *s, struct reply *reply)
{
	if (!login_is_repeated(s, bytes_from(reply->text, reply->text_len)))
		return;
	(void)snprintf(reply->text, sizeof reply->text, "***");
	reply->text_len = strlen(reply->text);
}
