/* See report.h. MailerQ's readers switch on the pair of `state` and `result`, so these are its words. */
#include "ingest/mailerq/report.h"

#include <string.h>

#include "ingest/mailerq/echo.h"
#include "ingest/mailerq/translate.h"
#include "ingest/mailerq/value.h"

/* ---- words ---- */

/* Where our steps end is where its states do. */
static const struct {
	const char *step, *state;
} states[] = {
	{"connect", "connect"},
	{"greeting", "intro"},
	{"ehlo", "ehlo"},
	{"starttls", "starttls"},
	{"mail", "mailfrom"},
	{"rcpt", "rcptto"},
	{"data", "data"},
	{"bdat", "message"},
	{"body", "message"},
	{"rset", "idle"},
	{"dns", "dns"},
	{"expiry", "process"},
	{"suppression", "suppression"},
	{"recall", "process"},
};

/* A refused submission, by the property that its reason begins with. */
static const struct {
	const char *start, *state, *result;
} refusals[] = {
	{"mime: an object", "responsive", "error"},
	{"inlinecss:", "responsive", "error"},
	{"data:", "personalize", "error"},
	{"key:", "storage", "error"},
	{"ips:", "process", "error"},
};

/* Without a reply, our text tells how it ended. */
static const struct {
	const char *part, *result;
} endings[] = {
	{"in time", "timeout"},	 {"timed out", "timeout"},  {"stopped taking", "timeout"},
	{"closed", "lost"},	 {"reset by peer", "lost"}, {"hung up", "lost"},
	{"not SMTP", "invalid"}, {"unexpected", "invalid"}, {"senseless", "invalid"},
};

struct verdict {
	const char *state, *result;
};

static bool has_part(struct bytes text, const char *part)
{
	return text.len > 0 && memmem(text.data, text.len, part, strlen(part));
}

static struct verdict refusal_verdict(struct bytes reason)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (bytes_starts_with_nocase(reason, refusals[i].start))
			return (struct verdict){refusals[i].state, refusals[i].result};
	return (struct verdict){"process", "invalid"};
}

static const char *state_of(struct bytes step)
{
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (bytes_is(step, states[i].step))
			return states[i].state;
	return "unknown";
}

static struct verdict verdict_of(const struct result *result)
{
	struct verdict verdict = {state_of(result->step), "error"};
	if (result->event == RESULT_DELIVERED)
		return (struct verdict){"message", "accepted"};
	if (bytes_is(result->step, "submission"))
		return refusal_verdict(result->text);
	if (bytes_is(result->step, "expiry"))
		return (struct verdict){"process", "timeout"};
	if (result->code != 0 || result->remote_host.len + result->remote_address.len == 0)
		return result->event == RESULT_BOUNCED && bytes_is(result->enhanced, "5.1.3") &&
				       result->code == 0
			       ? (struct verdict){"process", "invalid"} /* no address, said by us */
			       : verdict;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (has_part(result->text, endings[i].part))
			verdict.result = endings[i].result;
	return verdict;
}

/* ---- the entry ---- */

static void set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort(); /* out of memory: names and values are well-formed */
}

static void set_text(json_t *object, const char *name, struct bytes text)
{
	if (text.len > 0 && bytes_is_utf8(text))
		set(object, name, json_stringn((const char *)text.data, text.len));
}

/* "192.0.2.1" of "192.0.2.1:25", "2001:db8::1" of "[2001:db8::1]:25". */
static struct bytes ip_of(struct bytes address)
{
	size_t end = address.len;
	while (end > 0 && address.data[end - 1] != ':')
		end--;
	struct bytes ip = bytes_first(address, end > 0 ? end - 1 : 0);
	if (ip.len > 2 && ip.data[0] == '[' && ip.data[ip.len - 1] == ']')
		ip = bytes_first(bytes_skip(ip, 1), ip.len - 2);
	return ip;
}

static struct bytes source_ip(const struct routing *routing, struct bytes name)
{
	char text[SCHEMA_NAME_MAX + 1];
	const struct source_settings *source =
		name.len > 0 && bytes_to_cstr(name, text, sizeof text)
			? routing_source(routing, text)
			: NULL;
	return source ? bytes_of(source->address) : BYTES_NONE;
}

static json_t *entry_of(const struct result *result, const struct routing *routing)
{
	json_t *entry = json_object();
	struct verdict verdict = verdict_of(result);
	char time[VALUE_TIME_SIZE];
	value_time_text(result->at_wall_ms, time);
	set(entry, "state", json_string(verdict.state));
	set(entry, "result", json_string(verdict.result));
	set(entry, "time", json_string(time));
	set(entry, "attempt", json_integer(result->attempt));
	set_text(entry, "from", source_ip(routing, result->source));
	set_text(entry, "to", ip_of(result->remote_address));
	set_text(entry, "mta", result->remote_host);
	if (result->code != 0)
		set(entry, "code", json_integer(result->code));
	set_text(entry, "status", result->enhanced);
	set_text(entry, "description", result->text);
	return entry;
}

/* An attempt before, as echo_with() told it: it was to be tried again. */
static json_t *past_entry_of(const json_t *told, const struct routing *routing)
{
	int64_t attempt = 0, code = 0, at_wall_ms = 0;
	(void)value_number(json_object_get(told, "attempt"), &attempt);
	(void)value_number(json_object_get(told, "code"), &code);
	(void)value_time(json_object_get(told, "at"), &at_wall_ms);
	const struct result result = {
		.event = RESULT_DEFERRED,
		.attempt = (uint32_t)attempt,
		.code = (uint32_t)code,
		.at_wall_ms = at_wall_ms,
		.step = value_text(json_object_get(told, "step")),
		.enhanced = value_text(json_object_get(told, "enhanced")),
		.text = value_text(json_object_get(told, "text")),
		.remote_host = value_text(json_object_get(told, "remote_host")),
		.remote_address = value_text(json_object_get(told, "remote_address")),
		.source = value_text(json_object_get(told, "source")),
	};
	return entry_of(&result, routing);
}

/* Entries that came with the message, those of attempts before, and the one that the result is about. */
static void add_entries(json_t *root, struct bytes past, const struct result *result,
			const struct routing *routing)
{
	json_t *results = json_object_get(root, "results"), *told;
	if (!json_is_array(results)) {
		results = json_array();
		set(root, "results", results);
	}
	while ((told = echo_next(&past))) {
		(void)json_array_append_new(results, past_entry_of(told, routing));
		json_decref(told);
	}
	if (json_array_append_new(results, entry_of(result, routing)) != 0)
		abort();
}

/* ---- where to ---- */

/* The message's own name wins; null, or "null", keeps this result out of any queue. One where results cannot be put was refused when
 * the message came; its refusal goes where the settings say. */
static struct mailerq_place choose_place(struct arena *arena,
					 const struct mailerq_settings *settings, json_t *echo,
					 const char *kind, const char *usual)
{
	const struct mailerq_place by_settings = {.queue = usual};
	json_t *queues = json_object_get(echo, "queues");
	json_t *own = json_object_get(queues, kind);
	if (!own)
		return by_settings;
	if (value_is_empty(own))
		return (struct mailerq_place){.queue = ""};
	struct bytes name = value_text(own);
	if (bytes_is(name, usual) || !mailerq_may_publish_to(settings, name))
		return by_settings;
	return (struct mailerq_place){.queue = arena_cstr(arena, name), .instead = usual};
}

static void add_place(struct mailerq_report *report, struct mailerq_place place)
{
	for (size_t i = 0; i < report->place_count; i++)
		if (strcmp(report->places[i].queue, place.queue) == 0)
			return;
	if (place.queue[0])
		report->places[report->place_count++] = place;
}

static void choose_places(struct arena *arena, const struct mailerq_settings *settings,
			  json_t *echo, enum result_event event, struct mailerq_report *ret)
{
	const char *kind = event == RESULT_DELIVERED ? "success" : "failure";
	const char *usual = event == RESULT_DELIVERED ? settings->success : settings->failure;
	if (event == RESULT_DEFERRED) {
		add_place(ret, choose_place(arena, settings, echo, "retry", settings->retry));
		return;
	}
	add_place(ret, choose_place(arena, settings, echo, "results", settings->results));
	struct mailerq_place place = choose_place(arena, settings, echo, kind, usual);
	if (place.instead && place.instead[0] == '\0')
		place.instead = settings->results; /* a final result is told somewhere */
	add_place(ret, place);
}

bool mailerq_report(struct arena *arena, const struct result *result,
		    const struct mailerq_settings *settings, const struct routing *routing,
		    struct mailerq_report *ret)
{
	struct bytes past = BYTES_NONE;
	json_t *root = echo_read(result->labels.echo, &past);
	if (!root)
		return false;
	*ret = (struct mailerq_report){0};
	choose_places(arena, settings, root, result->event, ret);
	add_entries(root, past, result, routing);
	set_text(root, "message-id", result->id);
	char *text = json_dumps(root, JSON_COMPACT);
	if (!text)
		abort();
	ret->json = arena_copy(arena, bytes_of(text));
	free(text);
	json_decref(root);
	return true;
}
