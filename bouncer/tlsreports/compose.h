/* A day's report as it is sent: its names, and the mail around it (RFC 8460 5). Pure. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_COMPOSE_H
#define LEVERET_BOUNCER_TLSREPORTS_COMPOSE_H

#include "lib/tlsreport/settings.h"
#include "schemas/tls_report.h"

#define TLS_REPORT_SIZE_MAX   ((size_t)16 << 20) /* of its JSON; larger ones are not sent */
#define TLS_REPORT_ID_SIZE    700
#define TLS_REPORT_NAME_SIZE  700
#define TLS_REPORT_MEDIA_TYPE "application/tlsrpt+gzip"

struct tls_edition { /* which report of whom, about whom */
	const struct tls_report_settings *settings;
	uint32_t day;
	const char *domain;
};
/* "20261121.x.example@submitter.example": the same whenever it is sent. */
void tls_edition_id(const struct tls_edition *edition, char out[TLS_REPORT_ID_SIZE]);
/* RFC 8460 5.1: "submitter!domain!begin!end.json.gz". */
void tls_edition_file_name(const struct tls_edition *edition, char out[TLS_REPORT_NAME_SIZE]);

/* The JSON. E_FULL: it is over TLS_REPORT_SIZE_MAX. */
enum err tls_edition_json(const struct tls_edition *edition, const struct tls_tally *tallies,
			  size_t count, struct buf *out) MUST_USE;
/* The mail with the packed JSON: CRLF lines, 7-bit. */
enum err tls_edition_mail(const struct tls_edition *edition, const char *to, struct bytes packed,
			  int64_t now_wall_ms, struct buf *out) MUST_USE;
size_t tls_edition_mail_size(size_t packed_bytes); /* room for it */

#endif
