/* The tables of `dkim:`, and what their rows cannot check. */
#include "workers/signing/settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/mail/address.h"

static const struct conf_field key_fields[] = {
#define X(...) CONF_ROW(struct dkim_key_settings, __VA_ARGS__)
#include "workers/signing/dkim_key.def"
#undef X
};
static const struct conf_field domain_fields[] = {
#define X(...) CONF_ROW(struct dkim_domain_settings, __VA_ARGS__)
#include "workers/signing/dkim_domain.def"
#undef X
};
static const struct conf_field dkim_fields[] = {
#define X(...) CONF_ROW(struct dkim_settings, __VA_ARGS__)
#include "workers/signing/dkim.def"
#undef X
};

/* ---- what values mean ---- */

enum canon dkim_header_canon(const struct dkim_domain_settings *domain)
{
	return domain->canonicalization < 2 ? CANON_RELAXED : CANON_SIMPLE;
}

enum canon dkim_body_canon(const struct dkim_domain_settings *domain)
{
	return domain->canonicalization % 2 == 0 ? CANON_RELAXED : CANON_SIMPLE;
}

bool dkim_moment(const char *text, int64_t otherwise, int64_t *ret_wall_ms)
{
	struct tm tm;
	memset(&tm, 0, sizeof tm);
	if (text[0] == '\0') {
		*ret_wall_ms = otherwise;
		return true;
	}
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	if (end && *end == 'T')
		end = strptime(end, "T%H:%M:%SZ", &tm);
	if (!end || *end != '\0')
		return false;
	int day = tm.tm_mday;
	time_t seconds = timegm(&tm);
	*ret_wall_ms = (int64_t)seconds * 1000;
	return tm.tm_mday == day; /* there is no 31 April */
}

/* ---- checks ---- */

struct place {
	char path[512];
};

static struct place place_of(const char *path, const char *field)
{
	struct place place;
	(void)snprintf(place.path, sizeof place.path, "%s.%s", path, field);
	return place;
}

bool dkim_is_selector(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= 63 && text[0] != '-' && text[0] != '.' && text[len - 1] != '-' &&
	       text[len - 1] != '.' && !strstr(text, "..") &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
				 ".")] == '\0';
}

static void check_key(struct conf *conf, const void *section, const char *path)
{
	const struct dkim_key_settings *key = section;
	int64_t from, until;
	bool has_from = dkim_moment(key->from, INT64_MIN, &from);
	bool has_until = dkim_moment(key->until, INT64_MAX, &until);
	if (key->selector[0] && !dkim_is_selector(key->selector))
		conf_fault(conf, place_of(path, "selector").path,
			   "expected letters, digits, '-', '_' and dots between them, not "
			   "\"%.60s\"",
			   key->selector);
	if (!has_from)
		conf_fault(conf, place_of(path, "from").path,
			   "expected 2026-01-31 or 2026-01-31T12:00:00Z, not \"%s\"", key->from);
	if (!has_until)
		conf_fault(conf, place_of(path, "until").path,
			   "expected 2026-01-31 or 2026-01-31T12:00:00Z, not \"%s\"", key->until);
	if (has_from && has_until && from >= until)
		conf_fault(conf, place_of(path, "until").path, "must be later than from");
}

static bool is_field_name(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == ':' || *c == ';')
			return false;
	return text[0] != '\0' && strlen(text) <= 76;
}

/* These change on the way, or are what signatures are made of. */
static bool is_never_signed(const char *name)
{
	static const char *const names[] = {
		"return-path", "received", "dkim-signature", "authentication-results",
		"bcc",	       "comments", "keywords"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (bytes_is_nocase(bytes_of(name), names[i]))
			return true;
	return false;
}

/* RFC 8617 4.1.2: seals come later, and each host has results of its own. DKIM signatures are sealed. */
static bool is_never_sealed(const char *name)
{
	return strncasecmp(name, "arc-", 4) == 0 ||
	       (strcasecmp(name, "dkim-signature") != 0 && is_never_signed(name));
}

static void check_names(struct conf *conf, const struct conf_text_list *names, const char *path,
			bool (*is_wrong)(const char *name))
{
	for (size_t i = 0; i < names->count; i++)
		if (!is_field_name(names->items[i]) || is_wrong(names->items[i]))
			conf_fault(conf, path, "\"%.60s\" is not a header field to be signed",
				   names->items[i]);
}

static void check_sealing(struct conf *conf, const struct dkim_domain_settings *domain,
			  const char *path)
{
	for (const char *c = domain->authserv_id; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\";()<>@,\\", *c)) {
			conf_fault(conf, place_of(path, "authserv_id").path,
				   "expected a name such as mx.example.com, not \"%.60s\"",
				   domain->authserv_id);
			break;
		}
	if (domain->signs == DKIM_SIGNS_NONE && domain->seals.count == 0)
		conf_fault(conf, path, "neither signs nor seals");
}

static void check_domain(struct conf *conf, const void *section, const char *path)
{
	const struct dkim_domain_settings *domain = section;
	char canonical[ADDRESS_DOMAIN_MAX + 1];
	if (domain->domain[0] && (domain_canonical(bytes_of(domain->domain), canonical) != OK ||
				  strcmp(canonical, domain->domain) != 0))
		conf_fault(conf, place_of(path, "domain").path,
			   "expected a domain such as example.com in lower case (other scripts "
			   "as xn--...), not \"%.60s\"",
			   domain->domain);
	check_names(conf, &domain->oversign, place_of(path, "oversign").path, is_never_signed);
	check_names(conf, &domain->headers, place_of(path, "headers").path, is_never_signed);
	check_names(conf, &domain->seal_headers, place_of(path, "seal_headers").path,
		    is_never_sealed);
	check_sealing(conf, domain, path);
	if (domain->keys.count == 0)
		conf_fault(conf, path, "has no keys");
}

static void check_dkim(struct conf *conf, const void *section, const char *path)
{
	const struct dkim_settings *dkim = section;
	if (dkim->required && dkim->domains.count == 0)
		conf_fault(conf, place_of(path, "required").path,
			   "no mail could leave: there are no domains with keys");
}

static const struct conf_section key_section = {
	.name = "keys",
	.help = "Each signs by itself. For a rotation give the new one and the old one times that "
		"overlap.",
	.shape = CONF_LIST,
	.size = sizeof(struct dkim_key_settings),
	.fields = key_fields,
	.field_count = CONF_COUNT(key_fields),
	.check = check_key,
};
static const struct conf_child domain_children[] = {
	{&key_section, offsetof(struct dkim_domain_settings, keys)}};
static const struct conf_section domain_section = {
	.name = "domains",
	.help = "Domains whose mail is signed, and their keys.",
	.shape = CONF_LIST,
	.size = sizeof(struct dkim_domain_settings),
	.fields = domain_fields,
	.field_count = CONF_COUNT(domain_fields),
	.children = domain_children,
	.child_count = CONF_COUNT(domain_children),
	.check = check_domain,
};
static const struct conf_child dkim_children[] = {
	{&domain_section, offsetof(struct dkim_settings, domains)}};
const struct conf_section dkim_section = {
	.name = "dkim",
	.help = "DKIM signatures, made by the worker as it sends (docs/dkim.md).",
	.shape = CONF_ONE,
	.size = sizeof(struct dkim_settings),
	.fields = dkim_fields,
	.field_count = CONF_COUNT(dkim_fields),
	.children = dkim_children,
	.child_count = CONF_COUNT(dkim_children),
	.check = check_dkim,
};
