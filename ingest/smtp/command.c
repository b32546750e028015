/* The command parser: a verb, then what that verb's syntax asks for, then nothing. Looks at bytes,
 * decides nothing about mail. */
#include "ingest/smtp/command.h"

#include <string.h>

#include "lib/base/ascii.h"

#define OBJECTION(code, text) ((struct smtpd_reply){(code), (text)})

static const char *const verb_words[] = {
#define SMTPD_VERB_WORD(verb, word) word,
	SMTPD_VERBS(SMTPD_VERB_WORD)
#undef SMTPD_VERB_WORD
};
#define VERB_COUNT (sizeof verb_words / sizeof verb_words[0])

static const char *const not_offered[] = {"EXPN", "SEND", "SOML", "SAML",    "TURN",
					  "ETRN", "ATRN", "BURL", "XFORWARD"};

/* After the words of HTTP come headers and a body: none of it may be read as commands. */
static const char *const foreign[] = {"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"};

static bool is_among(struct bytes word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_is_nocase(word, words[i]))
			return true;
	return false;
}

static enum smtpd_verb find_verb(struct bytes word)
{
	for (size_t i = SMTPD_UNKNOWN + 1; i < VERB_COUNT; i++)
		if (bytes_is_nocase(word, verb_words[i]))
			return (enum smtpd_verb)i;
	if (is_among(word, not_offered, sizeof not_offered / sizeof not_offered[0]))
		return SMTPD_NOT_OFFERED;
	if (is_among(word, foreign, sizeof foreign / sizeof foreign[0]))
		return SMTPD_FOREIGN;
	return SMTPD_UNKNOWN;
}

enum smtpd_verb smtpd_command_guess(struct bytes line)
{
	size_t start = 0;
	while (start < line.len && line.data[start] == ' ')
		start++;
	size_t end = start;
	while (end < line.len && ascii_is_letter(line.data[end]))
		end++;
	return find_verb(bytes_from(line.data + start, end - start));
}

const char *smtpd_verb_name(enum smtpd_verb verb)
{
	return verb > SMTPD_UNKNOWN && verb < VERB_COUNT ? verb_words[verb] : "unknown";
}

/* Take the bytes up to the next space off the front, and the spaces behind them. */
static struct bytes take_word(struct bytes *rest)
{
	ptrdiff_t space = bytes_find(*rest, ' ');
	struct bytes word = space < 0 ? *rest : bytes_first(*rest, (size_t)space);
	*rest = bytes_trim(bytes_skip(*rest, word.len));
	return word;
}

/* ---- MAIL and RCPT ---- */

/* "FROM:" or "TO:", then the path; spaces between them are no syntax of RFC 5321, but old clients
 * write them. */
static struct smtpd_reply take_path(struct bytes *rest, const char *keyword,
				    struct smtpd_command *command)
{
	if (!bytes_starts_with_nocase(*rest, keyword))
		return OBJECTION(501,
				 "5.5.4 the syntax is MAIL FROM:<address> and RCPT TO:<address>");
	struct bytes at = bytes_trim(bytes_skip(*rest, strlen(keyword)));
	size_t used = 0;
	enum err err = address_parse_path(at, true, &command->path, &used);
	bool is_sender = command->verb == SMTPD_MAIL;
	if (err == E_TOO_BIG)
		return is_sender ? OBJECTION(553, "5.1.7 the address is too long")
				 : OBJECTION(553, "5.1.3 the address is too long");
	if (err != OK)
		return is_sender ? OBJECTION(553, "5.1.7 not an address")
				 : OBJECTION(553, "5.1.3 not an address");
	at = bytes_skip(at, used);
	if (at.len > 0 && at.data[0] != ' ')
		return OBJECTION(501, "5.5.4 parameters are set apart by spaces");
	*rest = bytes_trim(at);
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply parse_mail(struct bytes rest, struct smtpd_command *command)
{
	struct smtpd_reply objection = take_path(&rest, "FROM:", command);
	if (!smtpd_objects(objection) && !command->path.is_null && command->path.domain.len == 0)
		objection = OBJECTION(553, "5.1.7 the address has no domain");
	while (!smtpd_objects(objection) && rest.len > 0)
		objection = smtpd_mail_parameter(take_word(&rest), &command->mail);
	if (!smtpd_objects(objection) && command->path.needs_smtputf8 && !command->mail.smtputf8)
		objection = OBJECTION(553, "5.6.7 the address needs SMTPUTF8");
	return objection;
}

static struct smtpd_reply parse_rcpt(struct bytes rest, struct smtpd_command *command)
{
	struct smtpd_reply objection = take_path(&rest, "TO:", command);
	if (smtpd_objects(objection))
		return objection;
	if (command->path.is_null)
		return OBJECTION(553, "5.1.3 <> cannot receive mail");
	while (!smtpd_objects(objection) && rest.len > 0)
		objection = smtpd_rcpt_parameter(take_word(&rest), &command->rcpt);
	return objection;
}

/* ---- the others ---- */

static struct smtpd_reply parse_helo(struct bytes rest, struct smtpd_command *command)
{
	/* Clients give all sorts of names; only what could not be told in a header is refused. */
	if (rest.len == 0)
		return OBJECTION(501, "5.5.4 tell the name of your host");
	if (rest.len > SMTPD_HELO_MAX)
		return OBJECTION(501, "5.5.4 the name is too long");
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] <= ' ' || rest.data[i] == 0x7f)
			return OBJECTION(501, "5.5.4 not the name of a host");
	command->helo = rest;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply parse_auth(struct bytes rest, struct smtpd_command *command)
{
	command->mechanism = take_word(&rest);
	command->initial = take_word(&rest);
	if (command->mechanism.len == 0 || rest.len > 0)
		return OBJECTION(501, "5.5.4 the syntax is AUTH mechanism [response]");
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply parse_bdat(struct bytes rest, struct smtpd_command *command)
{
	struct bytes size = take_word(&rest);
	command->is_last = bytes_is_nocase(rest, "LAST");
	if (size.len > 19 || !bytes_to_u64(size, INT64_MAX, &command->chunk_bytes) ||
	    (rest.len > 0 && !command->is_last))
		return OBJECTION(501, "5.5.4 the syntax is BDAT size [LAST]");
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply parse_arguments(struct bytes rest, struct smtpd_command *command)
{
	switch (command->verb) {
	case SMTPD_HELO:
	case SMTPD_EHLO:
		return parse_helo(rest, command);
	case SMTPD_MAIL:
		return parse_mail(rest, command);
	case SMTPD_RCPT:
		return parse_rcpt(rest, command);
	case SMTPD_XCLIENT:
		command->arguments = rest;
		return SMTPD_NO_OBJECTION;
	case SMTPD_BDAT:
		return parse_bdat(rest, command);
	case SMTPD_AUTH:
		return parse_auth(rest, command);
	case SMTPD_DATA:
	case SMTPD_RSET:
	case SMTPD_QUIT:
	case SMTPD_STARTTLS:
		return rest.len == 0 ? SMTPD_NO_OBJECTION
				     : OBJECTION(501, "5.5.4 the command takes no parameters");
	case SMTPD_NOOP:
	case SMTPD_VRFY:
	case SMTPD_HELP:
		return SMTPD_NO_OBJECTION;
	case SMTPD_NOT_OFFERED:
	case SMTPD_FOREIGN:
		return OBJECTION(502, "5.5.1 command not offered");
	case SMTPD_UNKNOWN:
		break;
	}
	return OBJECTION(500, "5.5.1 command not known");
}

struct smtpd_reply smtpd_command_parse(struct bytes line, struct smtpd_command *ret)
{
	*ret = (struct smtpd_command){.verb = SMTPD_UNKNOWN};
	if (bytes_find(line, '\r') >= 0 || bytes_find(line, '\n') >= 0)
		return OBJECTION(500, "5.5.2 lines end in CR LF, and neither stands alone");
	if (bytes_find(line, '\0') >= 0)
		return OBJECTION(500, "5.5.2 NUL is not allowed");
	if (line.len + 2 > SMTPD_LINE_MAX)
		return OBJECTION(500, "5.5.2 the line is too long");
	struct bytes rest = line;
	ret->verb = find_verb(take_word(&rest));
	return parse_arguments(rest, ret);
}
