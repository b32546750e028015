/* Reading DNS answers with the C library's message parser (arpa/nameser.h), which checks every bound of the message and of
 * its names. Fails only by outcome. */
#include "lib/net/dns_answer.h"

#include <arpa/nameser.h>
#include <ctype.h>
#include <string.h>

/* Letters, digits, hyphen, dot and underscore (which mail hosts use): a name with anything else is not one to connect to,
 * and must never reach a log line or a command. */
static bool copy_host_name(const char *name, char out[256])
{
	size_t len = strlen(name);
	if (len >= 256)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		if (!isascii(c) || (!isalnum(c) && c != '-' && c != '.' && c != '_'))
			return false;
		out[i] = (char)tolower(c);
	}
	if (len > 0 && out[len - 1] == '.')
		len--; /* the root is printed as a dot: null MX */
	out[len] = '\0';
	return true;
}

bool dns_mx_parse(struct bytes packet, struct bytes rdata, struct mx_host *ret)
{
	if (rdata.len < 3)
		return false;
	char name[NS_MAXDNAME];
	const uint8_t *at = rdata.data + 2;
	int used = ns_name_uncompress(packet.data, rdata.data + rdata.len, at, name, sizeof name);
	if (used < 0 || (size_t)used != rdata.len - 2)
		return false;
	struct mx_host host = {.preference = (uint16_t)(rdata.data[0] << 8 | rdata.data[1])};
	if (!copy_host_name(name, host.name))
		return false;
	*ret = host;
	return true;
}

/* Calls `take` for each record of one of the two types; it says whether it could read it. */
static enum dns_outcome each_answer(struct bytes packet, ns_type type, ns_type other,
				    bool (*take)(struct bytes packet, const ns_rr *rr, void *out),
				    void *out)
{
	ns_msg message;
	if (packet.len > UINT16_MAX || ns_initparse(packet.data, (int)packet.len, &message) != 0)
		return DNS_FAILED;
	int rcode = ns_msg_getflag(message, ns_f_rcode);
	if (rcode == ns_r_nxdomain)
		return DNS_NO_NAME;
	if (rcode != ns_r_noerror)
		return DNS_FAILED;
	bool is_found = false, is_malformed = false;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		ns_rr rr;
		if (ns_parserr(&message, ns_s_an, i, &rr) != 0)
			return DNS_FAILED;
		if (ns_rr_class(rr) != ns_c_in ||
		    (ns_rr_type(rr) != type && ns_rr_type(rr) != other))
			continue;
		if (take(packet, &rr, out))
			is_found = true;
		else
			is_malformed = true;
	}
	if (is_found)
		return DNS_FOUND;
	return is_malformed ? DNS_FAILED : DNS_NO_DATA;
}

static bool take_mx(struct bytes packet, const ns_rr *rr, void *out)
{
	struct mx_answer *answer = out;
	if (answer->count == RESOLVER_MX_MAX)
		return true;
	struct bytes rdata = bytes_from(ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
	if (!dns_mx_parse(packet, rdata, &answer->hosts[answer->count]))
		return false;
	answer->count++;
	return true;
}

void dns_answer_mx(struct bytes packet, struct mx_answer *out)
{
	out->count = 0;
	out->outcome = each_answer(packet, ns_t_mx, ns_t_mx, take_mx, out);
	if (out->outcome != DNS_FOUND)
		out->count = 0; /* half a message is none */
}

/* Strings of a length byte and so many bytes each (RFC 1035 3.3.14). */
static bool join_strings(struct bytes rdata, struct txt_record *ret)
{
	ret->len = 0;
	while (rdata.len > 0) {
		size_t len = rdata.data[0];
		if (len + 1 > rdata.len || len > sizeof ret->text - ret->len)
			return false;
		memcpy(ret->text + ret->len, rdata.data + 1, len);
		ret->len += len;
		rdata = bytes_skip(rdata, len + 1);
	}
	return true;
}

static bool take_txt(struct bytes packet, const ns_rr *rr, void *out)
{
	(void)packet;
	struct txt_answer *answer = out;
	if (answer->count == RESOLVER_TXT_MAX)
		return true;
	struct bytes rdata = bytes_from(ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
	if (rdata.len == 0 || !join_strings(rdata, &answer->records[answer->count]))
		return false;
	answer->count++;
	return true;
}

void dns_answer_txt(struct bytes packet, struct txt_answer *out)
{
	out->count = 0;
	out->outcome = each_answer(packet, ns_t_txt, ns_t_txt, take_txt, out);
	if (out->outcome != DNS_FOUND)
		out->count = 0;
}

/* RFC 6698 2.1. What is too long for us is kept without its data, so that it counts as one that nobody can use. */
static bool take_tlsa(struct bytes packet, const ns_rr *rr, void *out)
{
	(void)packet;
	struct tlsa_answer *answer = out;
	const uint8_t *rdata = ns_rr_rdata(*rr);
	size_t len = ns_rr_rdlen(*rr);
	if (len < 3)
		return false;
	if (answer->count == RESOLVER_TLSA_MAX)
		return true;
	struct tlsa_record *record = &answer->records[answer->count++];
	record->usage = rdata[0];
	record->selector = rdata[1];
	record->matching = rdata[2];
	record->len = len - 3 <= sizeof record->data ? len - 3 : 0;
	memcpy(record->data, rdata + 3, record->len);
	return true;
}

void dns_answer_tlsa(struct bytes packet, struct tlsa_answer *out)
{
	out->count = 0;
	out->outcome = each_answer(packet, ns_t_tlsa, ns_t_tlsa, take_tlsa, out);
	if (out->outcome != DNS_FOUND)
		out->count = 0;
}

static bool take_any(struct bytes packet, const ns_rr *rr, void *out)
{
	(void)packet;
	(void)rr;
	(void)out;
	return true;
}

enum dns_outcome dns_answer_alias(struct bytes packet)
{
	return each_answer(packet, ns_t_cname, ns_t_cname, take_any, NULL);
}

static bool take_address(struct bytes packet, const ns_rr *rr, void *out)
{
	(void)packet;
	struct address_answer *answer = out;
	(void)copy_host_name(ns_rr_name(*rr), answer->canonical);
	if (answer->count == RESOLVER_ADDRESSES_MAX)
		return true;
	struct net_address address = {.len = 0};
	if (ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == sizeof address.sa.v4.sin_addr) {
		address.sa.v4.sin_family = AF_INET;
		memcpy(&address.sa.v4.sin_addr, ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
		address.len = sizeof address.sa.v4;
	} else if (ns_rr_type(*rr) == ns_t_aaaa &&
		   ns_rr_rdlen(*rr) == sizeof address.sa.v6.sin6_addr) {
		address.sa.v6.sin6_family = AF_INET6;
		memcpy(&address.sa.v6.sin6_addr, ns_rr_rdata(*rr), ns_rr_rdlen(*rr));
		address.len = sizeof address.sa.v6;
	} else {
		return false;
	}
	answer->addresses[answer->count++] = address;
	return true;
}

enum dns_outcome dns_answer_addresses(struct bytes packet, struct address_answer *out)
{
	size_t count_before = out->count;
	enum dns_outcome outcome = each_answer(packet, ns_t_a, ns_t_aaaa, take_address, out);
	if (outcome != DNS_FOUND)
		out->count = count_before;
	return outcome;
}

enum dns_outcome dns_outcome_join(enum dns_outcome a, enum dns_outcome b)
{
	static const enum dns_outcome strongest_first[] = {DNS_FOUND, DNS_FAILED, DNS_NO_DATA};
	for (size_t i = 0; i < sizeof strongest_first / sizeof *strongest_first; i++) {
		if (a == strongest_first[i] || b == strongest_first[i])
			return strongest_first[i];
	}
	return DNS_NO_NAME;
}
