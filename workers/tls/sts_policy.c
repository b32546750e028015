/* RFC 8461 3.1 (record), 3.2 (policy), 4.1 (names). */
#include "workers/tls/sts_policy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct bytes until(struct bytes b, uint8_t c, struct bytes *ret_rest)
{
	ptrdiff_t at = bytes_find(b, c);
	*ret_rest = at < 0 ? BYTES_NONE : bytes_skip(b, (size_t)at + 1);
	return at < 0 ? b : bytes_first(b, (size_t)at);
}

/* ---- the record ---- */

static bool is_id(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (!isascii(b.data[i]) || !isalnum(b.data[i]))
			return false;
	return b.len > 0 && b.len <= STS_ID_MAX;
}

bool sts_record_parse(struct bytes text, char ret_id[STS_ID_MAX + 1])
{
	struct bytes rest, id = BYTES_NONE;
	if (bytes_find(text, ';') < 0 || !bytes_is(bytes_trim(until(text, ';', &rest)), "v=STSv1"))
		return false;
	while (rest.len > 0) {
		struct bytes value, field = bytes_trim(until(rest, ';', &rest));
		struct bytes name = until(field, '=', &value);
		if (bytes_is(name, "id") && id.len == 0)
			id = value;
	}
	return is_id(id) && bytes_to_cstr(id, ret_id, STS_ID_MAX + 1);
}

/* ---- the policy ---- */

static bool is_host_name(struct bytes b)
{
	size_t label = 0;
	for (size_t i = 0; i < b.len; i++) {
		bool is_letter = isascii(b.data[i]) &&
				 (isalnum(b.data[i]) || b.data[i] == '-' || b.data[i] == '_');
		if (b.data[i] == '.' ? label == 0 : !is_letter)
			return false;
		label = b.data[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && b.len < 254;
}

static bool add_mx(struct sts_policy *policy, struct bytes value)
{
	bool is_wild = value.len > 2 && value.data[0] == '*' && value.data[1] == '.';
	if (!is_host_name(is_wild ? bytes_skip(value, 2) : value) || policy->mx_count == STS_MX_MAX)
		return false;
	char *out = policy->mx[policy->mx_count++];
	for (size_t i = 0; i < value.len; i++)
		out[i] = (char)tolower(value.data[i]);
	out[value.len] = '\0';
	return true;
}

static bool set_mode(struct sts_policy *policy, struct bytes value)
{
	static const char *const names[] = {"none", "testing", "enforce"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (bytes_is(value, names[i])) {
			policy->mode = (enum sts_mode)i;
			return true;
		}
	}
	return false;
}

static bool set_age(struct sts_policy *policy, struct bytes value)
{
	uint64_t age;
	if (value.len > 10 || !bytes_to_u64(value, UINT32_MAX * (uint64_t)4, &age))
		return false;
	policy->max_age_s = age < STS_AGE_MAX_S ? (int64_t)age : STS_AGE_MAX_S;
	return true;
}

/* A field that was given twice counts once, as it came first; those we do not know are for others. */
struct seen {
	bool version, mode, age;
};

static bool take_field(struct sts_policy *policy, struct bytes name, struct bytes value,
		       struct seen *seen)
{
	bool *is_seen = NULL;
	bool is_good = true;
	if (bytes_is(name, "mx"))
		return add_mx(policy, value);
	if (bytes_is(name, "version"))
		is_seen = &seen->version;
	else if (bytes_is(name, "mode"))
		is_seen = &seen->mode;
	else if (bytes_is(name, "max_age"))
		is_seen = &seen->age;
	if (!is_seen || *is_seen)
		return true;
	if (is_seen == &seen->version)
		is_good = bytes_is(value, "STSv1");
	else if (is_seen == &seen->mode)
		is_good = set_mode(policy, value);
	else
		is_good = set_age(policy, value);
	*is_seen = true;
	return is_good;
}

bool sts_policy_parse(struct bytes text, struct sts_policy *ret)
{
	struct seen seen = {0};
	memset(ret, 0, sizeof *ret);
	if (text.len > STS_POLICY_SIZE)
		return false;
	while (text.len > 0) {
		struct bytes value, line = bytes_strip(until(text, '\n', &text));
		if (line.len == 0)
			continue;
		if (bytes_find(line, ':') < 0)
			return false;
		struct bytes name = until(line, ':', &value);
		if (!take_field(ret, name, bytes_trim(value), &seen))
			return false;
	}
	return seen.version && seen.mode && seen.age &&
	       (ret->mx_count > 0 || ret->mode == STS_NONE);
}

/* ---- names ---- */

static bool is_named(const char *pattern, const char *host)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, host) == 0;
	const char *dot = strchr(host, '.');
	return dot && dot > host && strcasecmp(pattern + 1, dot) == 0;
}

bool sts_policy_names(const struct sts_policy *policy, const char *host)
{
	for (size_t i = 0; i < policy->mx_count; i++)
		if (is_named(policy->mx[i], host))
			return true;
	return false;
}
