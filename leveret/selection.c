#include "leveret/selection.h"

#include <string.h>

#include "broker/suspensions.h"
#include "lib/mail/address.h"

static bool fits(struct bytes wanted, struct bytes is)
{
	return wanted.len == 0 || bytes_equal(wanted, is);
}

static bool has_own_queue(const struct routing *routing, struct bytes site)
{
	const struct routing_settings *settings = routing_settings(routing);
	for (size_t i = 0; i < settings->sites.count; i++) {
		const struct site_settings *known =
			CONF_ITEM(&settings->sites, struct site_settings, i);
		if (bytes_is(site, known->name))
			return known->own_queue;
	}
	return false;
}

bool selection_fits_queue(const struct selection *selection, const struct routing *routing,
			  const struct delivery_request *mail)
{
	if (!fits(selection->pool, mail->pool))
		return false;
	if (bytes_is(selection->site, SUSPENSION_TAIL))
		return !has_own_queue(routing, mail->site);
	return fits(selection->site, mail->site);
}

bool selection_fits_mail(const struct selection *selection, const struct delivery_request *mail)
{
	return fits(selection->tenant, mail->labels.tenant) &&
	       fits(selection->campaign, mail->labels.campaign) &&
	       (selection->accepted_before_wall_ms == 0 ||
		mail->accepted_wall_ms < selection->accepted_before_wall_ms);
}

bool selection_fits_recipient(const struct selection *selection, const struct recipient *recipient)
{
	struct address parsed;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (selection->domain.len == 0)
		return true;
	return !address_parse(recipient->address, true, &parsed) && !parsed.is_null &&
	       !domain_canonical(parsed.domain, domain) && bytes_is(selection->domain, domain);
}
