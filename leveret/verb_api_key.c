/* leveret api-key new: a key for the HTTP API, and the setting that lets it in. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "leveret/verbs.h"
#include "lib/base/random.h"
#include "lib/crypto/digest.h"

#define KEY_BYTES    32 /* of randomness: nobody guesses it, so its hash may be a quick one */
#define PREFIX	     "lvk_"
#define KEY_SIZE     (sizeof PREFIX + (size_t)2 * KEY_BYTES)
#define NAME_MAX_LEN 64

static bool is_name(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return len > 0 && len <= NAME_MAX_LEN;
}

static void new_key(char out[KEY_SIZE])
{
	struct digest random; /* as many bytes, written in the same digits */
	char hex[DIGEST_HEX_SIZE];
	random_bytes(random.bytes, sizeof random.bytes);
	digest_hex(&random, hex);
	(void)snprintf(out, KEY_SIZE, "%s%s", PREFIX, hex);
}

static int run_new(const struct options *options)
{
	const char *name = options->argument_count > 0 ? options->arguments[0] : "app";
	char key[KEY_SIZE], hex[DIGEST_HEX_SIZE];
	if (!is_name(name)) {
		(void)fprintf(stderr, "a name is made of letters, digits, '-' and '_'\n");
		return EXIT_USAGE;
	}
	new_key(key);
	struct digest digest = digest_of(bytes_of(key));
	digest_hex(&digest, hex);
	if (options_has(options, "json"))
		(void)printf("{\"name\":\"%s\",\"key\":\"%s\",\"sha256\":\"%s\"}\n", name, key,
			     hex);
	else
		(void)printf("# for the client; it is shown this once, and kept nowhere\n%s\n\n"
			     "# for the settings\napi_keys:\n  %s: {sha256: %s, scopes: [send]}\n",
			     key, name, hex);
	return EXIT_DONE;
}

const struct verb verb_api_key_new = {
	.name = "api-key new",
	.synopsis = "[NAME]",
	.argument_max = 1,
	.summary = "make a key for the HTTP API",
	.text = "Prints a new random key, and the lines of the settings that let it in: they hold "
		"its SHA-256 only, so who reads the\nsettings cannot use it.\n\n"
		"  leveret api-key new shop",
	.run = run_new,
};
