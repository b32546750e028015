/* leveret dkim generate | dns: making keys, and the records that publish them. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leveret/dkim_keys.h"
#include "leveret/verbs.h"
#include "lib/dkim/record.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"

/* ---- records ---- */

static void print_record(const char *name, const struct signing_key *key, bool as_json)
{
	struct buf out;
	char text[2 * DKIM_RECORD_MAX];
	buf_init(&out, sizeof text - 1);
	enum err err = as_json ? dkim_record_write(key, &out) : dkim_zone_record_write(key, &out);
	if (err == OK && bytes_to_cstr(buf_bytes(&out), text, sizeof text))
		(void)printf(as_json ? "{\"name\":\"%s\",\"record\":\"%s\"}" : "%s. IN TXT %s\n",
			     name, text);
	buf_done(&out);
}

static int tell(const char *why, int code)
{
	(void)fprintf(stderr, "leveret dkim: %s\n", why);
	return code;
}

/* ---- generate ---- */

struct making {
	char domain[ADDRESS_DOMAIN_MAX + 1];
	const char *selector, *file;
	char default_file[PATH_MAX];
	enum signing_kind kind;
	unsigned bits;
};

static bool read_type(const struct options *options, struct making *making)
{
	const char *type = options_value(options, "type", "rsa");
	uint64_t bits = SIGNING_RSA_BITS_DEFAULT;
	const char *wanted = options_value(options, "bits", NULL);
	if (wanted && !bytes_to_u64(bytes_of(wanted), SIGNING_RSA_BITS_MAX, &bits))
		return false;
	making->kind = strcmp(type, "ed25519") == 0 ? SIGNING_ED25519 : SIGNING_RSA;
	making->bits = (unsigned)bits;
	return bits >= SIGNING_RSA_BITS_MIN &&
	       (strcmp(type, "rsa") == 0 || strcmp(type, "ed25519") == 0);
}

/* Beside the settings file: dkim/SELECTOR.DOMAIN.pem. */
static bool choose_file(const struct options *options, struct making *making)
{
	char config[PATH_MAX];
	making->file = options_value(options, "file", NULL);
	if (making->file)
		return true;
	if (!bytes_to_cstr(bytes_of(program_config_path(options)), config, sizeof config))
		return false;
	const char *folder = dirname(config);
	int len = snprintf(making->default_file, sizeof making->default_file, "%s/dkim/%s.%s.pem",
			   folder, making->selector, making->domain);
	making->file = making->default_file;
	return len > 0 && (size_t)len < sizeof making->default_file;
}

static const char *read_making(const struct options *options, struct making *making)
{
	making->selector = options_value(options, "selector", "");
	if (options->argument_count == 0)
		return "for which domain?";
	if (domain_canonical(bytes_of(options->arguments[0]), making->domain) != OK ||
	    making->domain[0] == '[')
		return "that is no domain";
	if (!dkim_is_selector(making->selector))
		return "--selector is to be given: letters, digits, '-', '_' and dots, at most 63";
	if (!read_type(options, making))
		return "--type is rsa or ed25519, and --bits 1024 to 4096";
	return choose_file(options, making) ? NULL : "the path is too long";
}

/* The worker runs as node.user; a settings file that is not there yet gives none. */
static void give_to_user(const struct options *options, int fd)
{
	struct conf *conf = NULL;
	const struct settings *settings = NULL;
	if (geteuid() == 0 && settings_load(program_config_path(options), &conf, &settings) == OK) {
		const struct passwd *entry =
			settings->node.user[0] ? getpwnam(settings->node.user) : NULL;
		if (entry && fchown(fd, entry->pw_uid, entry->pw_gid) != 0)
			(void)fprintf(stderr, "leveret dkim: the key could not be given to %s\n",
				      settings->node.user);
	}
	conf_free(&conf);
}

static enum err write_file(const struct options *options, const char *path,
			   const struct signing_key *key, struct why *why)
{
	struct buf pem;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(why, errno == EEXIST ? E_REFUSED : E_IO, "%s: %s", path,
			    strerror(errno));
	buf_init(&pem, SIGNING_PEM_MAX);
	enum err err = signing_key_write(key, &pem);
	struct bytes text = buf_bytes(&pem);
	if (err == OK && (write(fd, text.data, text.len) != (ssize_t)text.len || fsync(fd) != 0))
		err = fail(why, E_IO, "%s: %s", path, strerror(errno));
	explicit_bzero(pem.data, pem.capacity);
	buf_done(&pem);
	give_to_user(options, fd);
	if (close(fd) != 0 && err == OK)
		err = fail(why, E_IO, "%s: %s", path, strerror(errno));
	if (err != OK)
		(void)unlink(path);
	return err;
}

static void tell_made(const struct making *making, const struct signing_key *key, bool as_json)
{
	char name[DKIM_NAME_MAX];
	(void)snprintf(name, sizeof name, "%s._domainkey.%s", making->selector, making->domain);
	if (!as_json)
		(void)printf("# The private key is in %s. Publish this record:\n", making->file);
	print_record(name, key, as_json);
	if (as_json)
		(void)printf("\n");
	else
		(void)printf(
			"# Then add the key to the settings:\n"
			"# dkim: {domains: [{domain: %s, keys: [{selector: %s, file: %s}]}]}\n",
			making->domain, making->selector, making->file);
}

static int run_generate(const struct options *options)
{
	static struct making making;
	struct why why = {""};
	const char *mistake = read_making(options, &making);
	if (mistake)
		return tell(mistake, EXIT_USAGE);
	if (making.file == making.default_file) {
		char folder[PATH_MAX];
		(void)bytes_to_cstr(bytes_of(making.file), folder, sizeof folder);
		(void)mkdir(dirname(folder), 0755); /* a failure shows at the file */
	}
	struct signing_key *key = signing_key_generate(making.kind, making.bits);
	enum err err = write_file(options, making.file, key, &why);
	if (err == OK)
		tell_made(&making, key, options_has(options, "json"));
	signing_key_free(&key);
	return err == OK ? EXIT_DONE
			 : tell(why.text, err == E_REFUSED ? EXIT_REFUSED : EXIT_FAILED);
}

static const struct option_row generate_rows[] = {
	{"selector", 's', "NAME", "where the record is: NAME._domainkey.DOMAIN"},
	{"type", 't', "TYPE", "rsa (when absent) or ed25519"},
	{"bits", 0, "N", "length of an RSA key, 1024 to 4096; 2048 when absent"},
	{"file", 'f', "PATH", "where the key goes; dkim/NAME.DOMAIN.pem beside the settings file"},
};
const struct verb verb_dkim_generate = {
	.name = "dkim generate",
	.synopsis = "DOMAIN --selector NAME",
	.argument_max = 1,
	.summary = "make a DKIM key, and print its DNS record",
	.text = "Writes a new private key into a file that only its owner can read (as root: of "
		"node.user), and never over an old one.\n"
		"Prints the record to publish and the settings to add; workers read these at their "
		"next start.\n\n"
		"  leveret dkim generate example.com --selector r2026\n"
		"  leveret dkim generate example.com --selector e2026 --type ed25519",
	.rows = generate_rows,
	.row_count = sizeof generate_rows / sizeof generate_rows[0],
	.run = run_generate,
};

/* ---- dns ---- */

static int print_records(const struct dkim_published *keys, size_t count, bool as_json)
{
	int code = EXIT_DONE;
	size_t printed = 0;
	if (as_json)
		(void)printf("[");
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].key) {
			code = tell(keys[i].why.text, EXIT_FAILED);
			continue;
		}
		if (as_json && printed > 0)
			(void)printf(",\n ");
		print_record(keys[i].name, keys[i].key, as_json);
		printed++;
	}
	if (as_json)
		(void)printf("]\n");
	return code;
}

static int run_dns(const struct options *options)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	struct dkim_published *keys = NULL;
	if (!settings)
		return EXIT_FAILED;
	size_t count = dkim_published_read(&settings->dkim, options->arguments[0], &keys);
	int code = count > 0 ? print_records(keys, count, options_has(options, "json"))
			     : tell("the settings have no such keys", EXIT_NOT_FOUND);
	dkim_published_free(&keys, count);
	conf_free(&conf);
	return code;
}

const struct verb verb_dkim_dns = {
	.name = "dkim dns",
	.synopsis = "[DOMAIN]",
	.argument_max = 1,
	.summary = "print the DNS records of the DKIM keys",
	.text = "Prints the TXT records of all keys of the settings, or of those of DOMAIN, as "
		"lines of a zone file.",
	.run = run_dns,
};
