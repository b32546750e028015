#include "ingest/http/verdict.h"

#include "lib/mail/address.h"
#include "lib/obs/log.h"

#define ESCAPED_MAX (ADDRESS_MAX * 6 + 1) /* \u0000 */

static void add(struct buf *out, const char *text)
{
	enum err err = buf_append_text(out, text);
	(void)err; /* VERDICTS_TEXT_MAX holds the longest */
}

static void write_one(const struct verdict *verdict, struct buf *out)
{
	char address[ESCAPED_MAX];
	enum err err;
	(void)log_escape_json(bytes_first(verdict->address, ADDRESS_MAX), address, sizeof address);
	if (verdict->enhanced)
		err = buf_printf(out,
				 "{\"address\":\"%s\",\"status\":\"refused\",\"code\":\"%s\","
				 "\"reason\":\"%s\"}",
				 address, verdict->enhanced, verdict->reason);
	else
		err = buf_printf(out,
				 "{\"address\":\"%s\",\"status\":\"accepted\",\"id\":\"%.*s\"}",
				 address, BYTES_ARGS(verdict->id));
	(void)err;
}

void verdicts_write(const struct verdict *verdicts, size_t count, struct buf *out)
{
	add(out, "[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			add(out, ",");
		write_one(&verdicts[i], out);
	}
	add(out, "]");
}

void verdicts_write_answer(const char *id, const struct verdict *verdicts, size_t count,
			   size_t accepted_count, struct buf *out)
{
	enum err err = buf_printf(
		out, "{\"id\":\"%s\",\"accepted\":%zu,\"refused\":%zu,\"recipients\":", id,
		accepted_count, count - accepted_count);
	(void)err;
	verdicts_write(verdicts, count, out);
	add(out, "}\n");
}

void verdicts_write_results(const char *id, const struct verdict *verdicts, size_t count,
			    size_t accepted_count, struct buf *out)
{
	enum err err = buf_printf(out,
				  "{\"results\":{\"total_rejected_recipients\":%zu,"
				  "\"total_accepted_recipients\":%zu,\"id\":\"%s\",\"recipients\":",
				  count - accepted_count, accepted_count, id);
	(void)err;
	verdicts_write(verdicts, count, out);
	add(out, "}}\n");
}
