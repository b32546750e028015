/* GET /v1/messages/{id}: what this host knows of a message of the API key's tenant. */
#include "ingest/http_visit.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define ANSWER_MAX   ((size_t)64 << 20) /* of TRACE_LISTED_MAX recipients at their longest */
#define ESCAPED_ROOM (ADDRESS_MAX * 6 + 1)

static void add(struct buf *out, const char *text)
{
	enum err err = buf_append_text(out, text);
	(void)err; /* ANSWER_MAX holds the longest */
}

static void add_text(struct buf *out, const char *name, struct bytes value)
{
	char escaped[ESCAPED_ROOM];
	(void)log_escape_json(bytes_first(value, ADDRESS_MAX), escaped, sizeof escaped);
	enum err err = buf_printf(out, "\"%s\":\"%s\"", name, escaped);
	(void)err;
}

static void add_events(struct buf *out, const struct trace *trace)
{
	const char *comma = "";
	add(out, ",\"events\":{");
	for (int event = RESULT_DELIVERED; event <= RESULT_EVENT_LAST; event++) {
		if (trace->event_counts[event] == 0)
			continue;
		enum err err = buf_printf(out, "%s\"%s\":%llu", comma,
					  result_event_name((enum result_event)event),
					  (unsigned long long)trace->event_counts[event]);
		(void)err;
		comma = ",";
	}
	add(out, "}");
}

static void add_recipients(struct buf *out, const struct trace *trace)
{
	add(out, ",\"recipients\":[");
	for (size_t i = 0; i < trace->head.listed_count; i++) {
		add(out, i > 0 ? "," : "");
		if (trace->latest[i].event != 0 && result_to_json(&trace->latest[i], out) == OK)
			continue;
		add(out, "{");
		add_text(out, "recipient", trace->head.listed[i]);
		add(out, "}");
	}
	add(out, "]");
}

static void answer(struct visit *visit, const struct trace *trace)
{
	char accepted[CLOCK_RFC3339_SIZE];
	struct buf out;
	clock_rfc3339(trace->head.accepted_wall_ms, accepted);
	buf_init(&out, ANSWER_MAX);
	add(&out, "{");
	add_text(&out, "id", bytes_of(visit->api.argument));
	enum err err = buf_printf(&out, ",\"accepted_at\":\"%s\",\"recipient_count\":%zu,",
				  accepted, trace->head.recipient_count);
	(void)err;
	add_text(&out, "key", trace->head.user);
	add(&out, ",");
	add_text(&out, "tenant", bytes_of(visit->api.key->settings->tenant));
	add(&out, ",");
	add_text(&out, "campaign", trace->head.campaign);
	add_events(&out, trace);
	add_recipients(&out, trace);
	add(&out, "}\n");
	visit_answer(visit, 200, buf_bytes(&out));
	buf_done(&out);
}

void http_look_up_message(struct visit *visit)
{
	const struct http_door_options *options = &visit->door->options;
	struct trace trace;
	enum err err = E_NOT_FOUND;
	if (options->traces)
		err = traces_find(options->traces, bytes_of(visit->api.key->settings->tenant),
				  bytes_of(visit->api.argument), visit->api.arena, &trace);
	if (err == OK)
		answer(visit, &trace);
	else if (err == E_NOT_FOUND)
		visit_refuse(visit, 404, "no such message of this tenant is known here");
	else
		visit_refuse(visit, 503, "what is known of messages cannot be read");
}
