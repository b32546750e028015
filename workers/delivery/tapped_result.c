/* What became of a recipient, for those who trace (leveret trace). */
#include <stdio.h>

#include "lib/base/clock.h"
#include "workers/delivery/request_inner.h"

#define TEXT_ROOM 1400

static void write_outcome(const struct result *result, char out[TEXT_ROOM])
{
	char at[CLOCK_RFC3339_SIZE] = "";
	if (result->next_attempt_wall_ms > 0)
		clock_rfc3339(result->next_attempt_wall_ms, at);
	(void)snprintf(out, TEXT_ROOM, "%s at %.*s, attempt %u: %u %.*s %.*s%s%s",
		       result_event_name(result->event), BYTES_ARGS(result->step), result->attempt,
		       result->code, BYTES_ARGS(result->enhanced), BYTES_ARGS(result->text),
		       at[0] ? "; next attempt at " : "", at);
}

void tap_result(const struct request *request, const struct result *result)
{
	struct taps *taps = request->set->options.taps;
	char text[TEXT_ROOM], domain[ADDRESS_DOMAIN_MAX + 1] = "";
	(void)request_domain(result->recipient, domain);
	const struct tap_subject subject = {
		.site = bytes_of(request->site),
		.settings_site =
			bytes_of(request->site_settings ? request->site_settings->name : ""),
		.next_hop = bytes_of(domain),
		.source = result->source,
		.recipients = &result->recipient,
		.messages = &result->id,
		.recipient_count = 1,
	};
	tap_set set = taps_match(taps, &subject);
	if (set == 0)
		return;
	write_outcome(result, text);
	const struct tap_line line = {
		.kind = TAP_OUTCOME,
		.site = subject.site,
		.next_hop = subject.next_hop,
		.source = subject.source,
		.message = result->id,
		.recipient = result->recipient,
		.text = bytes_of(text),
		.after_ms = -1,
	};
	taps_tell(taps, set, &line);
}
