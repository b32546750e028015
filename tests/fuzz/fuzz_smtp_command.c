/* Any command line of a client: an objection or a command that holds what its header promises. */
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/command.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static bool is_inside(struct bytes part, struct bytes whole)
{
	return part.len == 0 ||
	       (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_command(const struct smtpd_command *command, struct bytes line)
{
	check(is_inside(command->helo, line) && is_inside(command->path.text, line));
	check(command->helo.len <= SMTPD_HELO_MAX);
	check(command->path.text.len <= ADDRESS_MAX);
	if (command->verb == SMTPD_HELO || command->verb == SMTPD_EHLO)
		check(command->helo.len > 0);
	if (command->verb == SMTPD_RCPT)
		check(!command->path.is_null && command->path.text.len > 0);
	if (command->verb == SMTPD_MAIL && !command->path.is_null)
		check(command->path.domain.len > 0 &&
		      (command->mail.smtputf8 || bytes_is_ascii(command->path.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes line = bytes_from(data, size);
	struct smtpd_command command;
	struct smtpd_reply objection = smtpd_command_parse(line, &command);
	check(strlen(smtpd_verb_name(command.verb)) > 0);
	if (smtpd_objects(objection)) {
		check(objection.code >= 500 && objection.code < 600);
		check(strncmp(objection.text, "5.", 2) == 0);
		return 0;
	}
	check(command.verb > SMTPD_UNKNOWN && command.verb < SMTPD_NOT_OFFERED);
	check(size + 2 <= SMTPD_LINE_MAX && !memchr(data, 0, size));
	check(!memchr(data, '\r', size) && !memchr(data, '\n', size));
	check_command(&command, line);
	return 0;
}
