/* The tables of `listeners:` and `ingest:`, and what their rows cannot check. */
#include <string.h>

#include "ingest/ingest.h"
#include "ingest/metadata.h"
#include "ingest/repair.h"
#include "lib/net/address.h"
#include "lib/routing/routing.h"

static const struct conf_field listener_fields[] = {
#define X(...) CONF_ROW(struct listener_settings, __VA_ARGS__)
#include "ingest/listener.def"
#undef X
};
static const struct conf_field ingest_fields[] = {
#define X(...) CONF_ROW(struct ingest_settings, __VA_ARGS__)
#include "ingest/ingest.def"
#undef X
};

static void check_listener_tls(struct conf *conf, const struct listener_settings *listener,
			       const char *path)
{
	char setting[256];
	bool asks_clients = listener->client_certificates != CLIENT_CERTIFICATES_OFF;
	snprintf(setting, sizeof(setting), "%s.certificate", path);
	if (listener->tls != LISTENER_TLS_OFF && !listener->certificate[0])
		conf_fault(conf, setting, "must be given with tls");
	snprintf(setting, sizeof(setting), "%s.client_ca", path);
	if (asks_clients && !listener->client_ca[0])
		conf_fault(conf, setting, "must be given with client_certificates");
	snprintf(setting, sizeof(setting), "%s.client_certificates", path);
	if (asks_clients && listener->tls == LISTENER_TLS_OFF)
		conf_fault(conf, setting, "cannot be asked for without tls");
}

static void check_listener_http(struct conf *conf, const struct listener_settings *listener,
				const char *path)
{
	char setting[256];
	if (listener->protocol != PROTOCOL_HTTP)
		return;
	snprintf(setting, sizeof(setting), "%s.tls", path);
	if (listener->tls != LISTENER_TLS_OFF && listener->tls != LISTENER_TLS_IMPLICIT)
		conf_fault(conf, setting, "must be off or implicit with HTTP");
	snprintf(setting, sizeof(setting), "%s.client_certificates", path);
	if (listener->client_certificates != CLIENT_CERTIFICATES_OFF)
		conf_fault(conf, setting, "are not asked for by HTTP; clients show an API key");
	snprintf(setting, sizeof(setting), "%s.auth", path);
	if (listener->auth != LISTENER_AUTH_OFF)
		conf_fault(conf, setting, "is SMTP's; HTTP clients show an API key of `api_keys`");
}

static void check_listener_auth(struct conf *conf, const struct listener_settings *listener,
				const char *path)
{
	char setting[256];
	if (listener->auth == LISTENER_AUTH_OFF)
		return;
	snprintf(setting, sizeof(setting), "%s.auth", path);
	if (listener->tls == LISTENER_TLS_OFF && !listener->auth_without_tls)
		conf_fault(conf, setting,
			   "nobody could log in: AUTH needs tls (or auth_without_tls)");
	snprintf(setting, sizeof(setting), "%s.auth_without_tls", path);
	if (listener->auth_without_tls)
		conf_warn(conf, setting, "true: passwords may be read on the way");
}

/* Strangers show neither a password nor a certificate. */
static void check_listener_inbound(struct conf *conf, const struct listener_settings *listener,
				   const char *path)
{
	char setting[256];
	for (size_t i = 0; i < listener->accept_for.count; i++) {
		const char *domain = listener->accept_for.items[i];
		snprintf(setting, sizeof(setting), "%s.accept_for[%zu]", path, i);
		if (!domain[0] || strcmp(domain, "*") == 0 || !routing_is_pattern(domain))
			conf_fault(
				conf, setting,
				"expected a domain such as bounces.example.com or *.example.com, "
				"not \"%.60s\"",
				domain);
	}
	snprintf(setting, sizeof(setting), "%s.accept_for", path);
	if (listener->accept_for.count == 0)
		return;
	if (listener->protocol != PROTOCOL_SMTP)
		conf_fault(conf, setting, "is SMTP's");
	if (listener->auth == LISTENER_AUTH_REQUIRED ||
	    listener->client_certificates == CLIENT_CERTIFICATES_REQUIRED)
		conf_fault(conf, setting,
			   "cannot be given where every client must log in or show a certificate");
	if (listener->tls == LISTENER_TLS_REQUIRED || listener->tls == LISTENER_TLS_IMPLICIT)
		conf_warn(conf, setting, "with tls: %s: many hosts bounce in the clear",
			  listener->tls == LISTENER_TLS_REQUIRED ? "required" : "implicit");
}

/* Who may relay: nobody and everybody are both likely to be a mistake. */
static void check_listener_networks(struct conf *conf, const struct listener_settings *listener,
				    const char *path)
{
	char setting[256];
	bool has_other_ways = listener->auth != LISTENER_AUTH_OFF ||
			      listener->client_certificates != CLIENT_CERTIFICATES_OFF ||
			      listener->accept_for.count > 0;
	snprintf(setting, sizeof(setting), "%s.allow_from", path);
	for (size_t i = 0; i < listener->allow_from.count; i++)
		if (listener->allow_from.items[i].prefix_bits == 0)
			conf_warn(conf, setting,
				  "everybody may relay: this is an open relay unless a firewall "
				  "prevents it");
	if (listener->allow_from.count == 0 && !has_other_ways)
		conf_warn(conf, setting, "nobody may relay by this listener");
}

static void check_listener_words(struct conf *conf, const struct listener_settings *listener,
				 const char *path)
{
	char setting[256];
	for (size_t i = 0; i < listener->metadata_headers.count; i++) {
		snprintf(setting, sizeof(setting), "%s.metadata_headers[%zu]", path, i);
		if (metadata_dialect(listener->metadata_headers.items[i]) == 0)
			conf_fault(conf, setting,
				   "expected leveret, mailerq or powermta, not \"%.40s\"",
				   listener->metadata_headers.items[i]);
	}
	for (size_t i = 0; i < listener->repair.count; i++) {
		snprintf(setting, sizeof(setting), "%s.repair[%zu]", path, i);
		if (repair_kind(listener->repair.items[i]) == 0)
			conf_fault(conf, setting, "expected long_lines or eight_bit, not \"%.40s\"",
				   listener->repair.items[i]);
	}
}

static void check_listener(struct conf *conf, const void *section, const char *path)
{
	const struct listener_settings *listener = section;
	struct net_address address;
	char setting[256];
	snprintf(setting, sizeof(setting), "%s.address", path);
	if (listener->address[0] && !net_address_parse(listener->address, 0, &address))
		conf_fault(conf, setting, "expected an IP address and port, not a name: \"%s\"",
			   listener->address);
	check_listener_networks(conf, listener, path);
	check_listener_words(conf, listener, path);
	check_listener_tls(conf, listener, path);
	check_listener_auth(conf, listener, path);
	check_listener_http(conf, listener, path);
	check_listener_inbound(conf, listener, path);
}

static void check_ingest(struct conf *conf, const void *section, const char *path)
{
	const struct ingest_settings *ingest = section;
	char setting[256];
	bool is_url = strncmp(ingest->credentials_url, "https://", 8) == 0 ||
		      strncmp(ingest->credentials_url, "http://", 7) == 0;
	int ways = (ingest->credentials[0] != '\0') + (ingest->credentials_url[0] != '\0') +
		   (ingest->credentials_command.count > 0);
	snprintf(setting, sizeof(setting), "%s.credentials_url", path);
	if (ingest->credentials_url[0] && !is_url)
		conf_fault(conf, setting, "expected http://... or https://...");
	if (strncmp(ingest->credentials_url, "http://", 7) == 0 &&
	    strncmp(ingest->credentials_url, "http://127.", 11) != 0 &&
	    strncmp(ingest->credentials_url, "http://localhost", 16) != 0)
		conf_warn(conf, setting, "passwords may be read on the way: use https");
	if (ways > 1)
		conf_fault(conf, path,
			   "give one of credentials, credentials_command and credentials_url");
}

const struct conf_section listeners_section = {
	.name = "listeners",
	.help = "The doors for mail.",
	.shape = CONF_MAP,
	.size = sizeof(struct listener_settings),
	.fields = listener_fields,
	.field_count = CONF_COUNT(listener_fields),
	.check = check_listener,
};
const struct conf_section ingest_section = {
	.name = "ingest",
	.help = "How mail is accepted, by all doors.",
	.shape = CONF_ONE,
	.size = sizeof(struct ingest_settings),
	.fields = ingest_fields,
	.field_count = CONF_COUNT(ingest_fields),
	.check = check_ingest,
};
