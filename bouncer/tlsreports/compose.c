#include "bouncer/tlsreports/compose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/crypto/base64.h"

#define DAY_S	     86400
#define LINE_BYTES   57 /* 76 characters in base 64 */
#define HEADERS_ROOM 8192

static const char *submitter_of(const struct tls_edition *edition)
{
	const char *at = strrchr(edition->settings->from, '@');
	return at ? at + 1 : edition->settings->from;
}

/* "2026-11-21" */
static void day_text(uint32_t day, char out[CLOCK_RFC3339_SIZE])
{
	clock_rfc3339((int64_t)day * DAY_S * 1000, out);
	out[10] = '\0';
}

void tls_edition_id(const struct tls_edition *edition, char out[TLS_REPORT_ID_SIZE])
{
	char day[CLOCK_RFC3339_SIZE];
	day_text(edition->day, day);
	(void)snprintf(out, TLS_REPORT_ID_SIZE, "%.4s%.2s%.2s.%.255s@%.255s", day, day + 5, day + 8,
		       edition->domain, submitter_of(edition));
}

void tls_edition_file_name(const struct tls_edition *edition, char out[TLS_REPORT_NAME_SIZE])
{
	int64_t begin = (int64_t)edition->day * DAY_S;
	(void)snprintf(out, TLS_REPORT_NAME_SIZE, "%.255s!%.255s!%" PRId64 "!%" PRId64 ".json.gz",
		       submitter_of(edition), edition->domain, begin, begin + DAY_S - 1);
}

enum err tls_edition_json(const struct tls_edition *edition, const struct tls_tally *tallies,
			  size_t count, struct buf *out)
{
	const struct tls_report_settings *settings = edition->settings;
	char id[TLS_REPORT_ID_SIZE];
	tls_edition_id(edition, id);
	const struct tls_report report = {
		.organization = settings->organization,
		.contact = settings->contact[0] ? settings->contact : settings->from,
		.id = id,
		.day = edition->day,
		.tallies = tallies,
		.tally_count = count,
	};
	return tls_report_to_json(&report, out);
}

/* ---- the mail ---- */

static enum err write_header(const struct tls_edition *edition, const char *to, int64_t now_wall_ms,
			     const char *boundary, struct buf *out)
{
	char id[TLS_REPORT_ID_SIZE], date[CLOCK_RFC5322_SIZE];
	tls_edition_id(edition, id);
	clock_rfc5322(now_wall_ms, date);
	return buf_printf(out,
			  "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
			  "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s>\r\n"
			  "Message-ID: <%s>\r\nTLS-Report-Domain: %s\r\n"
			  "TLS-Report-Submitter: %s\r\nMIME-Version: 1.0\r\n"
			  "Auto-Submitted: auto-generated\r\n"
			  "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
			  " boundary=\"%s\"\r\n\r\n",
			  edition->settings->from, to, date, edition->domain, submitter_of(edition),
			  id, id, edition->domain, submitter_of(edition), boundary);
}

static enum err write_text(const struct tls_edition *edition, const char *boundary, struct buf *out)
{
	char day[CLOCK_RFC3339_SIZE];
	day_text(edition->day, day);
	return buf_printf(out,
			  "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
			  "This is a report on TLS in SMTP sessions with hosts of\r\n%s\r\n"
			  "on %s (UTC), as counted by\r\n%s\r\n"
			  "RFC 8460 tells what it means.\r\n\r\n",
			  boundary, edition->domain, day, submitter_of(edition));
}

static enum err write_attachment(const struct tls_edition *edition, struct bytes packed,
				 const char *boundary, struct buf *out)
{
	char name[TLS_REPORT_NAME_SIZE], line[BASE64_SIZE(LINE_BYTES)];
	tls_edition_file_name(edition, name);
	enum err err = buf_printf(out,
				  "--%s\r\nContent-Type: " TLS_REPORT_MEDIA_TYPE "\r\n"
				  "Content-Transfer-Encoding: base64\r\n"
				  "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n",
				  boundary, name);
	while (packed.len > 0 && !err) {
		struct bytes part = bytes_first(packed, LINE_BYTES);
		(void)base64_text(part, line);
		err = buf_printf(out, "%s\r\n", line);
		packed = bytes_skip(packed, part.len);
	}
	return err ? err : buf_printf(out, "--%s--\r\n", boundary);
}

size_t tls_edition_mail_size(size_t packed_bytes)
{
	return HEADERS_ROOM + packed_bytes / LINE_BYTES * 78 + 100;
}

enum err tls_edition_mail(const struct tls_edition *edition, const char *to, struct bytes packed,
			  int64_t now_wall_ms, struct buf *out)
{
	char boundary[40]; /* "_" is in no line of base 64, nor in the text, behind two "-" */
	(void)snprintf(boundary, sizeof boundary, "_tls_report_%" PRIu32 "_", edition->day);
	enum err err = write_header(edition, to, now_wall_ms, boundary, out);
	if (!err)
		err = write_text(edition, boundary, out);
	return err ? err : write_attachment(edition, packed, boundary, out);
}
