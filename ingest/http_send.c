/* Requests that send mail: read, take in, accept, answer. The client may be gone before the broker has confirmed; then acceptance goes
 * on, and the client, who heard nothing, asks again with the same Idempotency-Key. */
#include <string.h>
#include <strings.h>

#include "broker/suppressions.h"
#include "ingest/from_domains.h"
#include "ingest/http/message_form.h"
#include "ingest/http/transmission.h"
#include "ingest/http_visit.h"
#include "lib/obs/log.h"

#define READ_AT_ONCE_MAX ((size_t)32 << 10)

enum { ON_SUPPRESSED_REFUSE, ON_SUPPRESSED_ACCEPT }; /* order of on_suppressed in ingest.def */

/* ---- to acceptance and back ---- */

static enum err is_suppressed(void *owner, struct mail *mail, struct bytes address,
			      bool *ret_refused)
{
	const struct visit *visit = owner;
	const struct http_door_options *options = &visit->door->options;
	const struct mail_owner whose = {.tenant = mail->labels.tenant};
	struct suppression suppression;
	enum err err = suppressions_find(options->suppressions, &whose, address,
					 mail->accepted_wall_ms, mail->arena, &suppression);
	if (err == E_MALFORMED)
		return E_NOT_FOUND;
	if (err != OK)
		return err;
	log_event(EV_recipient_suppressed, F_TEXT("by", "ingest"), F_TEXT("message", mail->id),
		  F_BYTES("recipient", address), F_BYTES("reason", suppression.reason));
	*ret_refused = options->settings->on_suppressed == ON_SUPPRESSED_REFUSE;
	return OK;
}

static struct intake_rules rules_of(struct visit *visit)
{
	const struct http_door_options *options = &visit->door->options;
	return (struct intake_rules){
		.routing = options->node.routing,
		.line_max = (size_t)options->settings->max_line_length,
		.memory_per_message = (size_t)options->settings->memory_per_message,
		.content_max = (size_t)options->listener->max_message_size,
		.recipients_max = SCHEMA_RECIPIENTS_MAX,
		.spool = options->spool,
		.tenant = visit->api.key->settings->tenant,
		.pool = visit->api.key->settings->pool,
		.wall_ms = loop_wall_ms(options->node.loop),
		.id = visit->idempotent ? visit->idempotent_id : NULL,
		.progress = visit->has_progress ? &visit->progress : NULL,
		.is_suppressed = is_suppressed,
		.owner = visit,
	};
}

static void answer_accepted(struct visit *visit)
{
	const struct intake *intake = &visit->intake;
	const char *id = intake->id;
	struct buf out;
	buf_init(&out, VERDICTS_TEXT_MAX);
	if (visit->api.endpoint->traits & AS_SPARKPOST) {
		verdicts_write_results(id, intake->verdicts, intake->verdict_count,
				       intake->accepted_count, &out);
		visit_answer_kept(visit, 200, buf_bytes(&out));
	} else {
		verdicts_write_answer(id, intake->verdicts, intake->verdict_count,
				      intake->accepted_count, &out);
		visit_answer_kept(visit, 202, buf_bytes(&out));
	}
	buf_done(&out);
}

static size_t kept_count(const struct mail *mail)
{
	size_t count = 0;
	for (size_t i = 0; i < mail->destination_count; i++)
		count += mail->destinations[i].is_kept;
	return count;
}

/* Some recipients may be kept. With an Idempotency-Key they are noted, and who asks again sends to the others. */
static void refuse_unkept(struct visit *visit, enum err err, const struct mail *mail)
{
	bool is_too_big = err == E_TOO_BIG;
	size_t kept = kept_count(mail);
	const char *detail = is_too_big ? "the message is too big for the broker"
					: "the message could not be kept, try again later";
	if (kept > 0)
		detail = arena_printf(
			visit->api.arena, "%s; %zu of its recipients are kept: %s", detail, kept,
			visit->idempotent
				? "the same request again, with the same Idempotency-Key, sends "
				  "to the others"
				: "the same request again sends to them again");
	unsigned status = is_too_big ? 413 : 503;
	if (kept == 0 || !visit->idempotent) {
		visit_refuse(visit, status, detail);
		return;
	}
	struct progress progress =
		progress_of(visit->api.arena, mail, visit->has_progress ? &visit->progress : NULL,
			    visit->intake.verdict_count);
	visit_refuse_noted(visit, status, detail, progress_encode(visit->api.arena, &progress));
}

static void on_accepted(void *owner, enum err err, const struct mail *mail)
{
	struct visit *visit = owner;
	visit->acceptance = NULL;
	if (err == OK)
		answer_accepted(visit);
	else
		refuse_unkept(visit, err, mail);
	visit_release(visit);
}

static void start(struct visit *visit)
{
	struct mail *mail = visit->intake.mail;
	char ip[NET_ADDRESS_SIZE];
	visit->intake.mail = NULL;
	net_address_ip_text(http_exchange_remote(visit->api.exchange), ip);
	mail->client_ip = arena_cstr(mail->arena, bytes_of(ip));
	mail->listener = visit->door->options.listener->name;
	mail->user = visit->api.key->settings->name; /* of the settings, which live longer */
	enum err err = acceptance_start(visit->door->options.acceptor, &mail, on_accepted, visit,
					&visit->acceptance);
	if (err == OK)
		return;
	mail_free(&mail);
	visit_fail(visit, err,
		   err == E_REFUSED ? "too many Received fields: this message loops"
				    : "no mail can be kept now, try again later");
}

static enum err check_sender(struct visit *visit)
{
	struct preparation *p = &visit->preparation;
	const struct conf_text_list *domains = &visit->api.key->settings->domains;
	const struct mail *mail = visit->intake.mail;
	enum err err = mail->is_skeleton ? skeleton_sender_is_allowed(domains, mail->sender,
								      p->posting.content, &p->why)
					 : mail_sender_is_allowed(domains, mail, &p->why);
	p->is_forbidden = err == E_REFUSED;
	return err;
}

/* On any thread: what it touches is the visit's alone. */
static void prepare(void *owner)
{
	struct visit *visit = owner;
	struct preparation *p = &visit->preparation;
	struct bytes body = BYTES_NONE;
	p->err = api_unpack(&visit->api, p->is_packed, &body, &p->why);
	if (p->err == OK)
		p->err = p->read(visit, body, &p->posting, &p->why);
	if (p->err == OK)
		p->err = intake_take(visit->api.arena, &p->posting, &p->rules, &visit->intake,
				     &p->why);
	if (p->err == OK && visit->intake.mail)
		p->err = check_sender(visit);
}

static void prepare_elsewhere(void *owner)
{
	log_set_role("ingest");
	prepare(owner);
}

static void on_prepared(void *owner)
{
	struct visit *visit = owner;
	visit->is_at_work = false;
	if (visit->api.is_gone) {
		visit_release(visit);
		return;
	}
	const struct preparation *p = &visit->preparation;
	if (p->is_forbidden) {
		visit_refuse(visit, 403, p->why.text);
		return;
	}
	if (p->err != OK) {
		visit_fail(visit, p->err, p->why.text);
		return;
	}
	if (visit->intake.mail) {
		api_key_spend(visit->api.key, visit->intake.mail->destination_count);
		start(visit);
	} else if (visit->intake.accepted_count > 0) {
		answer_accepted(visit); /* by an earlier try */
	} else {
		visit_refuse_all(visit, "no recipient can be mailed");
	}
}

/* A large body may take a second to be read: others do not wait for that. */
static void take(struct visit *visit)
{
	struct preparation *p = &visit->preparation;
	p->rules = rules_of(visit);
	if (!api_coding(&visit->api, &p->is_packed) ||
	    (p->is_packed && !api_has_room_to_unpack(&visit->api)))
		return;
	if (!p->is_packed && visit->api.body.len <= READ_AT_ONCE_MAX) {
		prepare(visit);
		on_prepared(visit);
		return;
	}
	visit->is_at_work = true;
	visit->work = (struct work){.run = prepare_elsewhere, .done = on_prepared, .owner = visit};
	offload_ask(visit->door->offload, &visit->work);
}

/* ---- POST /v1/messages ---- */

struct arguments {
	struct visit *visit;
	struct posting *posting;
	struct why *why;
	enum err err;
};

static void take_argument(void *owner, const char *name, struct bytes value)
{
	struct arguments *arguments = owner;
	if (arguments->err != OK)
		return;
	arguments->err = message_form_argument(arguments->visit->api.arena, name, value,
					       arguments->posting, arguments->why);
	if (arguments->err == E_NOT_FOUND)
		arguments->err = fail(arguments->why, E_MALFORMED, "unknown query parameter");
}

static enum err read_query(struct visit *visit, struct why *why)
{
	struct arguments arguments = {visit, &visit->preparation.posting, why, OK};
	http_exchange_each_query(visit->api.exchange, take_argument, &arguments);
	return arguments.err;
}

static enum err read_raw(struct visit *visit, struct bytes body, struct posting *posting,
			 struct why *why)
{
	(void)visit;
	posting->content = body;
	return message_form_check(posting, why);
}

static enum err read_form(struct visit *visit, struct bytes body, struct posting *posting,
			  struct why *why)
{
	enum err err = message_form_read(visit->api.arena, body, posting, why);
	return err == OK ? message_form_check(posting, why) : err;
}

static bool is_type(const struct visit *visit, const char *wanted)
{
	const char *given = http_exchange_header(visit->api.exchange, "Content-Type");
	size_t len = strlen(wanted);
	return given && strncasecmp(given, wanted, len) == 0 &&
	       (given[len] == '\0' || given[len] == ';' || given[len] == ' ');
}

void http_send_message(struct visit *visit)
{
	struct why why = {""};
	bool is_json = is_type(visit, "application/json");
	if (!is_json && !is_type(visit, "message/rfc822")) {
		visit_refuse(visit, 415, "Content-Type must be message/rfc822 or application/json");
		return;
	}
	visit->preparation.read = is_json ? read_form : read_raw;
	enum err err = is_json ? OK : read_query(visit, &why);
	if (err == OK)
		take(visit);
	else
		visit_fail(visit, err, why.text);
}

/* ---- POST /v1/transmissions ---- */

static enum err read_transmission(struct visit *visit, struct bytes body, struct posting *posting,
				  struct why *why)
{
	struct transmission transmission;
	enum err err = transmission_read(visit->api.arena, body, visit->preparation.rules.wall_ms,
					 &transmission, why);
	if (err == OK)
		*posting = transmission.posting;
	return err;
}

void http_send_transmission(struct visit *visit)
{
	if (!is_type(visit, "application/json")) {
		visit_refuse(visit, 415, "Content-Type must be application/json");
		return;
	}
	visit->preparation.read = read_transmission;
	take(visit);
}
