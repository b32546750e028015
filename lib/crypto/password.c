/* Which library knows a hash is told by its first characters. */
#include "lib/crypto/password.h"

#include <argon2.h>
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/crypto/keyed_digest.h"

_Static_assert(PASSWORD_MAX <= CRYPT_MAX_PASSPHRASE_SIZE, "libcrypt takes shorter ones only");

static const struct argon2_form {
	const char *prefix;
	argon2_type type;
} argon2_forms[] = {{"$argon2id$v=", Argon2_id}, {"$argon2i$v=", Argon2_i}};

static const struct argon2_form *argon2_form_of(const char *hash)
{
	for (size_t i = 0; i < sizeof argon2_forms / sizeof argon2_forms[0]; i++)
		if (strncmp(hash, argon2_forms[i].prefix, strlen(argon2_forms[i].prefix)) == 0)
			return &argon2_forms[i];
	return NULL;
}

/* One mistyped hash must not take all memory, or a thread for an hour, whenever somebody tries its name. */
#define ARGON2_KIB_MAX	  (1024UL * 1024)
#define ARGON2_PASSES_MAX 100UL
#define SHA_ROUNDS_MAX	  10000000UL
#define BCRYPT_COST_MAX	  "16"

/* "m=65536": takes it off the front when it is there and not above the maximum. */
static bool take_parameter(const char **at, const char *name, unsigned long max)
{
	size_t len = strlen(name);
	char *end = NULL;
	if (strncmp(*at, name, len) != 0)
		return false;
	unsigned long value = strtoul(*at + len, &end, 10);
	bool is_good = end != *at + len && value <= max;
	*at = end;
	return is_good;
}

static bool is_bearable_argon2(const char *hash)
{
	const char *at = strstr(hash, "$m=");
	unsigned dollars = 0;
	for (const char *c = hash; *c; c++)
		dollars += *c == '$';
	return dollars == 5 && hash[strlen(hash) - 1] != '$' && at &&
	       take_parameter(&at, "$m=", ARGON2_KIB_MAX) &&
	       take_parameter(&at, ",t=", ARGON2_PASSES_MAX);
}

static bool is_bearable_crypt(const char *hash)
{
	if (hash[1] == '2')
		return strncmp(hash + strlen("$2b$"), BCRYPT_COST_MAX, 2) <= 0;
	return strncmp(hash + strlen("$6$"), "rounds=", 7) != 0 ||
	       strtoul(hash + strlen("$6$rounds="), NULL, 10) <= SHA_ROUNDS_MAX;
}

/* libcrypt calls some a legacy that we still take (SHA-256). */
static bool has_known_parameters(const char *hash)
{
	int verdict = crypt_checksalt(hash);
	return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY;
}

bool password_hash_is_usable(const char *hash)
{
	static const char *const safe[] = {"$y$",  "$gy$", "$2a$", "$2b$",
					   "$2y$", "$7$",  "$6$",  "$5$"};
	if (argon2_form_of(hash))
		return is_bearable_argon2(hash);
	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
		if (strncmp(hash, safe[i], strlen(safe[i])) == 0)
			return has_known_parameters(hash) && is_bearable_crypt(hash);
	return false;
}

static bool crypt_matches(const char *hash, const char *password)
{
	struct crypt_data *data = memory_new(sizeof *data); /* 32 KiB: too much for the stack */
	const char *own = crypt_r(password, hash, data);
	bool is_same = own && own[0] != '*' && secret_is_equal(bytes_of(own), bytes_of(hash));
	explicit_bzero(data, sizeof *data);
	free(data);
	return is_same;
}

bool password_matches(const char *hash, struct bytes password)
{
	char text[PASSWORD_MAX];
	if (!bytes_to_cstr(password, text, sizeof text))
		return false;
	const struct argon2_form *form = argon2_form_of(hash);
	bool is_match = form ? argon2_verify(hash, text, password.len, form->type) == ARGON2_OK
			     : crypt_matches(hash, text);
	explicit_bzero(text, sizeof text);
	return is_match;
}
