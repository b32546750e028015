/* Any line of an AUTH exchange: what is taken has a name and a password within their limits, and base 64 has one spelling. */
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/login.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[SMTPD_LOGIN_TEXT_MAX];
	struct bytes decoded;
	struct smtpd_login login;
	if (smtpd_objects(smtpd_login_decode(bytes_from(data, size), out, &decoded)))
		decoded = bytes_from(data, size); /* the splitter takes any bytes */
	else
		check(decoded.len <= sizeof out && decoded.len <= size);
	if (smtpd_objects(smtpd_login_split(decoded, &login)))
		return 0;
	check(login.name.len > 0 && login.name.len <= SMTPD_LOGIN_NAME_MAX);
	check(login.password.len > 0 && login.password.len <= SMTPD_LOGIN_PASSWORD_MAX);
	check(!memchr(login.name.data, 0, login.name.len));
	check(!memchr(login.password.data, 0, login.password.len));
	return 0;
}
