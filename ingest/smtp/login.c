/* Decoding what AUTH carries. */
#include "ingest/smtp/login.h"

#include "lib/base/base64.h"

static const struct smtpd_reply not_base64 = {501, "5.5.2 not base 64"};
static const struct smtpd_reply not_a_login = {501, "5.5.2 not a name and a password"};

struct smtpd_reply smtpd_login_decode(struct bytes text, uint8_t out[SMTPD_LOGIN_TEXT_MAX],
				      struct bytes *ret)
{
	size_t len = 0;
	*ret = BYTES_NONE;
	if (bytes_is(text, "="))
		return SMTPD_NO_OBJECTION;
	if (text.len / 4 * 3 > SMTPD_LOGIN_TEXT_MAX)
		return (struct smtpd_reply){500, "5.5.6 the line is too long"};
	if (!base64_read(text, out, &len))
		return not_base64;
	*ret = bytes_from(out, len);
	return SMTPD_NO_OBJECTION;
}

static bool is_name(struct bytes name)
{
	if (name.len == 0 || name.len > SMTPD_LOGIN_NAME_MAX || !bytes_is_utf8(name))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] < ' ' || name.data[i] == 0x7f)
			return false;
	return true;
}

struct smtpd_reply smtpd_login_check(const struct smtpd_login *login)
{
	bool has_password = login->password.len > 0 &&
			    login->password.len <= SMTPD_LOGIN_PASSWORD_MAX &&
			    bytes_find(login->password, '\0') < 0;
	return has_password && is_name(login->name) ? SMTPD_NO_OBJECTION : not_a_login;
}

struct smtpd_reply smtpd_login_split(struct bytes plain, struct smtpd_login *ret)
{
	ptrdiff_t first = bytes_find(plain, '\0');
	if (first < 0)
		return not_a_login;
	struct bytes authorised = bytes_first(plain, (size_t)first);
	struct bytes rest = bytes_skip(plain, (size_t)first + 1);
	ptrdiff_t second = bytes_find(rest, '\0');
	if (second < 0)
		return not_a_login;
	ret->name = bytes_first(rest, (size_t)second);
	ret->password = bytes_skip(rest, (size_t)second + 1);
	if (authorised.len > 0 && !bytes_equal(authorised, ret->name))
		return (struct smtpd_reply){535, "5.7.8 nobody may log in for another one"};
	return smtpd_login_check(ret);
}
