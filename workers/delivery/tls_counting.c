/* Sessions counted for reports on TLS: each that was opened for the domain, once. One that goes on in the clear after TLS failed is the same
 * session for its receiver, and one that is reused was counted when it was opened. */
#include "workers/delivery/lane_inner.h"

#define DAY_MS INT64_C(86400000)

void link_count_tls(const struct link *link, const struct smtp_outcome *ended)
{
	const struct lanes *lanes = link->lane->lanes;
	if (!link->account || !lanes->options.tallies || link->is_reused || link->is_clear)
		return;
	bool at_starttls = ended && ended->step == SMTP_STEP_STARTTLS;
	const struct tls_session_facts facts = {
		.is_secured = smtp_connection_tls(link->connection)[0] != '\0',
		.is_ready = !ended,
		.failed_in_handshake = at_starttls && ended->kind != SMTP_REPLIED,
		.was_refused =
			at_starttls && (ended->kind == SMTP_REPLIED || ended->err == E_REFUSED),
		.fault = smtp_connection_fault(link->connection),
	};
	struct net_address from = smtp_connection_source(link->connection);
	struct tls_session session = {
		.day = (uint32_t)(loop_wall_ms(lanes->options.loop) / DAY_MS),
		.sending_address = &from,
		.receiving_address = &link->to.address,
	};
	if (!tls_session_result(link->account, &facts, &session.result, &session.reason))
		return;
	(void)tls_tallies_count(lanes->options.tallies, link->account, &session);
}
