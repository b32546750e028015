/* What came back of the original: its Message-ID, its author, and to whom it was, for reports that do not name a recipient. */
#include <string.h>

#include "lib/report/inner.h"

static struct bytes without_brackets(struct bytes value)
{
	value = text_trim(value);
	ptrdiff_t start = bytes_find(value, '<');
	if (start < 0)
		return value;
	value = bytes_skip(value, (size_t)start + 1);
	ptrdiff_t end = bytes_find(value, '>');
	return end < 0 ? value : bytes_first(value, (size_t)end);
}

static bool first_address(struct bytes header, const char *name, struct bytes *ret)
{
	struct bytes value;
	size_t at = 0;
	return mime_field(header, name, &value) && text_address(value, &at, ret);
}

/* The only address of To; the last hop's "for <a@b>" else. */
static bool recipient_of(struct bytes header, struct bytes *ret)
{
	struct bytes value, second;
	size_t at = 0;
	if (first_address(header, "x-hmxmroriginalrecipient", ret) ||
	    first_address(header, "x-envelope-to", ret) ||
	    first_address(header, "delivered-to", ret))
		return true;
	if (mime_field(header, "to", &value) && text_address(value, &at, ret) &&
	    !text_address(value, &at, &second))
		return true;
	if (!mime_field(header, "received", &value))
		return false;
	const uint8_t *mark = memmem(value.data, value.len, " for <", 6);
	if (!mark)
		mark = memmem(value.data, value.len, "\tfor <", 6);
	at = 0;
	return mark && text_address(bytes_skip(value, (size_t)(mark - value.data) + 6), &at, ret);
}

void original_read(struct reading *reading)
{
	struct report *report = reading->report;
	struct bytes header = bytes_first(reading->original, MIME_HEADER_MAX), value;
	if (report->message_id.len == 0 && mime_field(header, "message-id", &value))
		report->message_id = value;
	report->message_id = without_brackets(
		text_one_line(reading->arena, bytes_first(report->message_id, 1000), 400));
	if (report->original_from.len == 0 &&
	    !first_address(header, "return-path", &report->original_from))
		(void)first_address(header, "from", &report->original_from);
	if (mime_field(header, "cfbl-feedback-id", &value) ||
	    mime_field(header, "feedback-id", &value))
		report->feedback_id = text_one_line(reading->arena, bytes_first(value, 1000), 900);
	if (report->count > 0 && report->recipients[0].address.len > 0)
		return;
	if (!recipient_of(header, &value))
		return;
	if (report->count > 0)
		report->recipients[0].address = value;
	else
		(void)reading_add(reading, value);
}
