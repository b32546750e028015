/* A day's report (RFC 8460 4.4), one policy after the other: each with its sum of good sessions, and its failures by kind. */
#include "schemas/tls_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define DAY_MS INT64_C(86400000)
#define INDENT 2

const char *tls_result_name(uint32_t result)
{
	static const char *const names[] = {
		"success",
#define X(name, text) text,
		TLS_RESULTS(X)
#undef X
	};
	return result < TLS_RESULT_COUNT ? names[result] : "unknown";
}

const char *tls_policy_type_name(uint32_t type)
{
	static const char *const names[] = {"unknown", "tlsa", "sts", "no-policy-found"};
	return type <= TLS_POLICY_LAST ? names[type] : names[0];
}

static void set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort(); /* out of memory: names are ours, and values were made */
}

/* Tallies hold UTF-8. */
static json_t *text_json(struct bytes text)
{
	json_t *json = json_stringn(text.len > 0 ? (const char *)text.data : "", text.len);
	return json ? json : json_string("?");
}

static void set_text(json_t *object, const char *name, struct bytes text)
{
	if (text.len > 0)
		set(object, name, text_json(text));
}

static void set_texts(json_t *object, const char *name, const struct bytes *texts, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, text_json(texts[i]));
	if (count > 0)
		set(object, name, list);
	else
		json_decref(list);
}

static void set_time(json_t *object, const char *name, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_rfc3339(wall_ms, text);
	(void)strcpy(text + strlen("2026-11-21T00:00:00"), "Z"); /* no fraction */
	set(object, name, json_string(text));
}

/* ---- policies ---- */

static bool are_equal(const struct bytes *a, size_t a_count, const struct bytes *b, size_t b_count)
{
	for (size_t i = 0; a_count == b_count && i < a_count; i++)
		if (!bytes_equal(a[i], b[i]))
			return false;
	return a_count == b_count;
}

static bool is_same_policy(const struct tls_tally *a, const struct tls_tally *b)
{
	return a->policy_type == b->policy_type &&
	       bytes_equal(a->policy_domain, b->policy_domain) &&
	       are_equal(a->policy_string, a->policy_string_count, b->policy_string,
			 b->policy_string_count) &&
	       are_equal(a->mx_patterns, a->mx_pattern_count, b->mx_patterns, b->mx_pattern_count);
}

static json_t *policy_json(const struct tls_tally *tally)
{
	json_t *policy = json_object();
	set(policy, "policy-type", json_string(tls_policy_type_name(tally->policy_type)));
	set_texts(policy, "policy-string", tally->policy_string, tally->policy_string_count);
	set_text(policy, "policy-domain",
		 tally->policy_domain.len > 0 ? tally->policy_domain : tally->domain);
	set_texts(policy, "mx-host", tally->mx_patterns, tally->mx_pattern_count);
	return policy;
}

static json_t *failure_json(const struct tls_tally *tally)
{
	json_t *failure = json_object();
	set(failure, "result-type", json_string(tls_result_name(tally->result)));
	set_text(failure, "sending-mta-ip", tally->sending_address);
	set_text(failure, "receiving-mx-hostname", tally->mx_host);
	set_text(failure, "receiving-ip", tally->receiving_address);
	set(failure, "failed-session-count", json_integer((json_int_t)tally->count));
	set_text(failure, "failure-reason-code", tally->reason);
	return failure;
}

/* All that is of the same policy as the tally at `first`. */
static json_t *entry_json(const struct tls_report *report, size_t first)
{
	json_t *entry = json_object(), *summary = json_object(), *failures = json_array();
	uint64_t good = 0, bad = 0;
	for (size_t i = first; i < report->tally_count; i++) {
		const struct tls_tally *tally = &report->tallies[i];
		if (!is_same_policy(tally, &report->tallies[first]))
			continue;
		if (tally->result == TLS_SUCCESS) {
			good += tally->count;
			continue;
		}
		bad += tally->count;
		(void)json_array_append_new(failures, failure_json(tally));
	}
	set(summary, "total-successful-session-count", json_integer((json_int_t)good));
	set(summary, "total-failure-session-count", json_integer((json_int_t)bad));
	set(entry, "policy", policy_json(&report->tallies[first]));
	set(entry, "summary", summary);
	if (json_array_size(failures) > 0)
		set(entry, "failure-details", failures);
	else
		json_decref(failures);
	return entry;
}

static bool was_there_before(const struct tls_report *report, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same_policy(&report->tallies[i], &report->tallies[index]))
			return true;
	return false;
}

/* ---- the whole ---- */

static json_t *report_json(const struct tls_report *report)
{
	json_t *root = json_object(), *range = json_object(), *policies = json_array();
	int64_t start = (int64_t)report->day * DAY_MS;
	set(root, "organization-name", json_string(report->organization));
	set_time(range, "start-datetime", start);
	set_time(range, "end-datetime", start + DAY_MS - 1000);
	set(root, "date-range", range);
	set(root, "contact-info", json_string(report->contact));
	set(root, "report-id", json_string(report->id));
	for (size_t i = 0; i < report->tally_count; i++)
		if (!was_there_before(report, i))
			(void)json_array_append_new(policies, entry_json(report, i));
	set(root, "policies", policies);
	return root;
}

static int append(const char *data, size_t len, void *out)
{
	return buf_append(out, bytes_from(data, len)) == OK ? 0 : -1;
}

enum err tls_report_to_json(const struct tls_report *report, struct buf *out)
{
	json_t *root = report_json(report);
	int rc = json_dump_callback(root, append, out, JSON_INDENT(INDENT));
	json_decref(root);
	return rc == 0 ? buf_append_text(out, "\n") : E_FULL;
}
