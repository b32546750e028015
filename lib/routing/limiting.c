/* See limiting.h. Types and bounds are those of site.def. */
#include "lib/routing/limiting.h"

#include <string.h>

#include "lib/conf/units.h"

#define WORD_MAX 200

const char *const limiting_names[] = {
	"connections",
	"connections_per_source",
	"connections_per_tenant",
	"connections_per_campaign",
	"connect_rate",
	"connect_rate_per_source",
	"rate",
	"rate_per_source",
	"rate_per_tenant",
	"rate_per_campaign",
	"recipients_per_transaction",
	NULL,
};

static const struct conf_field *field_of(struct bytes name)
{
	for (size_t i = 0; limiting_names[i]; i++)
		for (size_t j = 0;
		     bytes_is(name, limiting_names[i]) && j < sites_section.field_count; j++)
			if (bytes_is(name, sites_section.fields[j].name))
				return &sites_section.fields[j];
	return NULL;
}

static bool parse(const struct conf_field *field, const char *text, int64_t *ret)
{
	return field->type == CONF_rate ? units_parse_rate(text, ret)
					: units_parse_number(text, ret);
}

/* For a rate the least is none, and none is no limit. */
static bool is_within(const struct conf_field *field, int64_t value)
{
	int64_t min, max;
	return parse(field, field->min, &min) && parse(field, field->max, &max) && value >= min &&
	       value <= max;
}

static enum err apply_word(struct bytes word, struct site_settings *into, struct why *why)
{
	char value[WORD_MAX];
	int64_t number;
	ptrdiff_t equals = bytes_find(word, '=');
	const struct conf_field *field =
		equals > 0 ? field_of(bytes_from(word.data, (size_t)equals)) : NULL;
	if (!field)
		return fail(why, E_MALFORMED, "\"%.*s\" is no limit, such as rate=100/min",
			    BYTES_ARGS(word));
	struct bytes rest = bytes_from(word.data + equals + 1, word.len - (size_t)equals - 1);
	if (!bytes_to_cstr(rest, value, sizeof value) || !parse(field, value, &number) ||
	    !is_within(field, number))
		return fail(why, E_MALFORMED, "%s: from %s to %s, not \"%.*s\"", field->name,
			    field->min, field->max, BYTES_ARGS(rest));
	memcpy((char *)into + field->offset, &number, sizeof number);
	return OK;
}

enum err limiting_apply(struct bytes words, struct site_settings *into, struct why *why)
{
	struct site_settings applied = *into;
	size_t at = 0;
	while (at < words.len) {
		size_t end = at;
		while (end < words.len && words.data[end] != ' ')
			end++;
		enum err err =
			end > at ? apply_word(bytes_from(words.data + at, end - at), &applied, why)
				 : OK;
		if (err)
			return err;
		at = end + 1;
	}
	*into = applied;
	return OK;
}
