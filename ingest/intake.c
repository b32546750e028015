/* Until the empty line is there the header is gathered in a buffer; then all goes straight to the writer. */
#include "ingest/intake.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/mail/header.h"

struct intake {
	struct intake_options options;
	struct mail *mail;
	struct blob_writer *writer;
	struct why *why; /* of the call under way */
	struct buf header;
	bool is_in_body;
};

struct intake *intake_new(const struct intake_options *options, struct mail *mail,
			  struct blob_writer *writer)
{
	struct intake *intake = memory_new(sizeof *intake);
	intake->options = *options;
	intake->mail = mail;
	intake->writer = writer;
	intake->is_in_body = options->dialects == 0 && !options->adds_missing;
	buf_init(&intake->header, INTAKE_HEADER_MAX);
	return intake;
}

void intake_free(struct intake **intake)
{
	if (!*intake)
		return;
	blob_writer_free(&(*intake)->writer);
	buf_done(&(*intake)->header);
	free(*intake);
	*intake = NULL;
}

static enum err keep(void *owner, struct bytes run)
{
	struct intake *intake = owner;
	return blob_writer_append(intake->writer, run, intake->why);
}

/* In front of all the others: so it is seen that they were not the client's. */
static enum err add_missing(struct intake *intake, struct bytes header)
{
	struct metadata_gaps gaps = metadata_find_gaps(header);
	char date[CLOCK_RFC5322_SIZE];
	struct buf added;
	buf_init(&added, 1024);
	clock_rfc5322(intake->mail->accepted_wall_ms, date);
	enum err err = OK;
	if (!gaps.has_date)
		err = buf_printf(&added, "Date: %s\r\n", date);
	if (err == OK && !gaps.has_message_id)
		err = buf_printf(&added, "Message-ID: <%s@%s>\r\n", intake->mail->id,
				 intake->options.hostname);
	if (err == OK && added.len > 0)
		err = keep(intake, buf_bytes(&added));
	buf_done(&added);
	return err;
}

/* A body without any header gets the empty line that it lacks, when fields are put before it. */
static enum err take_header(struct intake *intake, struct bytes header)
{
	enum err err = intake->options.adds_missing ? add_missing(intake, header) : OK;
	intake->is_in_body = true;
	if (err == OK)
		err = metadata_read(header, intake->options.dialects, intake->mail, keep, intake,
				    intake->why);
	return err;
}

/* More of a header that came in pieces; returns how much of the span belongs to it. */
static enum err gather(struct intake *intake, struct bytes *span)
{
	size_t seen = intake->header.len, room = buf_room(&intake->header);
	struct bytes part = bytes_first(*span, room);
	enum err err = buf_append(&intake->header, part);
	if (err != OK)
		return err;
	struct bytes all = buf_bytes(&intake->header);
	size_t len = header_length(all, seen);
	if (len == 0 && part.len < span->len)
		return fail(intake->why, E_TOO_BIG, "the header is too big");
	*span = bytes_skip(*span, len == 0 ? span->len : len - seen);
	if (len == 0)
		return OK;
	err = take_header(intake, bytes_first(all, len));
	buf_done(&intake->header);
	return err;
}

enum err intake_append(struct intake *intake, struct bytes span, struct why *why)
{
	intake->why = why;
	size_t len = 0;
	if (!intake->is_in_body && intake->header.len == 0 && span.len <= INTAKE_HEADER_MAX)
		len = header_length(span, 0);
	enum err err = OK;
	if (len > 0) {
		err = take_header(intake, bytes_first(span, len));
		span = bytes_skip(span, len);
	} else if (!intake->is_in_body) {
		err = gather(intake, &span);
	}
	if (err == OK && span.len > 0)
		err = keep(intake, span);
	intake->why = NULL;
	return err;
}

enum err intake_finish(struct intake **intake, struct blob **ret, struct why *why)
{
	struct intake *i = *intake;
	enum err err = OK;
	i->why = why;
	if (!i->is_in_body)
		err = take_header(i, buf_bytes(&i->header));
	if (err == OK)
		*ret = blob_writer_finish(&i->writer);
	intake_free(intake);
	return err;
}
