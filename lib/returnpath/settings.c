/* The table of `returns:`, and what its rows cannot check. */
#include "lib/returnpath/settings.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/returnpath/token.h"

#define LOCAL_PART_MAX 64 /* RFC 5321 4.5.3.1.1 */

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct returns_settings, __VA_ARGS__)
#include "lib/returnpath/returns.def"
#undef X
};

static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("<>,\"\\", *c))
			return false;
	return true;
}

static bool is_address(const char *text)
{
	const char *at = strrchr(text, '@');
	return at && at > text && at[1] && is_plain(text);
}

static void check_path(struct conf *conf, const char *path)
{
	const char *mark = strstr(path, RETURNS_TOKEN_MARK), *at = strrchr(path, '@');
	if (!is_address(path) || !mark || mark > at)
		conf_fault(conf, "returns.path", "expected an address with %s before its @",
			   RETURNS_TOKEN_MARK);
	else if ((size_t)(at - path) - strlen(RETURNS_TOKEN_MARK) + RETURN_TOKEN_LEN >
		 LOCAL_PART_MAX)
		conf_fault(conf, "returns.path",
			   "at most %d characters may stand beside the token before the @",
			   LOCAL_PART_MAX - RETURN_TOKEN_LEN);
}

static void check_unsubscribe(struct conf *conf, const struct returns_settings *settings)
{
	const char *url = settings->unsubscribe_url, *mail = settings->unsubscribe_mail;
	const char *mark = strstr(url, "/" RETURNS_TOKEN_MARK);
	if (url[0] && (strncmp(url, "https://", 8) != 0 || !mark ||
		       mark[strlen("/" RETURNS_TOKEN_MARK)] || !is_plain(url)))
		conf_fault(conf, "returns.unsubscribe_url",
			   "expected an https:// URL that ends in /%s", RETURNS_TOKEN_MARK);
	if (mail[0] && (!is_address(mail) || !bytes_starts_with_nocase(bytes_of(mail), "unsub")))
		conf_fault(conf, "returns.unsubscribe_mail",
			   "expected an address that starts with \"unsub\"");
}

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct returns_settings *settings = section;
	(void)path;
	if (settings->path[0])
		check_path(conf, settings->path);
	if (settings->feedback_loop[0] && !is_address(settings->feedback_loop))
		conf_fault(conf, "returns.feedback_loop", "expected an address");
	check_unsubscribe(conf, settings);
	bool needs_keys = settings->path[0] || settings->feedback_loop[0] ||
			  settings->unsubscribe_url[0] || settings->unsubscribe_mail[0];
	if (needs_keys && !settings->keys[0])
		conf_fault(conf, "returns.keys", "is needed for what else `returns` gives");
}

const struct conf_section returns_section = {
	.name = "returns",
	.help = "What mail carries so that bounces, complaints and wishes to unsubscribe are known "
		"for its own.",
	.shape = CONF_ONE,
	.size = sizeof(struct returns_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
