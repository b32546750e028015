/* What broker.url says: amqp://user:password@host1:5672,host2/vhost, parts percent-encoded where
 * needed. */
#ifndef LEVERET_BROKER_RABBITMQ_URL_H
#define LEVERET_BROKER_RABBITMQ_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define URL_HOSTS_MAX 16
#define URL_PART_MAX  256

struct url_host {
	char name
		/* a name, an IPv4 address, or an IPv6 address without its brackets */
		[URL_PART_MAX];
	uint16_t port;
};

struct url {
	bool is_tls;
	char user[URL_PART_MAX], password[URL_PART_MAX];
	char vhost[URL_PART_MAX];
	struct url_host hosts[URL_HOSTS_MAX];
	size_t host_count;
};

/* Absent parts are guest, guest, localhost, the scheme's port and the virtual host "/". */
enum err url_parse(const char *text, struct url *ret, struct why *why) MUST_USE;

#endif
