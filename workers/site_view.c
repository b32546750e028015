/* One text with two faces: members of a JSON object, or lines. What does not fit into an answer is left out. */
#include "workers/site_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/conf/units.h"
#include "lib/obs/log.h"

#define TEXT_ROOM 2000
#define ITEM_MAX  4096 /* of a list, written */

struct telling {
	const struct site_view *view;
	const char *site;
	bool as_json;
	struct buf out;
	size_t listed;
};

/* All of it or nothing. */
static void put(struct telling *telling, const char *text)
{
	if (buf_append_text(&telling->out, text))
		return;
}

static void put_item(struct telling *telling, const char *text)
{
	if (buf_room(&telling->out) < ITEM_MAX + 200)
		return;
	if (telling->as_json && telling->listed++ > 0)
		put(telling, ",");
	put(telling, text);
}

static const char *json(const char *text, char out[TEXT_ROOM])
{
	(void)log_escape_json(bytes_of(text), out, TEXT_ROOM);
	return out;
}

/* ---- sessions ---- */

static void tell_sessions(struct telling *telling)
{
	struct lanes_site_view view = {0};
	char text[ITEM_MAX], rate[UNITS_TEXT_SIZE], connect_rate[UNITS_TEXT_SIZE];
	bool is_known = lanes_view_site(telling->view->lanes, telling->site, &view);
	units_write_rate(view.limits.rate, rate);
	units_write_rate(view.limits.connect_rate, connect_rate);
	if (telling->as_json)
		(void)snprintf(
			text, sizeof text,
			",\"active\":%s,\"connections\":%" PRId64
			",\"rate\":\"%s\",\"connect_rate\":\"%s\",\"shared\":%s,\"parked\":%s,"
			"\"held\":%zu,\"open\":%zu,\"idle\":%zu,\"waiting\":%zu",
			is_known ? "true" : "false", view.limits.connections, rate, connect_rate,
			view.is_shared ? "true" : "false", view.is_parked ? "true" : "false",
			view.held_count, view.open_count, view.idle_count, view.waiting_count);
	else if (is_known)
		(void)snprintf(text, sizeof text,
			       "  %zu sessions open, %zu idle; may have %zu of %" PRId64
			       "%s; rate %s; %zu transactions wait%s\n",
			       view.open_count, view.idle_count, view.held_count,
			       view.limits.connections,
			       view.is_shared ? " that all workers share" : "", rate,
			       view.waiting_count, view.is_parked ? "; parked" : "");
	else
		(void)snprintf(text, sizeof text, "  nothing of it now\n");
	put(telling, text);
}

static void tell_source(void *owner, const struct lanes_source_view *view)
{
	struct telling *telling = owner;
	char text[ITEM_MAX], name[TEXT_ROOM], rate[UNITS_TEXT_SIZE];
	units_write_rate(view->limits.rate, rate);
	if (telling->as_json)
		(void)snprintf(
			text, sizeof text,
			"{\"source\":\"%s\",\"open\":%zu,\"idle\":%zu,\"connections\":%" PRId64
			",\"rate\":\"%s\",\"learned_connections\":%" PRId64 "}",
			json(view->source, name), view->open_count, view->idle_count,
			view->limits.connections, rate, view->learned_count);
	else
		(void)snprintf(text, sizeof text,
			       "  source %s: %zu open, %zu idle; rate %s; learned sessions %" PRId64
			       "\n",
			       view->source, view->open_count, view->idle_count, rate,
			       view->learned_count);
	put_item(telling, text);
}

/* ---- rules and replies ---- */

static void tell_rule(void *owner, const struct shaping_entry *entry)
{
	struct telling *telling = owner;
	char text[ITEM_MAX], until[CLOCK_RFC3339_SIZE];
	char subject[TEXT_ROOM], rule[TEXT_ROOM], reply[TEXT_ROOM];
	const struct loop *loop = telling->view->loop;
	clock_rfc3339(loop_wall_ms(loop) + entry->until_ms - loop_now_ms(loop), until);
	(void)snprintf(text, sizeof text,
		       telling->as_json
			       ? "{\"action\":\"%s\",\"source\":\"%s\",\"subject\":\"%s\",\"rule\":"
				 "\"%s\",\"value\":%" PRId64
				 ",\"until\":\"%s\",\"replies\":%u,\"reply\":\"%s\"}"
			       : "  rule: %s %s%s (%s, %" PRId64 ") until %s, by %u replies: %s\n",
		       shaping_action_name(entry->action), entry->source,
		       json(entry->subject, subject), json(entry->rule, rule), entry->value, until,
		       entry->reply_count, json(entry->reply, reply));
	put_item(telling, text);
}

static void tell_replies(struct telling *telling)
{
	const struct last_reply *reply;
	for (size_t i = 0; (reply = last_replies_at(telling->view->replies, telling->site, i));
	     i++) {
		char text[ITEM_MAX], at[CLOCK_RFC3339_SIZE], said[TEXT_ROOM];
		clock_rfc3339(reply->at_wall_ms, at);
		(void)snprintf(
			text, sizeof text,
			telling->as_json
				? "{\"at\":\"%s\",\"count\":%" PRIu64
				  ",\"step\":\"%s\",\"source\":\"%s\",\"code\":%u,\"text\":\"%s\"}"
				: "  reply: %s %6" PRIu64 "x at %s from %s: %u %s\n",
			at, reply->count, reply->step, reply->source, reply->code,
			json(reply->text, said));
		put_item(telling, text);
	}
}

static void open_list(struct telling *telling, const char *name)
{
	char text[100];
	telling->listed = 0;
	(void)snprintf(text, sizeof text, ",\"%s\":[", name);
	if (telling->as_json)
		put(telling, text);
}

static void close_list(struct telling *telling)
{
	if (telling->as_json)
		put(telling, "]");
}

static void tell(struct telling *telling)
{
	const struct site_view *view = telling->view;
	char text[ITEM_MAX], name[TEXT_ROOM];
	(void)snprintf(text, sizeof text, telling->as_json ? "{\"worker\":\"%s\"" : "worker %s\n",
		       json(view->worker_name, name));
	put(telling, text);
	tell_sessions(telling);
	open_list(telling, "sources");
	lanes_view_sources(view->lanes, telling->site, tell_source, telling);
	close_list(telling);
	open_list(telling, "rules");
	if (view->shaper)
		shaper_each(view->shaper, telling->site, tell_rule, telling);
	close_list(telling);
	open_list(telling, "replies");
	tell_replies(telling);
	close_list(telling);
	put(telling, telling->as_json ? "}" : "");
}

static void on_question(void *owner, const struct question *question)
{
	struct bytes form, site;
	char name[ROUTING_NAME_MAX + 2];
	if (!question_split(question->rest, &form, &site) ||
	    !bytes_to_cstr(site, name, sizeof name))
		return;
	struct telling telling = {.view = owner, .site = name, .as_json = bytes_is(form, "json")};
	buf_init(&telling.out, CONTROL_SIZE_MAX - 1024);
	tell(&telling);
	(void)question_answer(question, buf_bytes(&telling.out));
	buf_done(&telling.out);
}

void site_view_listen(struct site_view *view, struct questions *questions)
{
	questions_add(questions, SITE_QUESTION, on_question, view);
}
