/* Conditions of the message are looked at once, those of recipients for each. */
#include "ingest/rules.h"

#include <string.h>

#include "ingest/inbound.h"
#include "lib/base/pattern.h"
#include "lib/mail/header.h"

#define PRIORITY_START 10 /* mail_wishes.priority is 1 to 19 for -9 to 9 */

/* ---- conditions ---- */

/* "X-Kind = receipt*" in two; the pattern is NULL when the field must only be there. */
static struct bytes split_header(const char *condition, const char **ret_pattern)
{
	struct bytes text = bytes_of(condition);
	ptrdiff_t equals = bytes_find(text, '=');
	*ret_pattern = NULL;
	if (equals < 0)
		return bytes_trim(text);
	*ret_pattern = condition + equals + 1;
	*ret_pattern += strspn(*ret_pattern, " ");
	return bytes_trim(bytes_first(text, (size_t)equals));
}

static bool has_field(struct bytes header, const char *condition, struct arena *scratch)
{
	const char *pattern;
	struct bytes name = split_header(condition, &pattern);
	struct header_field field;
	while (header_next(&header, &field)) {
		if (!bytes_equal_nocase(field.name, name))
			continue;
		if (!pattern || pattern_matches(pattern, header_unfold(scratch, field.value), true))
			return true;
	}
	return false;
}

static bool domain_holds(const char *pattern, const char *domain)
{
	return !pattern[0] || routing_pattern_matches(pattern, domain);
}

static bool text_holds(const char *pattern, struct bytes text)
{
	return !pattern[0] || (text.len > 0 && pattern_matches(pattern, text, false));
}

/* All but to_domain. */
static bool message_holds(const struct rule_conditions *when, const struct mail *mail,
			  struct bytes header, struct arena *scratch)
{
	return (!when->listener[0] || strcmp(when->listener, mail->listener) == 0) &&
	       text_holds(when->credential, bytes_of(mail->user)) &&
	       text_holds(when->tenant, mail->labels.tenant) &&
	       domain_holds(when->from_domain, mail->sender_domain) &&
	       (!when->header[0] || has_field(header, when->header, scratch));
}

static bool has_condition(const struct conf_items *rules, size_t offset)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule_settings *rule = CONF_ITEM(rules, struct rule_settings, i);
		if ((*(const char *const *)((const char *)&rule->when + offset))[0])
			return true;
	}
	return false;
}

/* ---- what follows ---- */

static void keep_text(struct mail *mail, const char *text, struct bytes *ret)
{
	if (text[0])
		*ret = arena_copy(mail->arena, bytes_of(text));
}

static void act_on_message(const struct rule_actions *then, struct mail *mail)
{
	keep_text(mail, then->tenant, &mail->labels.tenant);
	keep_text(mail, then->campaign, &mail->labels.campaign);
	keep_text(mail, then->retry, &mail->retry);
	keep_text(mail, then->window, &mail->window);
	if (then->priority != 0)
		mail->wishes.priority = (uint32_t)(then->priority + PRIORITY_START);
}

static const char *domain_of(const struct destination *destination,
			     char out[ADDRESS_DOMAIN_MAX + 1])
{
	struct address address;
	if (address_parse(destination->address, true, &address) != OK ||
	    domain_canonical(address.domain, out) != OK)
		out[0] = '\0';
	return out;
}

static void act_on_recipient(const struct conf_items *rules, const bool *holds,
			     bool looks_at_domain, const struct routing *routing,
			     struct destination *destination)
{
	char domain[ADDRESS_DOMAIN_MAX + 1] = "";
	if (looks_at_domain)
		(void)domain_of(destination, domain);
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule_settings *rule = CONF_ITEM(rules, struct rule_settings, i);
		if (!holds[i] || !domain_holds(rule->when.to_domain, domain))
			continue;
		const struct pool_settings *pool = routing_pool(routing, rule->then.pool);
		if (pool && mail_fits_key(pool->name, destination->site))
			destination->pool = pool->name;
		return;
	}
}

void rules_apply(const struct conf_items *rules, const struct routing *routing, struct mail *mail)
{
	if (rules->count == 0 || inbound_is(mail))
		return;
	struct arena *scratch = arena_new();
	bool looks_at_header = has_condition(rules, offsetof(struct rule_conditions, header));
	struct bytes header =
		looks_at_header && !mail->is_skeleton ? mail_header(mail, scratch) : BYTES_NONE;
	bool *holds = arena_zalloc(scratch, rules->count, sizeof *holds);
	bool looks_at_domain = has_condition(rules, offsetof(struct rule_conditions, to_domain));
	const struct rule_settings *first = NULL;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule_settings *rule = CONF_ITEM(rules, struct rule_settings, i);
		holds[i] = message_holds(&rule->when, mail, header, scratch);
		if (holds[i] && !first && !rule->when.to_domain[0])
			first = rule;
	}
	for (size_t i = 0; i < mail->destination_count; i++)
		act_on_recipient(rules, holds, looks_at_domain, routing, &mail->destinations[i]);
	if (first)
		act_on_message(&first->then, mail);
	arena_free(&scratch);
}
