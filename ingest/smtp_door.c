/* The SMTP door: the server's upcalls that are no visit's, the settings as options, opening and closing. */
#include "ingest/smtp_visit.h"

#include "ingest/quotas.h"
#include "lib/base/memory.h"

/* listener.def and the session use the same words in the same order. */
_Static_assert((int)LISTENER_TLS_IMPLICIT == (int)SMTPD_TLS_IMPLICIT, "order of tls");
_Static_assert((int)LISTENER_AUTH_REQUIRED == (int)SMTPD_AUTH_REQUIRED, "order of auth");

enum { EARLY_ACCEPT, EARLY_REFUSE }; /* order of early_talkers */

/* ---- upcalls of the server ---- */

static bool on_is_proxy(void *owner, const struct net_address *remote)
{
	const struct smtp_door *door = owner;
	return conf_cidrs_contain(&door->options.listener->proxy_from, &remote->sa.any);
}

static struct tls_context *on_tls(void *owner)
{
	const struct smtp_door *door = owner;
	return certificates_context(door->certificates);
}

static void on_drained(void *owner)
{
	const struct smtp_door *door = owner;
	door->options.drained(door->options.owner);
}

static const struct smtpd_server_handler upcalls = {
	.is_proxy = on_is_proxy,
	.client = smtp_door_objection,
	.tls = on_tls,
	.secured = visit_on_secured,
	.opened = visit_on_opened,
	.session =
		{
			.login = visit_on_login,
			.xclient = visit_on_xclient,
			.sender = visit_on_sender,
			.recipient = visit_on_recipient,
			.data = visit_on_data,
			.content = visit_on_content,
			.complete = visit_on_complete,
			.forget = visit_on_forget,
			.refused = visit_on_refused,
			.content_objection = visit_on_content_objection,
		},
	.closed = visit_on_closed,
	.drained = on_drained,
};

static unsigned repairs_of(const struct listener_settings *listener)
{
	unsigned repairs = 0;
	for (size_t i = 0; i < listener->repair.count; i++)
		repairs |= repair_kind(listener->repair.items[i]);
	return repairs;
}

/* What is mended must first be let in. */
static size_t line_max_of(const struct smtp_door_options *options)
{
	size_t line_max = (size_t)options->settings->max_line_length;
	bool is_mended = repairs_of(options->listener) & REPAIR_LONG_LINES;
	return is_mended && line_max < REPAIR_LINE_MAX ? REPAIR_LINE_MAX : line_max;
}

static struct smtpd_server_options server_options(const struct smtp_door_options *options)
{
	const struct listener_settings *listener = options->listener;
	return (struct smtpd_server_options){
		.name = listener->name,
		.connections_max = (unsigned)listener->max_connections,
		.connections_per_ip_max = (unsigned)listener->max_connections_per_ip,
		.greeting_delay_ms = listener->greeting_delay,
		.session =
			{
				.hostname = options->node.hostname,
				.tls = (enum smtpd_tls)listener->tls,
				.auth = (enum smtpd_auth)listener->auth,
				.auth_without_tls = listener->auth_without_tls,
				.failed_logins_max = (unsigned)listener->max_failed_logins,
				.message_bytes_max = (uint64_t)listener->max_message_size,
				.line_max = line_max_of(options),
				.recipients_max = (unsigned)listener->max_recipients,
				.errors_max = (unsigned)listener->max_errors,
				.messages_max = (uint64_t)listener->max_messages_per_connection,
				.command_ms = listener->command_timeout,
				.data_ms = listener->data_timeout,
				.message_ms = listener->message_timeout,
				.hold_max_s = listener->max_hold / 1000,
				.offers_requiretls = listener->requiretls,
				.error_delay_ms = listener->error_delay,
				.refuses_early = listener->early_talkers == EARLY_REFUSE,
			},
	};
}

static enum err open_certificates(struct smtp_door *door, struct why *why)
{
	const struct listener_settings *listener = door->options.listener;
	if (listener->tls == LISTENER_TLS_OFF)
		return OK;
	bool asks_clients = listener->client_certificates != CLIENT_CERTIFICATES_OFF;
	const struct certificate_use use = {
		.listener = listener->name,
		.certificate = listener->certificate,
		.client_ca = asks_clients ? listener->client_ca : "",
		.requires_client_certificate =
			listener->client_certificates == CLIENT_CERTIFICATES_REQUIRED,
	};
	return certificates_open(door->options.node.loop, door->options.certificates, &use,
				 &door->certificates, why);
}

enum err smtp_door_open(const struct smtp_door_options *options, struct smtp_door **ret,
			struct why *why)
{
	struct smtpd_server_options server = server_options(options);
	if (!net_address_parse(options->listener->address, 25, &server.address))
		return fail(why, E_MALFORMED,
			    "listeners.%s.address: \"%s\" is not an address and port",
			    options->listener->name, options->listener->address);
	struct smtp_door *door = memory_new(sizeof *door);
	door->options = *options;
	for (size_t i = 0; i < options->listener->metadata_headers.count; i++)
		door->dialects |= metadata_dialect(options->listener->metadata_headers.items[i]);
	door->repairs = repairs_of(options->listener);
	door->addresses = quotas_new();
	door->users = quotas_new();
	enum err err = open_certificates(door, why);
	if (err == OK)
		err = smtpd_server_open(options->node.loop, &server, &upcalls, door, &door->server,
					why);
	if (err == OK)
		*ret = door;
	else
		smtp_door_free(&door);
	return err;
}

void smtp_door_reload(struct smtp_door *door)
{
	if (door->certificates)
		certificates_reload(door->certificates);
}

void smtp_door_stop(struct smtp_door *door)
{
	smtpd_server_stop(door->server);
}

void smtp_door_free(struct smtp_door **door)
{
	if (!*door)
		return;
	smtpd_server_free(&(*door)->server);
	certificates_free(&(*door)->certificates);
	quotas_free(&(*door)->addresses);
	quotas_free(&(*door)->users);
	free(*door);
	*door = NULL;
}
