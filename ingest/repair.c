/* Mending the content of a mail that is being taken: see lib/mail/repair.h for what is mended. */
#include "ingest/repair.h"

#include "lib/base/memory.h"

static enum err replace(struct mail *mail, const struct repair_options *options, struct bytes text,
			struct why *why)
{
	struct blob_writer *writer = blob_writer_new(options->spool, options->memory_per_message);
	enum err err = blob_writer_append(writer, text, why);
	if (err == OK) {
		blob_unref(&mail->content);
		mail->content = blob_writer_finish(&writer);
	}
	blob_writer_free(&writer);
	return err;
}

enum err repair_mail(struct mail *mail, const struct repair_options *options, struct why *why)
{
	size_t size = (size_t)blob_size(mail->content);
	struct buf out;
	if (size > REPAIR_SIZE_MAX)
		return fail(why, E_MALFORMED, "it is too big to be mended");
	uint8_t *text = memory_new(size);
	buf_init(&out, 4 * REPAIR_SIZE_MAX);
	enum err err = blob_read(mail->content, 0, text, size, why);
	if (err == OK)
		err = repair_write(bytes_from(text, size), options->kinds, options->line_max, &out,
				   why);
	if (err == OK)
		err = replace(mail, options, buf_bytes(&out), why);
	if (err == OK)
		mail->eightbit = !bytes_is_ascii(buf_bytes(&out));
	buf_done(&out);
	free(text);
	return err;
}
