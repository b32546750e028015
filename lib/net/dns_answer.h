/* DNS answers on the wire, read into what callers ask for. Pure functions on outside bytes (fuzzed). */
#ifndef LEVERET_LIB_NET_DNS_ANSWER_H
#define LEVERET_LIB_NET_DNS_ANSWER_H

#include "lib/base/bytes.h"
#include "lib/net/resolver.h"

/* Each writes outcome and count, and as many entries as were found, up to the maximum. The packet is a whole message as
 * libunbound gives it: already matched to the question, with foreign records taken out, so that every record of the wanted
 * type in its answer section is an answer, whatever aliases led there. Malformed packets are DNS_FAILED. */
void dns_answer_mx(struct bytes packet, struct mx_answer *out);
/* A record that is too long, or broken, is left out. */
void dns_answer_txt(struct bytes packet, struct txt_answer *out);
void dns_answer_tlsa(struct bytes packet, struct tlsa_answer *out);
enum dns_outcome dns_answer_alias(struct bytes packet); /* DNS_FOUND: there is a CNAME */
/* Adds to `out` (A and AAAA come in two packets) and returns the outcome of this packet. */
enum dns_outcome dns_answer_addresses(struct bytes packet, struct address_answer *out);

/* Two halves of one question: anything found is found; otherwise one failed half leaves it open; otherwise a name that
 * exists for one type exists. */
enum dns_outcome dns_outcome_join(enum dns_outcome a, enum dns_outcome b);

/* The name and preference of one MX record; false when malformed or no host name. */
bool dns_mx_parse(struct bytes packet, struct bytes rdata, struct mx_host *ret);

#endif
