#include "ingest/inbound.h"

#include <string.h>

#include "lib/mime/mime.h"

#define INBOUND_POOL "inbound" /* of no meaning: keys of inbound mail have no pool */

bool inbound_takes(const struct conf_text_list *domains, const struct address *address)
{
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (domains->count == 0 || domain_canonical(address->domain, domain) != OK)
		return false;
	for (size_t i = 0; i < domains->count; i++)
		if (routing_pattern_matches(domains->items[i], domain))
			return true;
	return false;
}

struct destination inbound_destination(struct mail *mail, const struct address *address)
{
	return (struct destination){
		.address = arena_copy(mail->arena, address->text),
		.pool = INBOUND_POOL,
		.site = "mail",
		.fate = FATE_INBOUND,
	};
}

bool inbound_is(const struct mail *mail)
{
	return mail->destination_count > 0 && mail->destinations[0].fate == FATE_INBOUND;
}

/* Nothing but a parameter may follow. */
static bool is_report_type(struct bytes content_type)
{
	static const char report[] = "multipart/report";
	struct bytes rest = bytes_trim(bytes_skip(content_type, strlen(report)));
	return bytes_starts_with_nocase(content_type, report) &&
	       (rest.len == 0 || rest.data[0] == ';');
}

static bool is_feedback(struct bytes content_type)
{
	char type[32];
	return mime_parameter(content_type, "report-type", type, sizeof type) &&
	       bytes_is_nocase(bytes_of(type), "feedback-report");
}

const char *inbound_key(struct bytes header, bool has_null_sender, struct bytes recipient)
{
	struct bytes content_type = BYTES_NONE;
	bool is_report =
		mime_field(header, "Content-Type", &content_type) && is_report_type(content_type);
	if (is_report && is_feedback(content_type))
		return "fbl";
	if (is_report || has_null_sender)
		return "dsn";
	return bytes_starts_with_nocase(recipient, "unsub") ? "unsub" : "mail";
}

void inbound_sort(struct mail *mail)
{
	struct arena *scratch = arena_new();
	struct bytes header = mail_header(mail, scratch);
	for (size_t i = 0; i < mail->destination_count; i++)
		mail->destinations[i].site =
			inbound_key(header, mail->sender.len == 0, mail->destinations[i].address);
	arena_free(&scratch);
}
