/* A message's content on its way from a door to a blob: its header section is read for what is meant for us (ingest/metadata.h) and
 * may be repaired, the rest goes by untouched. A header that comes whole in one piece is not copied. */
#ifndef LEVERET_INGEST_INTAKE_H
#define LEVERET_INGEST_INTAKE_H

#include "ingest/metadata.h"

#define INTAKE_HEADER_MAX ((size_t)256 << 10)

struct intake_options {
	unsigned dialects;    /* METADATA_... */
	bool adds_missing;    /* Date and Message-ID */
	const char *hostname; /* for a Message-ID; borrowed */
};

struct intake;
/* Takes the writer, borrows the mail, into which metadata goes. */
struct intake *intake_new(const struct intake_options *options, struct mail *mail,
			  struct blob_writer *writer);
void intake_free(struct intake **intake);
/* E_MALFORMED: a field for us cannot be understood; E_TOO_BIG: the header is; otherwise the writer's. */
enum err intake_append(struct intake *intake, struct bytes span, struct why *why) MUST_USE;
/* After the last span: a message may be all header. */
enum err intake_finish(struct intake **intake, struct blob **ret, struct why *why) MUST_USE;

#endif
