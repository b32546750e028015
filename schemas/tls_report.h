/* What reports on TLS are made of (RFC 8460): tallies on their way from workers to the bouncer, and a day's report as JSON. */
#ifndef LEVERET_SCHEMAS_TLS_REPORT_H
#define LEVERET_SCHEMAS_TLS_REPORT_H

#include "schemas/schemas.h"

#define TLS_TALLIES_MAX 1000 /* of a batch */

enum tls_policy_type { TLS_POLICY_TLSA = 1, TLS_POLICY_STS, TLS_POLICY_NONE };
#define TLS_POLICY_LAST TLS_POLICY_NONE

/* RFC 8460 4.3, what it is called there. Numbers travel: they are only added. */
#define TLS_RESULTS(X)                                                                             \
	X(STARTTLS_NOT_SUPPORTED, "starttls-not-supported")                                        \
	X(CERTIFICATE_HOST_MISMATCH, "certificate-host-mismatch")                                  \
	X(CERTIFICATE_EXPIRED, "certificate-expired")                                              \
	X(CERTIFICATE_NOT_TRUSTED, "certificate-not-trusted")                                      \
	X(VALIDATION_FAILURE, "validation-failure")                                                \
	X(TLSA_INVALID, "tlsa-invalid")                                                            \
	X(DNSSEC_INVALID, "dnssec-invalid")                                                        \
	X(DANE_REQUIRED, "dane-required")                                                          \
	X(STS_POLICY_FETCH_ERROR, "sts-policy-fetch-error")                                        \
	X(STS_POLICY_INVALID, "sts-policy-invalid")                                                \
	X(STS_WEBPKI_INVALID, "sts-webpki-invalid")

enum tls_result {
	TLS_SUCCESS,
#define X(name, text) TLS_##name,
	TLS_RESULTS(X)
#undef X
		TLS_RESULT_COUNT
};
const char *tls_result_name(uint32_t result); /* "success" for TLS_SUCCESS */
const char *tls_policy_type_name(uint32_t type);

struct tls_tally {
	uint32_t day; /* since 1970, UTC */
	struct bytes domain;
	struct bytes *ruas;
	size_t rua_count;
	uint32_t policy_type; /* enum tls_policy_type */
	struct bytes *policy_string;
	size_t policy_string_count;
	struct bytes policy_domain;
	struct bytes *mx_patterns;
	size_t mx_pattern_count;
	uint32_t result;						  /* enum tls_result */
	struct bytes sending_address, mx_host, receiving_address, reason; /* of failures */
	uint64_t count;
};
struct tls_tally_batch {
	struct bytes id;
	struct tls_tally *tallies;
	size_t count;
};

enum err tls_tally_decode(struct arena *arena, struct bytes in, struct tls_tally *ret,
			  struct why *why) MUST_USE;
enum err tls_tally_encode(const struct tls_tally *tally, struct buf *out) MUST_USE;
enum err tls_tally_batch_decode(struct arena *arena, struct bytes in, struct tls_tally_batch *ret,
				struct why *why) MUST_USE;
enum err tls_tally_batch_encode(const struct tls_tally_batch *batch, struct buf *out) MUST_USE;

/* Everything but the count and who is told, as bytes that tls_tally_decode() reads, and that are equal where the tallies are of one kind. */
enum err tls_tally_kind(const struct tls_tally *tally, struct buf *out) MUST_USE;

struct tls_report {
	const char *organization, *contact, *id;
	uint32_t day;
	const struct tls_tally *tallies; /* of that day and one domain, in any order */
	size_t tally_count;
};
/* As RFC 8460 4.4 has it, on many lines. */
enum err tls_report_to_json(const struct tls_report *report, struct buf *out) MUST_USE;

#endif
