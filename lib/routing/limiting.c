/* See limiting.h. Types and bounds are those of site.def. */
#include "lib/routing/limiting.h"

#include <string.h>

#define WORD_MAX 200

#define LIMITS(X)                                                                                  \
	X(connections)                                                                             \
	X(connections_per_source)                                                                  \
	X(connections_per_tenant)                                                                  \
	X(connections_per_campaign)                                                                \
	X(connect_rate)                                                                            \
	X(connect_rate_per_source)                                                                 \
	X(connect_rate_per_tenant)                                                                 \
	X(connect_rate_per_campaign)                                                               \
	X(rate)                                                                                    \
	X(rate_per_source)                                                                         \
	X(rate_per_tenant)                                                                         \
	X(rate_per_campaign)                                                                       \
	X(messages_per_connection)                                                                 \
	X(messages_per_connection_per_tenant)                                                      \
	X(messages_per_connection_per_campaign)                                                    \
	X(recipients_per_transaction)                                                              \
	X(recipients_per_transaction_per_tenant)                                                   \
	X(recipients_per_transaction_per_campaign)

const char *const limiting_names[] = {
#define X(field) #field,
	LIMITS(X)
#undef X
		NULL,
};

bool limiting_is_same(const struct site_settings *left, const struct site_settings *right)
{
#define X(field) left->field == right->field &&
	return LIMITS(X) true;
#undef X
}

static const struct conf_field *field_of(struct bytes name)
{
	for (size_t i = 0; limiting_names[i]; i++)
		for (size_t j = 0;
		     bytes_is(name, limiting_names[i]) && j < sites_section.field_count; j++)
			if (bytes_is(name, sites_section.fields[j].name))
				return &sites_section.fields[j];
	return NULL;
}

bool limiting_is_rate(size_t index)
{
	return field_of(bytes_of(limiting_names[index]))->type == CONF_rate;
}

void limiting_write(const struct site_settings *site, size_t index, char out[UNITS_TEXT_SIZE])
{
	const struct conf_field *field = field_of(bytes_of(limiting_names[index]));
	int64_t value;
	memcpy(&value, (const char *)site + field->offset, sizeof value);
	if (field->type == CONF_rate)
		units_write_rate(value, out);
	else
		units_write_number(value, out);
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
