/* Everything that is given must fit. */
#include "broker/suppression_filter.h"

#include <ctype.h>

static bool is_same_word(struct bytes a, struct bytes b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		int left = a.data[i] == '-' ? '_' : tolower(a.data[i]);
		int right = b.data[i] == '-' ? '_' : tolower(b.data[i]);
		if (left != right)
			return false;
	}
	return a.len == b.len;
}

static bool fits(struct bytes wanted, struct bytes value)
{
	return wanted.len == 0 || is_same_word(wanted, value);
}

/* Names that others chose. */
static bool is_exactly(struct bytes wanted, struct bytes value)
{
	return wanted.len == 0 || bytes_equal(wanted, value);
}

static bool ends_with(struct bytes text, struct bytes end)
{
	return text.len >= end.len && bytes_equal_nocase(bytes_skip(text, text.len - end.len), end);
}

/* "*.example.com" is for what is below it. */
static bool has_domain(struct bytes address, struct bytes domain)
{
	if (domain.len > 0 && domain.data[0] == '*')
		return ends_with(address, bytes_skip(domain, 1));
	return ends_with(address, domain) && address.len > domain.len &&
	       address.data[address.len - domain.len - 1] == '@';
}

static bool has_text(struct bytes text, struct bytes wanted)
{
	for (size_t i = 0; i + wanted.len <= text.len; i++)
		if (bytes_equal_nocase(bytes_first(bytes_skip(text, i), wanted.len), wanted))
			return true;
	return false;
}

static bool has_prefix(struct bytes text, struct bytes prefix)
{
	return text.len >= prefix.len && bytes_equal_nocase(bytes_first(text, prefix.len), prefix);
}

static bool is_of_time(const struct suppression_filter *filter, int64_t created_wall_ms)
{
	return created_wall_ms >= filter->since_wall_ms &&
	       (filter->until_wall_ms == 0 || created_wall_ms < filter->until_wall_ms);
}

bool suppression_filter_fits(const struct suppression_filter *filter,
			     const struct suppression *suppression)
{
	return is_of_time(filter, suppression->created_wall_ms) &&
	       (filter->domain.len == 0 || has_domain(suppression->address, filter->domain)) &&
	       has_prefix(suppression->address, filter->prefix) &&
	       has_text(suppression->evidence, filter->text) &&
	       fits(filter->reason, suppression->reason) && fits(filter->rule, suppression->rule) &&
	       is_exactly(filter->tenant, suppression->tenant) &&
	       is_exactly(filter->stream, suppression->stream) &&
	       fits(filter->origin, suppression->origin) && fits(filter->site, suppression->site);
}
