/* See queue_act.h. */
#include "leveret/queue_act.h"

#include <stdio.h>

#include "lib/loop/loop.h"
#include "workers/delivery/results.h"

#define RESULT_ENCODED_MAX (1u << 20)

static struct result result_for(const struct act_wish *wish, const struct walk *walk,
				struct taken *taken, const struct delivery_request *mail,
				const struct recipient *recipient)
{
	return (struct result){
		.id = recipient->id.len > 0 ? recipient->id : mail->id,
		.recipient = recipient->address,
		.sender = mail->sender,
		.event = RESULT_BOUNCED,
		.attempt = recipient->attempt + 1,
		.code = 550,
		.enhanced = BYTES("5.7.1"),
		.text = bytes_of(wish->reason),
		.step = BYTES("operator"),
		.at_wall_ms = loop_wall_ms(walk->errand->loop),
		.accepted_wall_ms = mail->accepted_wall_ms,
		.pool = mail->pool,
		.site = mail->site,
		.labels = labels_with(taken->arena, &mail->labels, &recipient->labels),
		.content_bytes = mail->content.len,
		.worker = walk->subject.by,
	};
}

static void publish_result(struct taken *taken, struct result *result)
{
	const struct result_batch batch = {result, 1};
	char key[RESULT_KEY_SIZE];
	struct buf body;
	result_key(result, key);
	buf_init(&body, RESULT_ENCODED_MAX);
	if (result_batch_encode(&batch, &body))
		taken->err = E_TOO_BIG;
	else
		walk_publish(taken, &(struct publication){.exchange = EXCHANGE_RESULTS,
							  .key = key,
							  .head = buf_bytes(&body)});
	buf_done(&body);
}

static void keep_rest(struct taken *taken, const struct delivery_request *rest)
{
	if (rest->recipient_count > 0)
		walk_publish_mail(taken, lease_key(taken->lease), rest,
				  lease_not_before_wall_ms(taken->lease));
}

static void bounce(const struct act_wish *wish, struct walk *walk, struct taken *taken,
		   const struct delivery_request *fitting, const struct delivery_request *rest)
{
	for (size_t i = 0; i < fitting->recipient_count; i++) {
		struct result result =
			result_for(wish, walk, taken, fitting, &fitting->recipients[i]);
		publish_result(taken, &result);
	}
	keep_rest(taken, rest);
}

static void drop(const struct act_wish *wish, struct walk *walk, struct taken *taken,
		 const struct delivery_request *fitting, const struct delivery_request *rest)
{
	(void)wish, (void)walk, (void)fitting;
	keep_rest(taken, rest);
}

/* Urgent mail stays urgent, where the other pool knows what that is. */
static const char *moved_key(const struct act_wish *wish, const struct walk *walk,
			     struct taken *taken, const struct delivery_request *mail)
{
	const struct pool_settings *pool = routing_pool(walk->errand->routing, wish->to_pool);
	char word[ROUTING_NAME_MAX + 1];
	if (mail->wishes.priority < ROUTING_URGENT_PRIORITY || !routing_pool_word(pool, true, word))
		(void)snprintf(word, sizeof word, "%s", pool->name);
	return arena_printf(taken->arena, "%s.%.*s", word, BYTES_ARGS(mail->site));
}

static void move(const struct act_wish *wish, struct walk *walk, struct taken *taken,
		 const struct delivery_request *fitting, const struct delivery_request *rest)
{
	struct delivery_request moved = *fitting;
	moved.pool = bytes_of(wish->to_pool);
	walk_publish_mail(taken, moved_key(wish, walk, taken, &moved), &moved,
			  lease_not_before_wall_ms(taken->lease));
	keep_rest(taken, rest);
}

static bool is_to_be_moved(const struct act_wish *wish, const struct delivery_request *mail)
{
	return !bytes_is(mail->pool, wish->to_pool);
}

static void flush(const struct act_wish *wish, struct walk *walk, struct taken *taken,
		  const struct delivery_request *fitting, const struct delivery_request *rest)
{
	struct delivery_request now = *fitting;
	(void)wish, (void)walk;
	now.not_before_wall_ms = 0;
	walk_publish_mail(taken, lease_key(taken->lease), &now, 0);
	keep_rest(taken, rest);
}

/* What no worker has seen is held back for its sender. */
static bool is_to_be_flushed(const struct act_wish *wish, const struct delivery_request *mail)
{
	return mail->begin_wall_ms > 0 || wish->takes_scheduled;
}

const struct act act_bounce = {"bounced", bounce, NULL, true};
const struct act act_drop = {"dropped", drop, NULL, true};
const struct act act_move = {"moved", move, is_to_be_moved, true};
const struct act act_flush = {"flushed", flush, is_to_be_flushed, false};
