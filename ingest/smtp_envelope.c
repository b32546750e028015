/* The envelope: what may be mailed, by whom, and what the parameters of MAIL and RCPT mean. */
#include "broker/suppressions.h"
#include "ingest/inbound.h"
#include "ingest/quotas.h"
#include "ingest/smtp_visit.h"
#include "lib/mail/xtext.h"
#include "lib/obs/log.h"

_Static_assert((int)SMTPD_RETURN_HEADERS == (int)DSN_RETURN_HEADERS &&
		       (unsigned)SMTPD_NOTIFY_DELAY == NOTIFY_DELAY,
	       "numbers of DSN");

enum { ON_SUPPRESSED_REFUSE, ON_SUPPRESSED_ACCEPT }; /* order of on_suppressed in ingest.def */

/* Is there somebody to keep a message? Asked before one is sent, so that it is not sent in vain. */
struct smtpd_reply visit_acceptor_objection(const struct visit *visit)
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

/* ---- MAIL ---- */

static struct smtpd_reply not_known(const struct visit *visit)
{
	return visit->door->options.listener->auth != LISTENER_AUTH_OFF
		       ? (struct smtpd_reply){530, "5.7.0 AUTH comes first"}
		       : (struct smtpd_reply){530, "5.7.0 show a certificate that we trust"};
}

/* One more of the user, or else of the address; false when that is too many. */
static bool is_within(const struct visit *visit, enum quota_kind kind, int64_t per_minute_per_user,
		      int64_t per_minute_per_ip)
{
	const struct smtp_door *door = visit->door;
	const struct credential *credential = visit->credential;
	int64_t per_minute = credential ? per_minute_per_user : per_minute_per_ip;
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = bytes_from(network, net_address_network(&visit->client, network));
	if (credential)
		key = bytes_of(credential->name);
	return per_minute == 0 ||
	       quotas_take(credential ? door->users : door->addresses, key, kind,
			   (unsigned)per_minute, loop_now_ms(door->options.node.loop));
}

static struct smtpd_reply check_message_quota(const struct visit *visit)
{
	const struct listener_settings *listener = visit->door->options.listener;
	if (is_within(visit, QUOTA_MESSAGES, listener->max_messages_per_minute_per_user,
		      listener->max_messages_per_minute_per_ip))
		return SMTPD_NO_OBJECTION;
	return (struct smtpd_reply){451, "4.7.1 too many messages in a minute, try again later"};
}

static struct smtpd_reply check_recipient_quota(const struct visit *visit)
{
	const struct listener_settings *listener = visit->door->options.listener;
	if (is_within(visit, QUOTA_RECIPIENTS, listener->max_recipients_per_minute_per_user,
		      listener->max_recipients_per_minute_per_ip))
		return SMTPD_NO_OBJECTION;
	return (struct smtpd_reply){452, "4.7.1 too many recipients in a minute, try again later"};
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

struct smtpd_reply visit_on_sender(void *owner, const struct smtpd_mail *mail)
{
	struct visit *visit = owner;
	if (!visit_is_known(visit) && visit->door->options.listener->accept_for.count == 0)
		return not_known(visit);
	struct smtpd_reply objection = visit_acceptor_objection(visit);
	if (!smtpd_objects(objection))
		objection = check_message_quota(visit);
	if (smtpd_objects(objection))
		return objection;
	visit->mail = mail_new("smtp", loop_wall_ms(visit->door->options.node.loop));
	visit->mail->client_ip = visit->ip;
	visit->mail->listener = visit->door->options.listener->name;
	objection = take_wishes(visit->mail, mail->parameters);
	if (smtpd_objects(objection)) {
		visit_on_forget(visit);
		return objection;
	}
	if (mail_set_sender(visit->mail, mail->sender) != OK)
		objection = (struct smtpd_reply){553, "5.1.7 the sender's domain is not a domain"};
	else if (visit->credential)
		objection = take_identity(visit);
	if (smtpd_objects(objection))
		visit_on_forget(visit);
	return objection;
}

/* ---- RCPT ---- */

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
	const struct mail_owner whose = {.tenant = visit->mail->labels.tenant};
	struct suppression suppression;
	enum err err =
		suppressions_find(options->suppressions, &whose, destination->address,
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
	if (!visit_is_known(visit))
		return (struct smtpd_reply){554, "5.7.1 relaying denied"};
	if (inbound_is(visit->mail))
		return (struct smtpd_reply){452, "4.5.3 send to this address in another message"};
	return SMTPD_NO_OBJECTION;
}

struct smtpd_reply visit_on_recipient(void *owner, const struct smtpd_recipient *recipient)
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
		objection = check_recipient_quota(visit);
	if (!smtpd_objects(objection))
		mail_add(visit->mail, &destination);
	return objection;
}
