/* Acceptance.
 *
 *   start --> line --publish group by group, as room allows--> under way --all confirmed--> done
 *
 * Only the head of the line may be partly published. An acceptance fails with the first failure of
 * a publication: groups behind it are not published any more, and done waits for those before it.
 */
#include "ingest/acceptance.h"

#include <assert.h>
#include <string.h>

#include "ingest/encoding.h"
#include "ingest/rules.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

struct acceptance {
	struct acceptor *acceptor;
	struct mail *mail;
	const struct group *groups;
	size_t group_count, published_count;
	size_t unconfirmed_count;
	bool is_in_line;
	enum err err;
	struct buf received;
	int64_t started_at_ms;
	acceptance_done done; /* NULL: nobody waits */
	void *owner;
	struct acceptance *next; /* in line */
};

struct acceptor {
	struct acceptor_options options;
	struct acceptance *line, **line_end;
	uint64_t waiting_bytes, waiting_memory_bytes; /* of content, of those in line */
	size_t count;
	/* At the end of the turn: so `done` never comes inside a call, and publications come in
	 * bursts. */
	struct task publish;
};

/* ---- the end of one ---- */

static void log_end(const struct acceptance *a)
{
	const struct mail *mail = a->mail;
	const char *labels[] = {mail->door};
	int64_t took_ms = loop_now_ms(a->acceptor->options.loop) - a->started_at_ms;
	metric_observe_ms(M_accept_seconds, labels, took_ms);
	if (a->err == OK && mail->refusal)
		return; /* whoever refused it told so */
	if (a->err == OK)
		log_event(EV_message_accepted, F_TEXT("door", mail->door),
			  F_TEXT("message", mail->id), F_BYTES("sender", mail->sender),
			  F_INT("recipients", mail->destination_count),
			  F_INT("requests", a->group_count),
			  F_INT("bytes", blob_size(mail->content)),
			  F_TEXT("client", mail->client_ip), F_TEXT("user", mail->user),
			  F_INT("ms", took_ms));
	else
		log_event(EV_message_refused, F_TEXT("door", mail->door),
			  F_TEXT("reason", err_text(a->err)), F_TEXT("message", mail->id),
			  F_BYTES("sender", mail->sender),
			  F_INT("recipients", mail->destination_count),
			  F_TEXT("client", mail->client_ip), F_INT("ms", took_ms));
}

static void acceptance_free(struct acceptance *a)
{
	buf_done(&a->received);
	mail_free(&a->mail);
	free(a);
}

static void end_if_done(struct acceptance *a)
{
	struct acceptor *acceptor = a->acceptor;
	if (a->is_in_line || a->unconfirmed_count > 0)
		return;
	log_end(a);
	acceptor->count--;
	if (a->done)
		a->done(a->owner, a->err, a->mail);
	acceptance_free(a);
	if (acceptor->count == 0)
		acceptor->options.idle(acceptor->options.owner);
}

/* ---- the line ---- */

static void join_line(struct acceptor *acceptor, struct acceptance *a)
{
	a->is_in_line = true;
	*acceptor->line_end = a;
	acceptor->line_end = &a->next;
	acceptor->waiting_bytes += blob_size(a->mail->content);
	acceptor->waiting_memory_bytes += blob_memory(a->mail->content).len;
}

static struct acceptance *leave_line(struct acceptor *acceptor)
{
	struct acceptance *a = acceptor->line;
	acceptor->line = a->next;
	if (!acceptor->line)
		acceptor->line_end = &acceptor->line;
	acceptor->waiting_bytes -= blob_size(a->mail->content);
	acceptor->waiting_memory_bytes -= blob_memory(a->mail->content).len;
	a->is_in_line = false;
	a->next = NULL;
	return a;
}

/* What stops one stops all that wait behind it. Those that join while these are told form a new
 * line. */
static void fail_line(struct acceptor *acceptor, enum err err)
{
	struct acceptance *failed = NULL, **end = &failed;
	while (acceptor->line) {
		*end = leave_line(acceptor);
		end = &(*end)->next;
	}
	while (failed) {
		struct acceptance *a = failed;
		failed = a->next;
		a->next = NULL;
		if (a->err == OK)
			a->err = err;
		end_if_done(a);
	}
}

/* ---- publishing ---- */

static bool concerns_all(enum err err)
{
	return err == E_AWAY || err == E_BLOCKED || err == E_TIMEOUT || err == E_CLOSED;
}

static void on_published(void *owner, enum err err)
{
	struct acceptance *a = owner;
	struct acceptor *acceptor = a->acceptor;
	assert(a->unconfirmed_count > 0);
	a->unconfirmed_count--;
	/* What can never be published is told, however its neighbours failed: trying again is in vain. */
	if (a->err == OK || (err_then(a->err) == ERR_THEN_RETRY && err_then(err) == ERR_THEN_BURY))
		a->err = err;
	if (a->err != OK && a->is_in_line) {
		assert(acceptor->line == a);
		leave_line(acceptor);
	}
	end_if_done(a);
	if (concerns_all(err))
		fail_line(acceptor, err);
	loop_defer(acceptor->options.loop, &acceptor->publish);
}

static enum err encode_group(const struct acceptance *a, const struct group *group, struct buf *out)
{
	struct bytes received = buf_bytes(&a->received);
	enum err err;
	switch (group->destinations->fate) {
	case FATE_DELIVER:
		err = encode_request_head(a->mail, group, received, out);
		break;
	case FATE_INBOUND:
		err = encode_inbound_head(a->mail, group, received, out);
		break;
	default:
		err = encode_results(a->mail, group, a->acceptor->options.hostname, out);
	}
	return err == E_FULL ? E_TOO_BIG : err; /* it is not the broker that is full */
}

static enum exchange exchange_of(enum fate fate)
{
	if (fate == FATE_INBOUND)
		return EXCHANGE_INBOUND;
	return fate == FATE_DELIVER ? EXCHANGE_DELIVER : EXCHANGE_RESULTS;
}

/* Publish the next group of the head of the line. */
static void publish_group(struct acceptance *a)
{
	const struct group *group = &a->groups[a->published_count];
	enum fate fate = group->destinations->fate;
	bool is_delivery = fate == FATE_DELIVER;
	char key[ENCODING_KEY_SIZE];
	struct buf head;
	encode_key(group, key);
	buf_init(&head, ENCODING_HEAD_MAX);
	a->err = encode_group(a, group, &head);
	if (a->err == OK) {
		struct publication publication = {
			.exchange = exchange_of(fate),
			.key = key,
			.message_id = a->mail->id,
			.head = buf_bytes(&head),
			.tail = is_delivery || fate == FATE_INBOUND ? a->mail->content : NULL,
			.not_before_wall_ms = is_delivery ? a->mail->not_before_wall_ms : 0,
		};
		a->published_count++;
		a->unconfirmed_count++;
		broker_publish(a->acceptor->options.broker, &publication, on_published, a);
	}
	buf_done(&head);
}

static bool has_room(const struct acceptor *acceptor)
{
	return broker_unconfirmed_bytes(acceptor->options.broker) <
	       (uint64_t)acceptor->options.settings->max_unconfirmed;
}

static void publish_some(void *owner)
{
	struct acceptor *acceptor = owner;
	while (acceptor->line && has_room(acceptor)) {
		struct acceptance *a = acceptor->line;
		publish_group(a);
		if (a->err != OK || a->published_count == a->group_count)
			end_if_done(leave_line(acceptor));
	}
}

/* ---- what doors call ---- */

static enum err check_broker(const struct acceptor *acceptor)
{
	switch (broker_state(acceptor->options.broker)) {
	case BROKER_READY:
		return OK;
	case BROKER_BLOCKED:
		return E_BLOCKED;
	case BROKER_AWAY:
		break;
	}
	return E_AWAY;
}

enum err acceptor_check(const struct acceptor *acceptor)
{
	const struct ingest_settings *settings = acceptor->options.settings;
	enum err err = check_broker(acceptor);
	if (err == OK && (acceptor->waiting_bytes > (uint64_t)settings->max_waiting ||
			  acceptor->waiting_memory_bytes > (uint64_t)settings->max_unconfirmed))
		err = E_FULL;
	return err;
}

static enum err refuse(const struct mail *mail, enum err err)
{
	log_event(EV_message_refused, F_TEXT("door", mail->door), F_TEXT("reason", err_text(err)),
		  F_TEXT("message", mail->id), F_BYTES("sender", mail->sender),
		  F_INT("recipients", mail->destination_count), F_INT("hops", mail->hops),
		  F_TEXT("client", mail->client_ip));
	return err;
}

enum err acceptance_start(struct acceptor *acceptor, struct mail **mail, acceptance_done done,
			  void *owner, struct acceptance **ret)
{
	assert((*mail)->destination_count > 0 && (*mail)->content);
	if ((*mail)->hops > acceptor->options.settings->max_hops)
		return refuse(*mail, E_REFUSED);
	enum err err = check_broker(acceptor);
	if (err != OK)
		return refuse(*mail, err);
	struct acceptance *a = memory_new(sizeof *a);
	a->acceptor = acceptor;
	a->mail = *mail;
	a->done = done;
	a->owner = owner;
	a->started_at_ms = loop_now_ms(acceptor->options.loop);
	*mail = NULL;
	if (acceptor->options.rules)
		rules_apply(acceptor->options.rules, acceptor->options.routing, a->mail);
	if (acceptor->options.begun && !a->mail->refusal)
		acceptor->options.begun(acceptor->options.owner, a->mail);
	a->group_count = grouping_cut(a->mail, &a->groups);
	buf_init(&a->received, 4096);
	a->err = encode_received(a->mail, acceptor->options.hostname, &a->received);
	assert(a->err == OK); /* the field has an upper bound below that of its buffer */
	acceptor->count++;
	join_line(acceptor, a);
	loop_defer(acceptor->options.loop, &acceptor->publish);
	*ret = a;
	return OK;
}

void acceptance_forget(struct acceptance **acceptance)
{
	if (*acceptance)
		(*acceptance)->done = NULL;
	*acceptance = NULL;
}

void acceptor_broker_changed(struct acceptor *acceptor, enum broker_state state)
{
	if (state == BROKER_READY)
		loop_defer(acceptor->options.loop, &acceptor->publish);
	else
		fail_line(acceptor, state == BROKER_BLOCKED ? E_BLOCKED : E_AWAY);
}

size_t acceptor_count(const struct acceptor *acceptor)
{
	return acceptor->count;
}

struct acceptor *acceptor_new(const struct acceptor_options *options)
{
	struct acceptor *acceptor = memory_new(sizeof *acceptor);
	acceptor->options = *options;
	acceptor->line_end = &acceptor->line;
	acceptor->publish = (struct task){.run = publish_some, .owner = acceptor};
	return acceptor;
}

void acceptor_free(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;
	if (!a)
		return;
	while (a->line)
		acceptance_free(leave_line(a));
	task_cancel(&a->publish, a->options.loop);
	free(a);
	*acceptor = NULL;
}
