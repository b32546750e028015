/* The table of `broker:`, and what its rows cannot check: the url's form, and settings that contradict each other. */
#include "broker/settings.h"

#include <string.h>

#include "broker/rabbitmq/url.h"

/* Shorter is for tests. */
#define TABLE_KEPT_USUAL_MS INT64_C(604800000)
#define PREFIX_LETTERS	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct broker_settings, __VA_ARGS__)
#include "broker/settings.def"
#undef X
};

static bool is_amqp(const char *url)
{
	return strncmp(url, "amqp://", 7) == 0 || strncmp(url, "amqps://", 8) == 0;
}

const char *broker_directory(const struct broker_settings *settings)
{
	static const char scheme[] = "embedded:";
	const char *url = settings->url;
	return strncmp(url, scheme, sizeof scheme - 1) == 0 ? url + sizeof scheme - 1 : NULL;
}

/* url_parse would not tell: it fills in the broker's usual guest. */
static bool holds_password(const char *url)
{
	const char *authority = strstr(url, "://") + 3;
	const char *at = memrchr(authority, '@', strcspn(authority, "/"));
	return at && memchr(authority, ':', (size_t)(at - authority));
}

static void check_url(struct conf *conf, const struct broker_settings *broker)
{
	const char *directory = broker_directory(broker);
	struct url url;
	struct why why;
	if (directory && directory[0] != '/')
		conf_fault(conf, "broker.url",
			   "the directory of the embedded engine must be an absolute path");
	if (directory || broker->url[0] == '\0')
		return;
	if (!is_amqp(broker->url)) {
		conf_fault(conf, "broker.url",
			   "expected amqp://..., amqps://... or embedded:DIRECTORY");
		return;
	}
	if (url_parse(broker->url, &url, &why) != OK) {
		conf_fault(conf, "broker.url", "%s", why.text);
		return;
	}
	if (holds_password(broker->url) && broker->password[0])
		conf_fault(conf, "broker.password", "the url already holds a password");
	else if (holds_password(broker->url))
		conf_warn(conf, "broker.url",
			  "holds a password that all readers of this file see; use password: "
			  "{file: PATH}");
	if (url.is_tls && !broker->tls_verify)
		conf_warn(conf, "broker.tls_verify",
			  "false: anybody on the way can pose as the broker");
	explicit_bzero(&url, sizeof(url));
}

/* Settings that one engine does not go by are no fault, but whoever wrote them thinks of another engine. */
static void check_engine(struct conf *conf, const struct broker_settings *broker)
{
	static const char *const of_rabbitmq[] = {
		"broker.password",   "broker.tls_ca",	      "broker.tls_verify",
		"broker.prefix",     "broker.declare",	      "broker.queue_type",
		"broker.heartbeat",  "broker.management_url", "broker.json_copies",
		"broker.table_kept", "broker.table_segment",
	};
	for (size_t i = 0; broker_directory(broker) && i < CONF_COUNT(of_rabbitmq); i++)
		if (conf_is_given(conf, of_rabbitmq[i]))
			conf_warn(conf, of_rabbitmq[i],
				  "means nothing on the embedded engine; it is for RabbitMQ, "
				  "which broker.url would name");
	if (is_amqp(broker->url) && conf_is_given(conf, "broker.min_free"))
		conf_warn(conf, "broker.min_free", "is for the embedded engine only");
}

static void check_broker(struct conf *conf, const void *section, const char *path)
{
	const struct broker_settings *broker = section;
	const char *management = broker->management_url;
	(void)path;
	check_url(conf, broker);
	check_engine(conf, broker);
	if (broker->prefix[strspn(broker->prefix, PREFIX_LETTERS)] != '\0')
		conf_fault(conf, "broker.prefix",
			   "may hold only letters, digits, '.', '_' and '-'");
	if (management[0] && strncmp(management, "http://", 7) != 0 &&
	    strncmp(management, "https://", 8) != 0)
		conf_fault(conf, "broker.management_url",
			   "expected http://HOST:PORT or https://HOST:PORT");
	if (broker->reconnect_max < broker->reconnect_min)
		conf_fault(conf, "broker.reconnect_max", "must not be shorter than reconnect_min");
	if (is_amqp(broker->url) && broker->queue_type != 0)
		conf_warn(conf, "broker.queue_type",
			  "classic queues lose mail when a host loses power");
	if (broker->table_kept > 0 && broker->table_kept < TABLE_KEPT_USUAL_MS)
		conf_warn(conf, "broker.table_kept",
			  "bouncers that are down for half of it let suppressions be cut off");
}

const struct conf_section broker_section = {
	.name = "broker",
	.help = "Where mail in flight is kept.",
	.shape = CONF_ONE,
	.size = sizeof(struct broker_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check_broker,
};
