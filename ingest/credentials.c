/* The file is read whole, cut in lines and fields, and kept in one arena with a hash table over the names. */
#include "ingest/credentials.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "ingest/from_domains.h"
#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/crypto/password.h"
#include "lib/mail/address.h"
#include "schemas/schemas.h"

struct entry {
	struct credential credential; /* its name is the key */
	UT_hash_handle hh;
};

struct credentials {
	unsigned reference_count;
	struct arena *arena;
	struct entry *table;
	const struct credential **items;
	size_t count, capacity;
};

/* ---- one line ---- */

static struct bytes take_field(struct bytes *rest, uint8_t separator)
{
	ptrdiff_t at = bytes_find(*rest, separator);
	struct bytes field = at < 0 ? *rest : bytes_first(*rest, (size_t)at);
	*rest = bytes_skip(*rest, at < 0 ? rest->len : (size_t)at + 1);
	return field;
}

static bool is_name(struct bytes text, size_t max)
{
	if (text.len > max || !bytes_is_utf8(text))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			return false;
	return true;
}

/* "example.com" or "*.example.com", in the spelling that senders are compared in. */
static const char *canonical_pattern(struct arena *arena, struct bytes text)
{
	bool is_wild = text.len > 2 && text.data[0] == '*' && text.data[1] == '.';
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (domain_canonical(bytes_skip(text, is_wild ? 2 : 0), domain) != OK)
		return NULL;
	return arena_printf(arena, "%s%s", is_wild ? "*." : "", domain);
}

static enum err take_domains(struct arena *arena, struct bytes text, struct credential *credential,
			     struct why *why)
{
	size_t most = 1;
	for (size_t i = 0; i < text.len; i++)
		most += text.data[i] == ',';
	if (most > CREDENTIAL_DOMAINS_MAX)
		return fail(why, E_MALFORMED, "more than %d domains", CREDENTIAL_DOMAINS_MAX);
	credential->domains.items = arena_zalloc(arena, most, sizeof(const char *));
	while (text.len > 0) {
		const char *pattern = canonical_pattern(arena, bytes_trim(take_field(&text, ',')));
		if (!pattern)
			return fail(why, E_MALFORMED, "a domain that is none");
		credential->domains.items[credential->domains.count++] = pattern;
	}
	return OK;
}

static enum err parse_line(struct arena *arena, struct bytes line, struct credential *ret,
			   struct why *why)
{
	struct bytes name = take_field(&line, ':'), hash = take_field(&line, ':');
	struct bytes tenant = take_field(&line, ':'), pool = take_field(&line, ':');
	struct bytes domains = bytes_trim(take_field(&line, ':'));
	if (name.len == 0 || !is_name(name, CREDENTIAL_NAME_MAX))
		return fail(why, E_MALFORMED, "not a name");
	if (!is_name(tenant, SCHEMA_NAME_MAX) || !is_name(pool, SCHEMA_NAME_MAX))
		return fail(why, E_MALFORMED, "not a tenant or pool");
	if (line.len > 0)
		return fail(why, E_MALFORMED, "more than five fields");
	*ret = (struct credential){
		.name = arena_cstr(arena, name),
		.hash = arena_cstr(arena, hash),
		.tenant = arena_cstr(arena, tenant),
		.pool = arena_cstr(arena, pool),
	};
	if (strlen(ret->hash) != hash.len || !password_hash_is_usable(ret->hash))
		return fail(
			why, E_MALFORMED,
			"not a hash that is known and safe (yescrypt, bcrypt, SHA-512, Argon2)");
	return take_domains(arena, domains, ret, why);
}

/* ---- the table ---- */

static enum err add(struct credentials *credentials, const struct credential *credential,
		    struct why *why)
{
	struct entry *entry = arena_zalloc(credentials->arena, 1, sizeof *entry), *same = NULL;
	entry->credential = *credential;
	entry->credential.table = credentials;
	HASH_FIND(hh, credentials->table, credential->name, strlen(credential->name), same);
	if (same)
		return fail(why, E_MALFORMED, "a name that is there already");
	HASH_ADD_KEYPTR(hh, credentials->table, entry->credential.name,
			strlen(entry->credential.name), entry);
	if (credentials->count == credentials->capacity) { /* bounded by the file's maximum */
		credentials->capacity = credentials->capacity * 2 + 16;
		credentials->items = memory_grow(credentials->items, credentials->capacity,
						 sizeof(const struct credential *));
	}
	credentials->items[credentials->count++] = &entry->credential;
	return OK;
}

/* ---- one user ---- */

static enum err take_facts(struct credentials *credentials, const struct credential_facts *facts,
			   struct why *why)
{
	struct arena *arena = credentials->arena;
	if (facts->name.len == 0 || !is_name(facts->name, CREDENTIAL_NAME_MAX))
		return fail(why, E_MALFORMED, "not a name");
	if (!is_name(facts->tenant, SCHEMA_NAME_MAX) || !is_name(facts->pool, SCHEMA_NAME_MAX))
		return fail(why, E_MALFORMED, "not a tenant or pool");
	if (facts->domain_count > CREDENTIAL_DOMAINS_MAX)
		return fail(why, E_MALFORMED, "more than %d domains", CREDENTIAL_DOMAINS_MAX);
	struct credential credential = {
		.name = arena_cstr(arena, facts->name),
		.hash = "",
		.tenant = arena_cstr(arena, facts->tenant),
		.pool = arena_cstr(arena, facts->pool),
		.domains = {arena_zalloc(arena, facts->domain_count, sizeof(const char *)),
			    facts->domain_count},
	};
	for (size_t i = 0; i < facts->domain_count; i++) {
		credential.domains.items[i] = canonical_pattern(arena, facts->domains[i]);
		if (!credential.domains.items[i])
			return fail(why, E_MALFORMED, "a domain that is none");
	}
	return add(credentials, &credential, why);
}

enum err credentials_of_one(const struct credential_facts *facts, struct credentials **ret,
			    struct why *why)
{
	struct credentials *credentials = memory_new(sizeof *credentials);
	credentials->reference_count = 1;
	credentials->arena = arena_new();
	enum err err = take_facts(credentials, facts, why);
	if (err == OK)
		*ret = credentials;
	else
		credentials_unref(&credentials);
	return err;
}

/* ---- the file ---- */

static enum err take_line(struct credentials *credentials, struct bytes line, struct why *why)
{
	struct credential credential;
	if (line.len > CREDENTIALS_LINE_MAX)
		return fail(why, E_MALFORMED, "too long");
	if (bytes_trim(line).len == 0 || line.data[0] == '#')
		return OK;
	enum err err = parse_line(credentials->arena, line, &credential, why);
	return err == OK ? add(credentials, &credential, why) : err;
}

enum err credentials_parse(struct bytes text, struct credentials **ret, struct why *why)
{
	struct credentials *credentials = memory_new(sizeof *credentials);
	credentials->reference_count = 1;
	credentials->arena = arena_new();
	for (size_t number = 1; text.len > 0; number++) {
		struct bytes line = take_field(&text, '\n');
		struct why detail = {""};
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		enum err err = take_line(credentials, line, &detail);
		if (err != OK) {
			credentials_unref(&credentials);
			return fail(why, err, "line %zu: %s", number, detail.text);
		}
	}
	*ret = credentials;
	return OK;
}

static enum err read_whole(int fd, size_t size, uint8_t *out, size_t *ret_len)
{
	size_t len = 0;
	while (len < size) {
		ssize_t got = read(fd, out + len, size - len);
		if (got < 0)
			return E_IO;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return OK;
}

enum err credentials_read(const char *path, struct credentials **ret, struct why *why)
{
	struct stat status;
	struct why detail = {""};
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		enum err err =
			fail(why, E_IO, "%s: %s", path, fd < 0 ? strerror(errno) : "not a file");
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	bool is_small = (uint64_t)status.st_size <= CREDENTIALS_FILE_MAX;
	size_t size = is_small ? (size_t)status.st_size : 0;
	uint8_t *text = memory_new(size);
	enum err err = is_small ? read_whole(fd, size, text, &len) : E_TOO_BIG;
	(void)close(fd);
	if (err == OK)
		err = credentials_parse(bytes_from(text, len), ret, &detail);
	free(text);
	if (err == OK)
		return OK;
	return fail(why, err, "%s: %s", path, detail.text[0] ? detail.text : err_text(err));
}

struct credentials *credentials_ref(struct credentials *credentials)
{
	credentials->reference_count++;
	return credentials;
}

void credentials_unref(struct credentials **credentials)
{
	struct credentials *c = *credentials;
	*credentials = NULL;
	if (!c || --c->reference_count > 0)
		return;
	HASH_CLEAR(hh, c->table);
	arena_free(&c->arena);
	free(c->items);
	free(c);
}

/* ---- questions ---- */

size_t credentials_count(const struct credentials *credentials)
{
	return credentials->count;
}

const struct credential *credentials_only(const struct credentials *credentials)
{
	assert(credentials->count == 1);
	return credentials->items[0];
}

const struct credential *credentials_find(const struct credentials *credentials, struct bytes name)
{
	struct entry *entry = NULL;
	if (name.len == 0)
		return NULL;
	HASH_FIND(hh, credentials->table, name.data, name.len, entry);
	return entry ? &entry->credential : NULL;
}

const struct credential *credentials_decoy(const struct credentials *credentials, struct bytes name)
{
	if (credentials->count == 0)
		return NULL;
	return credentials->items[hash_bytes(HASH_START, name) % credentials->count];
}

bool credential_may_send_as(const struct credential *credential, const char *domain)
{
	return !*domain || domain_is_allowed(&credential->domains, bytes_of(domain));
}
