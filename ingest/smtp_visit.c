/* A visit's own life: who the client is, as whom it is logged in, and for whom it speaks. */
#include <stdio.h>
#include <stdlib.h>

#include "ingest/quotas.h"
#include "ingest/smtp_visit.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

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
			  (unsigned)door->options.listener->max_connections_per_user))
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

void visit_on_login(void *owner, const struct smtpd_login *login)
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

/* ---- who it is ---- */

/* RFC 3848, RFC 6531 4.3 */
const char *visit_protocol(const struct visit *visit, bool smtputf8)
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

bool visit_is_known(const struct visit *visit)
{
	return visit->may_relay || visit->credential;
}

static bool is_in_network(const struct smtp_door *door, const struct net_address *remote)
{
	return conf_cidrs_contain(&door->options.listener->allow_from, &remote->sa.any);
}

static void set_client(struct visit *visit, const struct net_address *client)
{
	visit->client = *client;
	visit->may_relay = is_in_network(visit->door, client);
	net_address_ip_text(client, visit->ip);
}

/* Whoever may still show who he is is let in. */
struct smtpd_reply smtp_door_objection(void *owner, const struct net_address *remote)
{
	const struct smtp_door *door = owner;
	const struct listener_settings *listener = door->options.listener;
	bool has_other_ways = listener->client_certificates != CLIENT_CERTIFICATES_OFF ||
			      listener->auth != LISTENER_AUTH_OFF || listener->accept_for.count > 0;
	if (has_other_ways || is_in_network(door, remote))
		return SMTPD_NO_OBJECTION;
	return (struct smtpd_reply){554, "5.7.1 your address may not relay here"};
}

/* Who is not known may relay no more than anybody else. */
struct smtpd_reply visit_on_xclient(void *owner, const struct net_address *client)
{
	struct visit *visit = owner;
	leave_account(visit);
	visit->is_spoken_for = true;
	if (!client) {
		visit->may_relay = false;
		return SMTPD_NO_OBJECTION;
	}
	set_client(visit, client);
	return smtp_door_objection(visit->door, client);
}

/* ---- its beginning and its end ---- */

void *visit_on_opened(void *owner, struct smtpd_session *session, const struct net_address *remote)
{
	struct visit *visit = memory_new(sizeof *visit);
	visit->door = owner;
	visit->session = session;
	set_client(visit, remote);
	if (conf_cidrs_contain(&visit->door->options.listener->xclient_from, &remote->sa.any))
		smtpd_session_allow_xclient(session);
	return visit;
}

void visit_on_secured(void *session_owner, const char *tls_text, bool is_verified)
{
	struct visit *visit = session_owner;
	(void)tls_text;
	leave_account(visit);
	/* A filter's own certificate says nothing of the client that it speaks for. */
	visit->may_relay |= is_verified && !visit->is_spoken_for;
}

void visit_on_forget(void *owner)
{
	struct visit *visit = owner;
	intake_free(&visit->content);
	mail_free(&visit->mail);
}

void visit_on_closed(void *session_owner)
{
	struct visit *visit = session_owner;
	acceptance_forget(&visit->acceptance);
	login_forget(&visit->login);
	visit_on_forget(visit);
	leave_account(visit);
	free(visit);
}

void visit_on_refused(void *owner, const char *verb, struct smtpd_reply objection)
{
	const struct visit *visit = owner;
	char code[12];
	(void)snprintf(code, sizeof code, "%u", objection.code);
	log_event(EV_smtp_command_refused, F_TEXT("code", code), F_TEXT("command", verb),
		  F_TEXT("reply", objection.text), F_TEXT("client", visit->ip));
}
