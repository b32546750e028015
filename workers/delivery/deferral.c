/* Recipients that are to be tried again travel on as a new request, for each time one. The old one is acked when it is kept: a crash of
 * the broker between the two leaves both. So what nothing was done with waits as the lease that it is. */
#include "workers/delivery/request_inner.h"

#include <assert.h>

/* The same for all recipients of a request with as many attempts, so that they stay together. A time that has passed while others were
 * still being tried is of no use. */
int64_t deferral_time(struct request *request, uint32_t attempt, int64_t after_ms)
{
	int64_t now = loop_wall_ms(request->set->options.loop);
	struct retry_time *free_place = &request->retry_times[0];
	for (size_t i = 0; i < request->retry_time_count; i++) {
		struct retry_time *time = &request->retry_times[i];
		if (time->attempt == attempt && time->after_ms == after_ms &&
		    time->at_wall_ms > now)
			return time->at_wall_ms;
	}
	if (request->retry_time_count < RETRY_TIMES_MAX)
		free_place = &request->retry_times[request->retry_time_count++];
	int64_t wait_ms =
		after_ms > 0 ? after_ms : retry_wait_ms(request->retry, attempt, request->random);
	*free_place = (struct retry_time){
		.attempt = attempt, .after_ms = after_ms, .at_wall_ms = now + wait_ms};
	return free_place->at_wall_ms;
}

static bool is_due(const struct fate *fate)
{
	return fate->kind == FATE_DEFERRED || fate->kind == FATE_POSTPONED;
}

/* Takes all that return at the time of the first that is left; false when none is. */
static bool take_next_group(struct request *request, bool *taken, struct delivery_request *ret)
{
	const struct fate *first = NULL;
	*ret = request->mail;
	ret->recipients = arena_zalloc(request->arena, request->mail.recipient_count,
				       sizeof *ret->recipients);
	ret->recipient_count = 0;
	for (size_t i = 0; i < request->mail.recipient_count; i++) {
		const struct fate *fate = &request->fates[i];
		if (taken[i] || !is_due(fate) ||
		    (first && fate->retry_wall_ms != first->retry_wall_ms))
			continue;
		first = fate;
		taken[i] = true;
		struct recipient recipient = request->mail.recipients[i];
		if (fate->kind == FATE_DEFERRED) {
			recipient.attempt++;
			recipient.labels.echo = fate->echo;
			recipient.is_delay_told |= fate->told != NULL;
		}
		ret->recipients[ret->recipient_count++] = recipient;
		ret->not_before_wall_ms = fate->retry_wall_ms;
	}
	return first != NULL;
}

static void post(struct request *request, const struct delivery_request *mail, struct blob *content)
{
	struct buf head;
	buf_init(&head, 2 * SCHEMA_HEAD_MAX);
	enum err err = delivery_request_encode_head(mail, mail->content.len, &head);
	assert(!err); /* no more in it than was decoded */
	request->unkept_count++;
	postings_add(request->set->options.postings,
		     &(struct publication){
			     .exchange = EXCHANGE_DELIVER,
			     .key = lease_key(request->lease),
			     .message_id = lease_message_id(request->lease),
			     .head = buf_bytes(&head),
			     .tail = content,
			     .not_before_wall_ms = mail->not_before_wall_ms,
		     },
		     &request_posting, request);
	buf_done(&head);
}

bool deferral_is_whole(const struct request *request, int64_t *ret_retry_wall_ms)
{
	if (request->unkept_count > 0 || request->mail.recipient_count == 0)
		return false;
	*ret_retry_wall_ms = request->fates[0].retry_wall_ms;
	for (size_t i = 0; i < request->mail.recipient_count; i++)
		if (request->fates[i].kind != FATE_POSTPONED ||
		    request->fates[i].retry_wall_ms != *ret_retry_wall_ms)
			return false;
	return true;
}

void deferral_publish(struct request *request)
{
	struct delivery_request mail;
	struct blob *content = NULL;
	bool *taken = arena_zalloc(request->arena, request->mail.recipient_count, sizeof *taken);
	while (take_next_group(request, taken, &mail)) {
		if (!content)
			content = blob_from_bytes(mail.content);
		post(request, &mail, content);
	}
	blob_unref(&content);
}
