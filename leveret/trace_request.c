/* See trace_request.h. */
#include "leveret/trace_request.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf/units.h"
#include "lib/mail/address.h"

static bool take_text(const struct options *options, const char *name, char *out, bool *ret_given)
{
	const char *value = options_value(options, name, NULL);
	if (!value)
		return true;
	*ret_given = true;
	if (value[0] && strlen(value) <= TAP_VALUE_MAX && !strchr(value, '\n')) {
		(void)snprintf(out, TAP_VALUE_MAX + 1, "%s", value);
		return true;
	}
	(void)fprintf(stderr, "leveret: --%s takes one, of at most %d bytes\n", name,
		      TAP_VALUE_MAX);
	return false;
}

static bool take_domain(const char *text, char out[TAP_VALUE_MAX + 1])
{
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (!text[0])
		return true;
	if (domain_canonical(bytes_of(text), domain)) {
		(void)fprintf(stderr, "leveret: \"%s\" is no domain\n", text);
		return false;
	}
	(void)snprintf(out, TAP_VALUE_MAX + 1, "%s", domain);
	return true;
}

static bool take_subject(const struct options *options, struct trace_request *ret)
{
	struct tap_wish *wish = &ret->wish;
	char domain[TAP_VALUE_MAX + 1] = "";
	bool is_given = false;
	if (!take_text(options, "site", wish->site, &is_given) ||
	    !take_text(options, "domain", domain, &is_given) ||
	    !take_text(options, "recipient", wish->recipient, &is_given) ||
	    !take_text(options, "source", wish->source, &is_given) ||
	    !take_text(options, "message", wish->message, &is_given))
		return false;
	if (!is_given)
		(void)fprintf(stderr, "leveret: give one or more of --site, --domain, --recipient, "
				      "--source and --message\n");
	return is_given && take_domain(domain, wish->domain);
}

static bool take_ends(const struct options *options, struct trace_request *ret)
{
	const char *duration = options_value(options, "for", NULL);
	const char *limit = options_value(options, "limit", NULL);
	if (duration && (!units_parse_duration(duration, &ret->for_ms) || ret->for_ms <= 0)) {
		(void)fprintf(stderr, "leveret: --for takes a time as 30s or 5m, not \"%s\"\n",
			      duration);
		return false;
	}
	if (!limit || (bytes_to_u64(bytes_of(limit), UINT64_MAX, &ret->line_max) && ret->line_max))
		return true;
	(void)fprintf(stderr, "leveret: --limit takes a number of lines, not \"%s\"\n", limit);
	return false;
}

bool trace_request_take(const struct options *options, struct trace_request *ret)
{
	*ret = (struct trace_request){
		.wish = {.as_json = options_has(options, "json"),
			 .has_headers = options_has(options, "headers")},
	};
	return take_subject(options, ret) && take_ends(options, ret);
}

static bool is_named_site(const struct routing_settings *routing, const char *name)
{
	for (size_t i = 0; i < routing->sites.count; i++)
		if (strcmp(CONF_ITEM(&routing->sites, struct site_settings, i)->name, name) == 0)
			return true;
	return false;
}

/* A domain of no named site is one of the tail, or its worker has learned its site: it is looked for as a domain. */
bool trace_request_find_site(struct trace_request *request, const struct routing *routing)
{
	struct tap_wish *wish = &request->wish;
	const struct routing_settings *settings = routing_settings(routing);
	char domain[ADDRESS_DOMAIN_MAX + 1], key[ROUTING_NAME_MAX + 2];
	if (wish->site[0] == '\0' || is_named_site(settings, wish->site))
		return true;
	if (!strchr(wish->site, '.') || domain_canonical(bytes_of(wish->site), domain))
		return false;
	routing_site_key(routing, domain, key);
	bool is_named = is_named_site(settings, key);
	(void)snprintf(wish->site, sizeof wish->site, "%s", is_named ? key : "");
	if (!is_named)
		(void)snprintf(wish->domain, sizeof wish->domain, "%s", domain);
	return true;
}
