/* What can be said of this host before anything starts: do the files, directories and addresses of the settings exist, and may
 * they be used? Whatever a running Leveret itself would have taken (its ports) is not held against it. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/credentials.h"
#include "leveret/settings.h"
#include "lib/net/address.h"
#include "workers/signing/keyring.h"

static void check_hostname(struct conf *conf, const struct node_settings *node)
{
	char system_name[256] = "";
	const char *name = node->hostname;
	if (name[0] == '\0' && gethostname(system_name, sizeof(system_name) - 1) == 0)
		name = system_name;
	if (!strchr(name, '.'))
		conf_warn(conf, "node.hostname",
			  "\"%s\" is not a full name: many hosts refuse mail from a client that "
			  "says EHLO so",
			  name);
}

static void check_user(struct conf *conf, const struct node_settings *node)
{
	if (node->user[0] && !getpwnam(node->user))
		conf_fault(conf, "node.user", "there is no user \"%s\"", node->user);
}

/* A directory that is not there yet is made at start: then the first one above it that exists must let us. */
static void check_directory(struct conf *conf, const char *setting, const char *data_dir)
{
	char path[PATH_MAX];
	struct stat status;
	if (!bytes_to_cstr(bytes_of(data_dir), path, sizeof(path)))
		return;
	char *existing = path;
	while (stat(existing, &status) != 0 && errno == ENOENT && strcmp(existing, "/") != 0)
		existing = dirname(existing);
	if (stat(existing, &status) != 0)
		conf_fault(conf, setting, "%s: %s", existing, strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		conf_fault(conf, setting, "%s is not a directory", existing);
	else if (access(existing, W_OK | X_OK) != 0)
		conf_fault(conf, setting, "%s: %s", existing, strerror(errno));
}

static void check_file(struct conf *conf, const char *setting, const char *path)
{
	struct stat status;
	if (path[0] == '\0')
		return;
	if (stat(path, &status) != 0 || access(path, R_OK) != 0)
		conf_fault(conf, setting, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		conf_fault(conf, setting, "%s is not a file", path);
}

/* 0, or the errno of a socket bound there. */
static int try_bind(const struct net_address *address)
{
	int yes = 1, error = 0;
	int fd = socket(address->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, &address->sa.any, address->len) != 0)
		error = errno;
	close(fd);
	return error;
}

static void check_listening(struct conf *conf, const char *setting, const char *endpoint)
{
	struct net_address address;
	if (endpoint[0] == '\0' || !net_address_parse(endpoint, 0, &address))
		return;
	int error = try_bind(&address);
	if (error == EACCES)
		conf_warn(conf, setting,
			  "this user may not listen on port %u: start as root or give "
			  "CAP_NET_BIND_SERVICE",
			  net_address_port(&address));
	else if (error == EADDRNOTAVAIL)
		conf_fault(conf, setting, "this host does not have the address of %s", endpoint);
	else if (error && error != EADDRINUSE)
		conf_fault(conf, setting, "cannot listen on %s: %s", endpoint, strerror(error));
}

static void check_source(struct conf *conf, const struct source_settings *source)
{
	struct net_address address;
	char setting[256];
	if (source->address[0] == '\0' || !net_address_parse(source->address, 0, &address))
		return;
	snprintf(setting, sizeof(setting), "sources.%s.address", source->name);
	int error = try_bind(&address);
	if (error == EADDRNOTAVAIL)
		conf_fault(conf, setting, "this host does not have the address %s",
			   source->address);
	else if (error)
		conf_fault(conf, setting, "cannot connect from %s: %s", source->address,
			   strerror(error));
}

/* Files that are there may still not be a pair. */
static void check_certificate(struct conf *conf, const struct certificate_settings *certificate)
{
	const struct tls_certificate pair = {certificate->chain, certificate->key};
	const struct tls_server_options options = {.certificates = &pair, .certificate_count = 1};
	struct tls_context *context = NULL;
	struct why why;
	char setting[256];
	snprintf(setting, sizeof(setting), "certificates.%s", certificate->name);
	if (tls_server_new(&options, &context, &why) != OK)
		conf_fault(conf, setting, "%s", why.text);
	tls_context_free(&context);
}

static void check_credentials(struct conf *conf, const char *path)
{
	struct credentials *credentials = NULL;
	struct why why;
	if (path[0] && credentials_read(path, &credentials, &why) != OK)
		conf_fault(conf, "ingest.credentials", "%s", why.text);
	credentials_unref(&credentials);
}

static void check_dkim_keys(struct conf *conf, const struct dkim_domain_settings *domain,
			    size_t index)
{
	for (size_t i = 0; i < domain->keys.count; i++) {
		const struct dkim_key_settings *settings =
			CONF_ITEM(&domain->keys, struct dkim_key_settings, i);
		struct signing_key *key = NULL;
		struct why why;
		char setting[256];
		snprintf(setting, sizeof(setting), "dkim.domains[%zu].keys[%zu].file", index, i);
		if (keyring_read_file(settings->file, &key, &why) != OK)
			conf_fault(conf, setting, "%s", why.text);
		signing_key_free(&key);
	}
}

static void check_listener(struct conf *conf, const struct listener_settings *listener)
{
	char setting[256];
	snprintf(setting, sizeof(setting), "listeners.%s.address", listener->name);
	check_listening(conf, setting, listener->address);
	snprintf(setting, sizeof(setting), "listeners.%s.client_ca", listener->name);
	check_file(conf, setting, listener->client_ca);
}

void settings_check_environment(struct conf *conf)
{
	const struct settings *settings = conf_root(conf);
	if (!settings)
		return;
	const char *directory = broker_directory(&settings->broker);
	check_hostname(conf, &settings->node);
	check_user(conf, &settings->node);
	check_directory(conf, "node.data_dir", settings->node.data_dir);
	if (directory && strcmp(directory, settings->node.data_dir) != 0)
		check_directory(conf, "broker.url", directory);
	check_file(conf, "broker.tls_ca", settings->broker.tls_ca);
	check_file(conf, "workers.tls_ca", settings->workers.tls_ca);
	check_listening(conf, "node.metrics", settings->node.metrics);
	check_credentials(conf, settings->ingest.credentials);
	for (size_t i = 0; i < settings->certificates.count; i++)
		check_certificate(
			conf, CONF_ITEM(&settings->certificates, struct certificate_settings, i));
	for (size_t i = 0; i < settings->dkim.domains.count; i++)
		check_dkim_keys(conf,
				CONF_ITEM(&settings->dkim.domains, struct dkim_domain_settings, i),
				i);
	for (size_t i = 0; i < settings->listeners.count; i++)
		check_listener(conf, CONF_ITEM(&settings->listeners, struct listener_settings, i));
	for (size_t i = 0; i < settings->routing.sources.count; i++)
		check_source(conf,
			     CONF_ITEM(&settings->routing.sources, struct source_settings, i));
}
