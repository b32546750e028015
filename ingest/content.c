/* Line by line, but written in runs: content that is in order already is one run. */
#include "ingest/content.h"

#include <string.h>

#include "lib/mail/received.h"

static enum err check_line(struct bytes text, size_t line_max, struct why *why)
{
	if (bytes_find(text, '\r') >= 0)
		return fail(why, E_MALFORMED, "content: a CR that ends no line");
	if (text.len > line_max)
		return fail(why, E_MALFORMED, "content: a line of %zu bytes, %zu are allowed",
			    text.len, line_max);
	return OK;
}

/* Write the run up to a line end that is missing or is a bare LF, and a CRLF for it. */
static enum err end_run(struct bytes run, struct blob_writer *out, struct why *why)
{
	enum err err = run.len > 0 ? blob_writer_append(out, run, why) : OK;
	return err == OK ? blob_writer_append(out, BYTES("\r\n"), why) : err;
}

static enum err write_lines(struct bytes in, size_t line_max, struct blob_writer *out,
			    struct why *why)
{
	size_t run = 0, at = 0;
	while (at < in.len) {
		struct bytes rest = bytes_skip(in, at);
		ptrdiff_t lf = bytes_find(rest, '\n');
		size_t len = lf < 0 ? rest.len : (size_t)lf;
		bool has_crlf = lf > 0 && rest.data[lf - 1] == '\r';
		enum err err = check_line(bytes_first(rest, len - has_crlf), line_max, why);
		if (err == OK && !has_crlf)
			err = end_run(bytes_from(in.data + run, at + len - run), out, why);
		if (err != OK)
			return err;
		at += len + (lf >= 0);
		if (!has_crlf)
			run = at;
	}
	return run < at ? blob_writer_append(out, bytes_from(in.data + run, at - run), why) : OK;
}

enum err content_normalise(struct bytes in, size_t line_max, struct blob_writer *out,
			   struct content_facts *ret, struct why *why)
{
	if (bytes_find(in, '\0') >= 0)
		return fail(why, E_MALFORMED, "content: holds a NUL");
	enum err err = write_lines(in, line_max, out, why);
	if (err != OK)
		return err;
	struct header_scan header;
	header_scan_init(&header);
	header_scan_feed(&header, in);
	*ret = (struct content_facts){.hops = header.received_count,
				      .has_8bit = !bytes_is_ascii(in)};
	return OK;
}
