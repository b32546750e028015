/* Any first bytes of a balancer: a verdict that more bytes do not take back, and never more used than was there. The same bytes serve
 * as the arguments of XCLIENT. */
#include <stdlib.h>

#include "ingest/smtp/proxy.h"
#include "ingest/smtp/xclient.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(data, size);
	struct net_address client = {.len = 0}, again;
	size_t used = 0, used_again = 0;
	enum proxy_verdict verdict = proxy_parse(in, &client, &used);
	if (verdict == PROXY_CLIENT || verdict == PROXY_SELF) {
		check(used > 0 && used <= size && used <= PROXY_HEADER_MAX);
		check(verdict == PROXY_SELF || client.len > 0);
		check(proxy_parse(bytes_first(in, used), &again, &used_again) == verdict);
		check(used_again == used);
		check(proxy_parse(bytes_first(in, used - 1), &again, &used_again) == PROXY_MORE);
	}
	check(verdict != PROXY_MORE || size < PROXY_HEADER_MAX);
	struct smtpd_xclient xclient;
	struct smtpd_reply objection = smtpd_xclient_parse(in, &xclient);
	check(!smtpd_objects(objection) || objection.code == 501);
	check(smtpd_objects(objection) || !xclient.has_address || xclient.address.len > 0);
	return 0;
}
