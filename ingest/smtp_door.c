/* The SMTP door. A visit is one session's side of mail: it collects a mail, hands it to acceptance,
 * and answers when that is done. The session may be lost before; then acceptance goes on, and the
 * client, who heard nothing, will send again. */
#include "ingest/smtp_door.h"

#include <stdio.h>
#include <string.h>

#include "broker/suppressions.h"
#include "ingest/inbound.h"
#include "ingest/intake.h"
#include "ingest/quotas.h"
#include "ingest/repair.h"
#include "ingest/smtp/server.h"
#include "lib/base/memory.h"
#include "lib/mail/xtext.h"
#include "lib/obs/log.h"

/* listener.def and the session use the same words in the same order. */
_Static_assert((int)LISTENER_TLS_IMPLICIT == (int)SMTPD_TLS_IMPLICIT, "order of tls");
_Static_assert((int)SMTPD_RETURN_HEADERS == (int)DSN_RETURN_HEADERS &&
		       (unsigned)SMTPD_NOTIFY_DELAY == NOTIFY_DELAY,
	       "numbers of DSN");
_Static_assert((int)LISTENER_AUTH_REQUIRED == (int)SMTPD_AUTH_REQUIRED, "order of auth");

enum { EARLY_ACCEPT, EARLY_REFUSE };		     /* order of early_talkers */
enum { ON_SUPPRESSED_REFUSE, ON_SUPPRESSED_ACCEPT }; /* order of on_suppressed in ingest.def */

struct smtp_door {
	struct smtp_door_options options;
	struct smtpd_server *server;
	struct certificates *certificates; /* NULL without TLS */
	struct quotas *addresses, *users;
	unsigned dialects; /* METADATA_... */
	unsigned repairs;  /* REPAIR_... */
};

struct visit {
	struct smtp_door *door;
	struct smtpd_session *session;
	char ip[NET_ADDRESS_SIZE];
	bool may_relay;	    /* by its address, or by its certificate */
	bool is_spoken_for; /* by a filter, with XCLIENT */
	struct net_address client;
	struct login *login;		     /* while its answer is waited for */
	struct credentials *credentials;     /* the table of `credential` */
	const struct credential *credential; /* NULL: not logged in; counted by door->users */
	struct mail *mail;		     /* of the open transaction */
	struct intake *content;		     /* while content comes */
	struct why refusal;		     /* of content, with its enhanced code */
	unsigned refusal_code;
	struct repair_meter lines;     /* of content */
	struct acceptance *acceptance; /* while its answer is waited for */
};

/* ---- what failures are called in SMTP ---- */

static struct smtpd_reply reply_of(enum err err)
{
	switch (err) {
	case E_BLOCKED: /* the broker has no room */
	case E_FULL:
		return (struct smtpd_reply){452, "4.3.1 no room for the message, try again later"};
	case E_REFUSED:
		return (struct smtpd_reply){554, "5.4.6 too many hops, this message loops"};
	case E_TOO_BIG:
		return (struct smtpd_reply){552, "5.3.4 the message or its header is too big"};
	default:
		return (struct smtpd_reply){451,
					    "4.3.0 the message could not be kept, try again later"};
	}
}

/* Is there somebody to keep a message? Asked before one is sent, so that it is not sent in vain. */
static struct smtpd_reply check_acceptor(const struct visit *visit)
{
	switch (acceptor_check(visit->door->options.acceptor)) {
	case OK:
		return SMTPD_NO_OBJECTION;
	case E_FULL:
		return (struct smtpd_reply){451, "4.3.2 busy, try again later"};
	case E_BLOCKED:
		return (struct smtpd_reply){452, "4.3.1 no room for mail now, try again later"};
	default:
		return (struct smtpd_reply){451, "4.3.0 no mail can be kept now, try again later"};
	}
}

/* ---- logging in ---- */

static struct smtpd_reply reply_to_login(enum login_verdict verdict)
{
	switch (verdict) {
	case LOGIN_RIGHT:
		return (struct smtpd_reply){235, "2.7.0 welcome"};
	case LOGIN_WRONG:
		return (struct smtpd_reply){535, "5.7.8 the name or the password is wrong"};
	case LOGIN_BUSY:
		return (struct smtpd_reply){454, "4.7.0 too many logins at once, try again later"};
	case LOGIN_AWAY:
		return (struct smtpd_reply){454,
					    "4.7.0 nobody can check logins now, try again later"};
	case LOGIN_BLOCKED:
		break;
	}
	return (struct smtpd_reply){421, "4.7.0 too many failed logins from your address"};
}

static const char *verdict_name(enum login_verdict verdict)
{
	static const char *const names[] = {[LOGIN_RIGHT] = "right",
					    [LOGIN_WRONG] = "wrong",
					    [LOGIN_BUSY] = "busy",
					    [LOGIN_AWAY] = "away",
					    [LOGIN_BLOCKED] = "blocked"};
	return names[verdict];
}

static void leave_account(struct visit *visit)
{
	if (visit->credential)
		quotas_leave(visit->door->users, bytes_of(visit->credential->name));
	visit->credential = NULL;
	credentials_unref(&visit->credentials);
}

/* False when the user has too many sessions. */
static bool enter_account(struct visit *visit, const struct credential *credential)
{
	const struct smtp_door *door = visit->door;
	if (!quotas_enter(door->users, bytes_of(credential->name),
			  (unsigned)door->options.listener->max_connections_per_user,
			  loop_now_ms(door->options.node.loop)))
		return false;
	visit->credential = credential;
	visit->credentials = credentials_ref(credential->table);
	return true;
}

static void on_login_done(void *owner, enum login_verdict verdict,
			  const struct credential *credential)
{
	struct visit *visit = owner;
	visit->login = NULL;
	bool is_crowded = credential && !enter_account(visit, credential);
	log_event(EV_login_finished, F_TEXT("outcome", verdict_name(verdict)),
		  F_TEXT("listener", visit->door->options.listener->name),
		  F_TEXT("user", credential ? credential->name : ""), F_TEXT("client", visit->ip));
	static const struct smtpd_reply crowded = {421, "4.7.0 too many sessions of this user"};
	smtpd_session_logged_in(visit->session, is_crowded ? crowded : reply_to_login(verdict));
}

static void on_login(void *owner, const struct smtpd_login *login)
{
	struct visit *visit = owner;
	const struct login_request request = {
		.client = &visit->client,
		.listener = visit->door->options.listener->name,
		.name = login->name,
		.password = login->password,
	};
	visit->login = login_start(visit->door->options.logins, &request, on_login_done, visit);
}

/* ---- upcalls of a session ---- */

static void on_forget(void *owner)
{
	struct visit *visit = owner;
	intake_free(&visit->content);
	mail_free(&visit->mail);
}

/* RFC 3848, RFC 6531 4.3 */
static const char *protocol_of(const struct visit *visit, bool smtputf8)
{
	static const char *const extended[2][2] = {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}};
	static const char *const utf8[2][2] = {{"UTF8SMTP", "UTF8SMTPA"},
					       {"UTF8SMTPS", "UTF8SMTPSA"}};
	bool is_secured = smtpd_session_is_secured(visit->session);
	bool is_known = visit->credential != NULL;
	if (smtputf8)
		return utf8[is_secured][is_known];
	return smtpd_session_is_extended(visit->session) ? extended[is_secured][is_known] : "SMTP";
}

static bool is_known(const struct visit *visit)
{
	return visit->may_relay || visit->credential;
}

static struct smtpd_reply not_known(const struct visit *visit)
{
	return visit->door->options.listener->auth != LISTENER_AUTH_OFF
		       ? (struct smtpd_reply){530, "5.7.0 AUTH comes first"}
		       : (struct smtpd_reply){530, "5.7.0 show a certificate that we trust"};
}

/* One more message of the user, or else of the address. */
static struct smtpd_reply check_quota(const struct visit *visit)
{
	const struct smtp_door *door = visit->door;
	const struct listener_settings *listener = door->options.listener;
	bool is_user = visit->credential != NULL;
	int64_t per_minute = is_user ? listener->max_messages_per_minute_per_user
				     : listener->max_messages_per_minute_per_ip;
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = bytes_from(network, net_address_network(&visit->client, network));
	if (is_user)
		key = bytes_of(visit->credential->name);
	if (per_minute == 0 ||
	    quotas_take(is_user ? door->users : door->addresses, key, (unsigned)per_minute,
			loop_now_ms(door->options.node.loop)))
		return SMTPD_NO_OBJECTION;
	return (struct smtpd_reply){451, "4.7.1 too many messages in a minute, try again later"};
}

/* Whose mail it is, as whom it may be sent, and from what. */
static struct smtpd_reply take_identity(struct visit *visit)
{
	const struct credential *credential = visit->credential;
	struct mail *mail = visit->mail;
	if (!credential_may_send_as(credential, mail->sender_domain))
		return (struct smtpd_reply){553, "5.7.1 you may not send as this domain"};
	mail->user = arena_cstr(mail->arena, bytes_of(credential->name));
	mail->labels.tenant = arena_copy(mail->arena, bytes_of(credential->tenant));
	mail->pool_asked = arena_copy(mail->arena, bytes_of(credential->pool));
	return SMTPD_NO_OBJECTION;
}

static struct bytes decode_xtext(struct arena *arena, struct bytes text)
{
	if (text.len == 0)
		return BYTES_NONE;
	uint8_t *decoded = arena_alloc(arena, text.len);
	return bytes_from(decoded, xtext_decode(text, decoded));
}

static void take_times(struct mail *mail, const struct smtpd_mail_parameters *p)
{
	int64_t now_ms = mail->accepted_wall_ms;
	int64_t deliver_by_ms = now_ms + p->deliver_by_s * 1000;
	if (p->has_hold)
		mail->not_before_wall_ms =
			p->hold_for_s ? now_ms + p->hold_for_s * 1000 : p->hold_until_wall_ms;
	if (p->has_deliver_by && p->returns_when_late)
		mail->expires_wall_ms = deliver_by_ms;
	else if (p->has_deliver_by)
		mail->wishes.late_wall_ms = deliver_by_ms;
}

/* The parameters of MAIL, in our own terms. */
static struct smtpd_reply take_wishes(struct mail *mail, const struct smtpd_mail_parameters *p)
{
	mail->smtputf8 = p->smtputf8;
	mail->eightbit = p->body >= SMTPD_BODY_8BITMIME;
	mail->wishes = (struct mail_wishes){
		.envelope_id = decode_xtext(mail->arena, p->envelope_id),
		.dsn_return = (enum dsn_return)p->dsn_return,
		.priority = p->has_priority ? (uint32_t)(p->priority + 1 + SMTPD_PRIORITY_MAX) : 0,
		.require_tls = p->requires_tls,
	};
	take_times(mail, p);
	bool is_late =
		mail->expires_wall_ms > 0 && mail->not_before_wall_ms >= mail->expires_wall_ms;
	return is_late ? (struct smtpd_reply){501, "5.5.4 it would be held until it is too late"}
		       : SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_sender(void *owner, const struct smtpd_mail *mail)
{
	struct visit *visit = owner;
	if (!is_known(visit) && visit->door->options.listener->accept_for.count == 0)
		return not_known(visit);
	struct smtpd_reply objection = check_acceptor(visit);
	if (!smtpd_objects(objection))
		objection = check_quota(visit);
	if (smtpd_objects(objection))
		return objection;
	visit->mail = mail_new("smtp", loop_wall_ms(visit->door->options.node.loop));
	visit->mail->client_ip = visit->ip;
	visit->mail->listener = visit->door->options.listener->name;
	objection = take_wishes(visit->mail, mail->parameters);
	if (smtpd_objects(objection)) {
		on_forget(visit);
		return objection;
	}
	if (mail_set_sender(visit->mail, mail->sender) != OK)
		objection = (struct smtpd_reply){553, "5.1.7 the sender's domain is not a domain"};
	else if (visit->credential)
		objection = take_identity(visit);
	if (smtpd_objects(objection))
		on_forget(visit);
	return objection;
}

/* RFC 5321 4.5.1: <postmaster> alone is the one of this host. */
static enum err add_domain(struct visit *visit, const struct address *given, struct address *ret)
{
	if (given->domain.len > 0) {
		*ret = *given;
		return OK;
	}
	const char *text = arena_printf(visit->mail->arena, "postmaster@%s",
					visit->door->options.node.hostname);
	return address_parse(bytes_of(text), false, ret);
}

/* May it be mailed? With on_suppressed: accept, it is taken, and `fate` tells what comes of it. */
static struct smtpd_reply check_suppression(struct visit *visit, struct destination *destination)
{
	const struct smtp_door_options *options = &visit->door->options;
	struct suppression suppression;
	enum err err =
		suppressions_find(options->suppressions, destination->address,
				  visit->mail->accepted_wall_ms, visit->mail->arena, &suppression);
	if (err == E_NOT_FOUND || err == E_MALFORMED)
		return SMTPD_NO_OBJECTION;
	if (err != OK)
		return (struct smtpd_reply){451,
					    "4.3.0 cannot tell whether the address may be mailed"};
	log_event(EV_recipient_suppressed, F_TEXT("by", "ingest"),
		  F_TEXT("message", visit->mail->id), F_BYTES("recipient", destination->address),
		  F_BYTES("reason", suppression.reason));
	if (options->settings->on_suppressed == ON_SUPPRESSED_REFUSE)
		return (struct smtpd_reply){550, "5.7.1 the address is suppressed"};
	destination->fate = FATE_SUPPRESSED;
	return SMTPD_NO_OBJECTION;
}

/* "rfc822;ada@example.com" */
static struct bytes original_of(struct arena *arena, const struct smtpd_rcpt_parameters *p)
{
	if (p->original_type.len == 0)
		return BYTES_NONE;
	struct bytes address = decode_xtext(arena, p->original);
	return bytes_of(arena_printf(arena, "%.*s;%.*s", BYTES_ARGS(p->original_type),
				     BYTES_ARGS(address)));
}

/* Mail that comes back is kept for the bouncer, and goes by itself: what is sent on has other ways. */
static struct smtpd_reply add_inbound(struct visit *visit, const struct address *address)
{
	struct mail *mail = visit->mail;
	struct destination destination = inbound_destination(mail, address);
	if (mail->destination_count > 0 && !inbound_is(mail))
		return (struct smtpd_reply){452, "4.5.3 send to this address in another message"};
	mail->door = "inbound";
	mail_add(mail, &destination);
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply check_relay(const struct visit *visit)
{
	if (!is_known(visit))
		return (struct smtpd_reply){550, "5.7.1 relaying denied"};
	if (inbound_is(visit->mail))
		return (struct smtpd_reply){452, "4.5.3 send to this address in another message"};
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_recipient(void *owner, const struct smtpd_recipient *recipient)
{
	struct visit *visit = owner;
	struct address address;
	struct destination destination;
	enum err err = add_domain(visit, recipient->address, &address);
	if (err == OK && inbound_takes(&visit->door->options.listener->accept_for, &address))
		return add_inbound(visit, &address);
	struct smtpd_reply objection = check_relay(visit);
	if (smtpd_objects(objection))
		return objection;
	if (err == OK)
		err = mail_route(visit->mail, visit->door->options.node.routing, &address,
				 &destination);
	if (err != OK)
		return (struct smtpd_reply){553, "5.1.2 the recipient's domain is not a domain"};
	destination.notify = recipient->parameters->notify;
	destination.original = original_of(visit->mail->arena, recipient->parameters);
	objection = check_suppression(visit, &destination);
	if (!smtpd_objects(objection))
		mail_add(visit->mail, &destination);
	return objection;
}

static struct smtpd_reply on_data(void *owner)
{
	struct visit *visit = owner;
	const struct smtp_door_options *options = &visit->door->options;
	struct smtpd_reply objection = check_acceptor(visit);
	if (smtpd_objects(objection))
		return objection;
	bool is_inbound = inbound_is(visit->mail); /* nothing in it is for us, or ours to mend */
	visit->lines = (struct repair_meter){0};
	const struct intake_options intake = {
		.dialects = is_inbound ? 0 : visit->door->dialects,
		.adds_missing = options->listener->add_missing_headers && !is_inbound,
		.hostname = options->node.hostname,
	};
	visit->content = intake_new(
		&intake, visit->mail,
		blob_writer_new(options->spool, (size_t)options->settings->memory_per_message));
	return SMTPD_NO_OBJECTION;
}

static void note_content_failure(struct visit *visit, enum err err, const struct why *why)
{
	(void)fail(&visit->refusal, err, "5.6.0 %s", why->text);
	visit->refusal_code = 550;
	log_event(EV_message_refused, F_TEXT("door", "smtp"), F_TEXT("reason", err_text(err)),
		  F_TEXT("message", visit->mail->id), F_TEXT("why", why->text));
}

static enum err on_content(void *owner, struct bytes span)
{
	struct visit *visit = owner;
	struct why why = {""};
	repair_measure(&visit->lines, span);
	enum err err = intake_append(visit->content, span, &why);
	if (err != OK)
		note_content_failure(visit, err, &why);
	return err;
}

static struct smtpd_reply on_content_objection(void *owner, enum err err)
{
	const struct visit *visit = owner;
	if (err == E_MALFORMED)
		return (struct smtpd_reply){visit->refusal_code, visit->refusal.text};
	return reply_of(err);
}

static void on_accepted(void *owner, enum err err, const struct mail *mail)
{
	struct visit *visit = owner;
	char text[64 + SCHEMA_ID_MAX];
	visit->acceptance = NULL;
	(void)snprintf(text, sizeof text, "2.0.0 kept as %s", mail->id);
	smtpd_session_answer(visit->session,
			     err == OK ? (struct smtpd_reply){250, text} : reply_of(err));
}

/* What the header asked for may contradict itself, or be too much. */
static const char *times_fault(const struct visit *visit)
{
	const struct mail *mail = visit->mail;
	int64_t now_ms = mail->accepted_wall_ms;
	if (mail->not_before_wall_ms > now_ms + visit->door->options.listener->max_hold)
		return "nothing is held for so long";
	if (mail->expires_wall_ms != 0 && mail->expires_wall_ms <= now_ms)
		return "it is too late already";
	if (mail->expires_wall_ms != 0 && mail->not_before_wall_ms >= mail->expires_wall_ms)
		return "it would be held until it is too late";
	return NULL;
}

/* What is wrong with it of what this listener mends. Mail that comes back is kept as it is. */
static unsigned find_faults(const struct visit *visit, bool has_8bit)
{
	const struct mail *mail = visit->mail;
	size_t line_max = (size_t)visit->door->options.settings->max_line_length;
	unsigned faults = visit->lines.longest > line_max ? REPAIR_LONG_LINES : 0;
	if (has_8bit && !mail->eightbit && !mail->smtputf8)
		faults |= REPAIR_EIGHT_BIT;
	return inbound_is(mail) ? 0 : faults & visit->door->repairs;
}

static enum err mend_content(struct visit *visit, unsigned faults)
{
	const struct smtp_door_options *options = &visit->door->options;
	const struct repair_options repair = {
		.kinds = faults,
		.line_max = (size_t)options->settings->max_line_length,
		.spool = options->spool,
		.memory_per_message = (size_t)options->settings->memory_per_message,
	};
	struct why why = {""};
	if (faults == 0)
		return OK;
	enum err err = repair_mail(visit->mail, &repair, &why);
	if (err == E_MALFORMED) {
		note_content_failure(visit, err, &why);
		(void)fail(&visit->refusal, err, "5.6.3 it cannot be mended: %s", why.text);
		visit->refusal_code = 554;
	}
	return err;
}

static enum err finish_content(struct visit *visit)
{
	struct mail *mail = visit->mail;
	struct why why = {""};
	enum err err = intake_finish(&visit->content, &mail->content, &why);
	const char *fault = err == OK ? times_fault(visit) : NULL;
	if (fault)
		err = fail(&why, E_MALFORMED, "%s", fault);
	if (err == OK && mail->pool_asked.len > 0 &&
	    mail_reroute(mail, visit->door->options.node.routing) != OK)
		err = fail(&why, E_MALFORMED, "no such pool can be asked for");
	if (err != OK)
		note_content_failure(visit, err, &why);
	return err;
}

static void on_complete(void *owner, const struct smtpd_content *content)
{
	struct visit *visit = owner;
	struct mail *mail = visit->mail;
	unsigned faults = find_faults(visit, content->has_8bit);
	enum err err = finish_content(visit);
	if (err == OK)
		err = mend_content(visit, faults);
	if (err != OK) {
		on_forget(visit);
		smtpd_session_answer(visit->session, on_content_objection(visit, err));
		return;
	}
	if (inbound_is(mail))
		inbound_sort(mail);
	mail->hops = content->hops;
	mail->eightbit |= content->has_8bit && !(faults & REPAIR_EIGHT_BIT);
	mail->protocol = protocol_of(visit, mail->smtputf8);
	/* The client may go, or call itself something else, before the message is published. */
	mail->client_helo = arena_cstr(mail->arena, bytes_of(smtpd_session_helo(visit->session)));
	mail->client_ip = arena_cstr(mail->arena, bytes_of(visit->ip));
	err = acceptance_start(visit->door->options.acceptor, &visit->mail, on_accepted, visit,
			       &visit->acceptance);
	if (err == OK)
		return;
	mail_free(&visit->mail);
	smtpd_session_answer(visit->session, reply_of(err));
}

static void on_refused(void *owner, const char *verb, struct smtpd_reply objection)
{
	const struct visit *visit = owner;
	char code[12];
	(void)snprintf(code, sizeof code, "%u", objection.code);
	log_event(EV_smtp_command_refused, F_TEXT("code", code), F_TEXT("command", verb),
		  F_TEXT("reply", objection.text), F_TEXT("client", visit->ip));
}

/* ---- upcalls of the server ---- */

static bool is_in_network(const struct smtp_door *door, const struct net_address *remote)
{
	return conf_cidrs_contain(&door->options.listener->allow_from, &remote->sa.any);
}

/* Whoever may still show who he is is let in. */
static struct smtpd_reply on_client(void *owner, const struct net_address *remote)
{
	const struct smtp_door *door = owner;
	const struct listener_settings *listener = door->options.listener;
	bool has_other_ways = listener->client_certificates != CLIENT_CERTIFICATES_OFF ||
			      listener->auth != LISTENER_AUTH_OFF || listener->accept_for.count > 0;
	if (has_other_ways || is_in_network(door, remote))
		return SMTPD_NO_OBJECTION;
	return (struct smtpd_reply){554, "5.7.1 your address may not relay here"};
}

static bool on_is_proxy(void *owner, const struct net_address *remote)
{
	const struct smtp_door *door = owner;
	return conf_cidrs_contain(&door->options.listener->proxy_from, &remote->sa.any);
}

static void set_client(struct visit *visit, const struct net_address *client)
{
	visit->client = *client;
	visit->may_relay = is_in_network(visit->door, client);
	net_address_ip_text(client, visit->ip);
}

/* Who is not known may relay no more than anybody else. */
static struct smtpd_reply on_xclient(void *owner, const struct net_address *client)
{
	struct visit *visit = owner;
	leave_account(visit);
	visit->is_spoken_for = true;
	if (!client) {
		visit->may_relay = false;
		return SMTPD_NO_OBJECTION;
	}
	set_client(visit, client);
	return on_client(visit->door, client);
}

static void *on_opened(void *owner, struct smtpd_session *session, const struct net_address *remote)
{
	struct visit *visit = memory_new(sizeof *visit);
	visit->door = owner;
	visit->session = session;
	set_client(visit, remote);
	if (conf_cidrs_contain(&visit->door->options.listener->xclient_from, &remote->sa.any))
		smtpd_session_allow_xclient(session);
	return visit;
}

static struct tls_context *on_tls(void *owner)
{
	const struct smtp_door *door = owner;
	return certificates_context(door->certificates);
}

static void on_secured(void *session_owner, const char *tls_text, bool is_verified)
{
	struct visit *visit = session_owner;
	(void)tls_text;
	leave_account(visit);
	/* A filter's own certificate says nothing of the client that it speaks for. */
	visit->may_relay |= is_verified && !visit->is_spoken_for;
}

static void on_closed(void *session_owner)
{
	struct visit *visit = session_owner;
	acceptance_forget(&visit->acceptance);
	login_forget(&visit->login);
	on_forget(visit);
	leave_account(visit);
	free(visit);
}

static void on_drained(void *owner)
{
	const struct smtp_door *door = owner;
	door->options.drained(door->options.owner);
}

static const struct smtpd_server_handler upcalls = {
	.is_proxy = on_is_proxy,
	.client = on_client,
	.tls = on_tls,
	.secured = on_secured,
	.opened = on_opened,
	.session =
		{
			.login = on_login,
			.xclient = on_xclient,
			.sender = on_sender,
			.recipient = on_recipient,
			.data = on_data,
			.content = on_content,
			.complete = on_complete,
			.forget = on_forget,
			.refused = on_refused,
			.content_objection = on_content_objection,
		},
	.closed = on_closed,
	.drained = on_drained,
};

static unsigned repairs_of(const struct listener_settings *listener)
{
	unsigned repairs = 0;
	for (size_t i = 0; i < listener->repair.count; i++)
		repairs |= repair_kind(listener->repair.items[i]);
	return repairs;
}

/* What is mended must first be let in. */
static size_t line_max_of(const struct smtp_door_options *options)
{
	size_t line_max = (size_t)options->settings->max_line_length;
	bool is_mended = repairs_of(options->listener) & REPAIR_LONG_LINES;
	return is_mended && line_max < REPAIR_LINE_MAX ? REPAIR_LINE_MAX : line_max;
}

static struct smtpd_server_options server_options(const struct smtp_door_options *options)
{
	const struct listener_settings *listener = options->listener;
	return (struct smtpd_server_options){
		.name = listener->name,
		.connections_max = (unsigned)listener->max_connections,
		.connections_per_ip_max = (unsigned)listener->max_connections_per_ip,
		.greeting_delay_ms = listener->greeting_delay,
		.session =
			{
				.hostname = options->node.hostname,
				.tls = (enum smtpd_tls)listener->tls,
				.auth = (enum smtpd_auth)listener->auth,
				.auth_without_tls = listener->auth_without_tls,
				.failed_logins_max = (unsigned)listener->max_failed_logins,
				.message_bytes_max = (uint64_t)listener->max_message_size,
				.line_max = line_max_of(options),
				.recipients_max = (unsigned)listener->max_recipients,
				.errors_max = (unsigned)listener->max_errors,
				.messages_max = (uint64_t)listener->max_messages_per_connection,
				.command_ms = listener->command_timeout,
				.data_ms = listener->data_timeout,
				.message_ms = listener->message_timeout,
				.hold_max_s = listener->max_hold / 1000,
				.offers_requiretls = listener->requiretls,
				.error_delay_ms = listener->error_delay,
				.refuses_early = listener->early_talkers == EARLY_REFUSE,
			},
	};
}

static enum err open_certificates(struct smtp_door *door, struct why *why)
{
	const struct listener_settings *listener = door->options.listener;
	if (listener->tls == LISTENER_TLS_OFF)
		return OK;
	bool asks_clients = listener->client_certificates != CLIENT_CERTIFICATES_OFF;
	const struct certificate_use use = {
		.listener = listener->name,
		.certificate = listener->certificate,
		.client_ca = asks_clients ? listener->client_ca : "",
		.requires_client_certificate =
			listener->client_certificates == CLIENT_CERTIFICATES_REQUIRED,
	};
	return certificates_open(door->options.node.loop, door->options.certificates, &use,
				 &door->certificates, why);
}

enum err smtp_door_open(const struct smtp_door_options *options, struct smtp_door **ret,
			struct why *why)
{
	struct smtpd_server_options server = server_options(options);
	if (!net_address_parse(options->listener->address, 25, &server.address))
		return fail(why, E_MALFORMED,
			    "listeners.%s.address: \"%s\" is not an address and port",
			    options->listener->name, options->listener->address);
	struct smtp_door *door = memory_new(sizeof *door);
	door->options = *options;
	for (size_t i = 0; i < options->listener->metadata_headers.count; i++)
		door->dialects |= metadata_dialect(options->listener->metadata_headers.items[i]);
	door->repairs = repairs_of(options->listener);
	door->addresses = quotas_new();
	door->users = quotas_new();
	enum err err = open_certificates(door, why);
	if (err == OK)
		err = smtpd_server_open(options->node.loop, &server, &upcalls, door, &door->server,
					why);
	if (err == OK)
		*ret = door;
	else
		smtp_door_free(&door);
	return err;
}

void smtp_door_reload(struct smtp_door *door)
{
	if (door->certificates)
		certificates_reload(door->certificates);
}

void smtp_door_stop(struct smtp_door *door)
{
	smtpd_server_stop(door->server);
}

void smtp_door_free(struct smtp_door **door)
{
	if (!*door)
		return;
	smtpd_server_free(&(*door)->server);
	certificates_free(&(*door)->certificates);
	quotas_free(&(*door)->addresses);
	quotas_free(&(*door)->users);
	free(*door);
	*door = NULL;
}
