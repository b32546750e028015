/* GET /v1/events: what the bouncer tells, followed by name. A follower has a durable queue of its own; what it was given is acked when it
 * asks for what comes after, so that nothing is lost by a client, a bouncer or a broker that dies between.
 *
 *   idle --asks--> waiting --events, or the wait is over--> answered: given, until `after` names it
 *     '-- nobody asked for a minute: what was given returns to the queue, which stays */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bouncer/http/parts.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define FOLLOWERS_MAX  64
#define NAME_MAX_BYTES 64
#define PREFETCH       20
#define PREFETCH_BYTES ((size_t)4 << 20)
#define ANSWER_MAX     ((size_t)24 << 20)
#define GATHER_MS      100 /* from the first event to the answer: others may come with it */
#define UNUSED_MS      60000
#define WAIT_S	       30
#define WAIT_S_MAX     60
#define TOKEN_SIZE     17

/* Lives until the broker has said whether the queue is there; the follower may end before. */
struct subscribing {
	struct follower *follower; /* NULL: it has ended */
};

struct follower {
	struct followers *all;
	char name[NAME_MAX_BYTES + 1];
	char *queue;
	const struct api_key_settings *key;
	unsigned kinds;			 /* bits of enum bouncer_event_kind */
	struct subscribing *subscribing; /* NULL: the queue is there */
	struct consumer *consumer;
	struct lease *leases[PREFETCH];
	size_t lease_count;
	struct buf text; /* of them: objects joined by commas */
	size_t event_count;
	char token[TOKEN_SIZE];	      /* of what was given; "": nothing was */
	struct bouncer_visit *asking; /* NULL: nobody waits */
	struct timer *wait; /* while somebody waits: the end of it; else: of the follower */
	LIST_ENTRY(follower) next;
};

struct followers {
	struct bouncer_api *api;
	size_t count;
	bool is_stopped;
	LIST_HEAD(, follower) list;
};

/* ---- answers ---- */

static void answer(struct follower *follower)
{
	struct bouncer_visit *visit = follower->asking;
	struct buf out;
	if (follower->event_count > 0 && !follower->token[0])
		(void)snprintf(follower->token, sizeof follower->token, "%016" PRIx64,
			       random_u64());
	buf_init(&out, ANSWER_MAX + 256);
	enum err err = buf_append_text(&out, "{\"events\":[");
	if (!err)
		err = buf_append(&out, buf_bytes(&follower->text));
	if (!err)
		err = buf_printf(&out, "],\"next\":\"%s\"}\n", follower->token);
	if (err)
		api_refuse(&visit->api, 500, "the events are too long");
	else
		api_answer(&visit->api, 200, buf_bytes(&out));
	buf_done(&out);
	follower->asking = NULL;
	timer_start(follower->wait, UNUSED_MS);
	bouncer_visit_end(visit);
}

static void settle(struct follower *follower, bool is_taken)
{
	for (size_t i = 0; i < follower->lease_count; i++) {
		if (is_taken)
			lease_ack(&follower->leases[i]);
		else
			lease_release(&follower->leases[i]);
	}
	follower->lease_count = follower->event_count = 0;
	follower->token[0] = '\0';
	buf_clear(&follower->text);
}

static void follower_free(struct follower *follower)
{
	struct followers *all = follower->all;
	if (follower->asking)
		answer(follower);
	if (follower->subscribing)
		follower->subscribing->follower = NULL;
	consumer_free(&follower->consumer);
	settle(follower, false);
	timer_free(&follower->wait);
	LIST_REMOVE(follower, next);
	all->count--;
	buf_done(&follower->text);
	free(follower->queue);
	free(follower);
}

/* Its queue cannot be made now. */
static void refuse(struct follower *follower)
{
	struct bouncer_visit *visit = follower->asking;
	follower->asking = NULL;
	follower_free(follower);
	if (!visit)
		return;
	api_refuse(&visit->api, 503, "the broker is away, try again later");
	bouncer_visit_end(visit);
}

static void on_wait_over(void *owner)
{
	struct follower *follower = owner;
	if (follower->asking)
		answer(follower);
	else
		follower_free(follower);
}

/* ---- what comes ---- */

static bool is_wanted(const struct follower *follower, const struct bouncer_event *event)
{
	struct bytes own = bytes_of(follower->key->tenant);
	return (follower->kinds & (1u << event->kind)) &&
	       (own.len == 0 || bytes_equal(own, bouncer_event_tenant(event)));
}

static void write_event(struct follower *follower, const struct bouncer_event *event)
{
	size_t before = follower->text.len;
	enum err err = follower->event_count > 0 ? buf_append_text(&follower->text, ",") : OK;
	if (!err)
		err = bouncer_event_to_json(event, &follower->text);
	if (err)
		follower->text.len = before; /* too long to be told */
	else
		follower->event_count++;
}

static void on_lease(void *owner, struct lease *lease)
{
	struct follower *follower = owner;
	struct arena *arena = arena_new();
	struct bouncer_event_batch batch;
	struct why why;
	size_t before = follower->event_count;
	if (bouncer_event_batch_decode(arena, lease_body(lease), &batch, &why)) {
		lease_bury(&lease, why.text);
	} else if (follower->token[0] || follower->lease_count == PREFETCH) {
		lease_release(&lease); /* what was given is not to grow */
	} else {
		for (size_t i = 0; i < batch.count; i++)
			if (is_wanted(follower, &batch.events[i]))
				write_event(follower, &batch.events[i]);
		if (follower->event_count == before)
			lease_ack(&lease);
		else
			follower->leases[follower->lease_count++] = lease;
	}
	if (follower->asking && before == 0 && follower->event_count > 0)
		timer_start(follower->wait, GATHER_MS);
	arena_free(&arena);
}

/* ---- asking ---- */

static struct follower *find(struct followers *all, const struct api_key_settings *key,
			     const char *name)
{
	struct follower *follower;
	LIST_FOREACH(follower, &all->list, next)
	if (follower->key == key && strcmp(follower->name, name) == 0)
		return follower;
	return NULL;
}

/* Letters, digits, '-' and '_': it is part of a queue's name. */
static bool is_name(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0';
}

static char *queue_name(const struct api_key_settings *key, const char *name)
{
	size_t size = sizeof QUEUE_HOST_PREFIX "follow.." + strlen(key->name) + strlen(name);
	char *queue = memory_new(size);
	(void)snprintf(queue, size, QUEUE_HOST_PREFIX "follow.%s.%s", key->name, name);
	return queue;
}

static void on_subscribed(void *owner, enum err err)
{
	struct subscribing *subscribing = owner;
	struct follower *follower = subscribing->follower;
	free(subscribing);
	if (!follower)
		return;
	follower->subscribing = NULL;
	const struct consumer_options options = {
		.queue = follower->queue, .prefetch = PREFETCH, .prefetch_bytes = PREFETCH_BYTES};
	if (!err)
		follower->consumer = consumer_new(follower->all->api->options.broker, &options,
						  on_lease, follower);
	else
		refuse(follower);
}

static struct follower *begin(struct followers *all, struct api_visit *visit, const char *name)
{
	struct follower *follower = memory_new(sizeof *follower);
	follower->all = all;
	follower->key = visit->key->settings;
	(void)snprintf(follower->name, sizeof follower->name, "%s", name);
	follower->queue = queue_name(follower->key, name);
	buf_init(&follower->text, ANSWER_MAX);
	follower->wait = timer_new(all->api->options.node.loop, on_wait_over, follower);
	follower->subscribing = memory_new(sizeof *follower->subscribing);
	follower->subscribing->follower = follower;
	broker_subscribe(all->api->options.broker, follower->queue, "event.#", on_subscribed,
			 follower->subscribing);
	LIST_INSERT_HEAD(&all->list, follower, next);
	all->count++;
	return follower;
}

static bool read_kinds(struct api_visit *visit, unsigned *ret)
{
	struct bytes text = BYTES_NONE;
	*ret = ~0u;
	if (!api_query(visit, "kinds", &text) || text.len == 0)
		return true;
	*ret = 0;
	while (text.len > 0) {
		ptrdiff_t comma = bytes_find(text, ',');
		struct bytes word = bytes_trim(comma < 0 ? text : bytes_first(text, (size_t)comma));
		unsigned bit = 0;
		for (int kind = EVENT_DELIVERED; kind <= BOUNCER_EVENT_LAST; kind++)
			if (bytes_is(word, bouncer_event_name((enum bouncer_event_kind)kind)))
				bit = 1u << kind;
		if (bit == 0)
			return false;
		*ret |= bit;
		text = comma < 0 ? BYTES_NONE : bytes_skip(text, (size_t)comma + 1);
	}
	return true;
}

static bool read_wait(struct api_visit *visit, uint64_t *ret_s)
{
	struct bytes text;
	*ret_s = WAIT_S;
	return !api_query(visit, "wait", &text) || bytes_to_u64(text, WAIT_S_MAX, ret_s);
}

static void on_left(struct bouncer_visit *visit)
{
	struct follower *follower = visit->work;
	follower->asking = NULL;
	timer_start(follower->wait, UNUSED_MS);
	bouncer_visit_end(visit);
}

static void ask(struct follower *follower, struct bouncer_visit *visit, uint64_t wait_s)
{
	struct bytes after = BYTES_NONE;
	if (api_query(&visit->api, "after", &after) && follower->token[0] &&
	    bytes_is(after, follower->token))
		settle(follower, true);
	follower->asking = visit;
	visit->work = follower;
	visit->left = on_left;
	bouncer_visit_begin(visit);
	if (follower->event_count > 0 || wait_s == 0)
		timer_start(follower->wait, follower->token[0] ? 0 : GATHER_MS);
	else
		timer_start(follower->wait, (int64_t)wait_s * 1000);
}

void http_events_follow(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct followers *all = visit->of->followers;
	struct bytes given = BYTES("default");
	unsigned kinds;
	uint64_t wait_s;
	(void)api_query(api, "follower", &given);
	const char *name = arena_cstr(api->arena, given);
	if (!is_name(name)) {
		api_refuse(api, 400, "follower is a name of letters, digits, - and _");
		return;
	}
	if (!read_kinds(api, &kinds) || !read_wait(api, &wait_s)) {
		api_refuse(api, 400,
			   "kinds are kinds of events, with commas; wait is at most 60 s");
		return;
	}
	struct follower *follower = find(all, api->key->settings, name);
	if (follower && follower->asking) {
		api_refuse(api, 409, "somebody follows by this name now");
	} else if (!follower && (all->count >= FOLLOWERS_MAX || all->is_stopped)) {
		api_refuse(api, 503, "busy, try again later");
	} else {
		if (!follower)
			follower = begin(all, api, name);
		follower->kinds = kinds;
		ask(follower, visit, wait_s);
	}
}

/* ---- DELETE /v1/events/{name} ---- */

static void on_deleted(void *owner, enum err err)
{
	struct bouncer_visit *visit = owner;
	if (err == E_NOT_FOUND)
		api_refuse(&visit->api, 404, "there is no such follower");
	else if (err == E_BLOCKED)
		api_refuse(&visit->api, 409, "somebody follows by this name now");
	else if (err)
		api_fail(&visit->api, err, "it was not deleted, try again later");
	else
		api_answer(&visit->api, 200, BYTES("{\"deleted\":true}\n"));
	bouncer_visit_end(visit);
}

void http_events_forget(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct followers *all = visit->of->followers;
	if (!is_name(api->argument)) {
		api_refuse(api, 404, "there is no such follower");
		return;
	}
	struct follower *follower = find(all, api->key->settings, api->argument);
	if (follower && follower->asking) {
		api_refuse(api, 409, "somebody follows by this name now");
		return;
	}
	if (follower)
		follower_free(follower);
	char *queue = queue_name(api->key->settings, api->argument);
	bouncer_visit_begin(visit);
	broker_unsubscribe(visit->of->options.broker, queue, true, on_deleted, visit);
	free(queue);
}

/* ---- all of them ---- */

struct followers *followers_new(struct bouncer_api *api)
{
	struct followers *followers = memory_new(sizeof *followers);
	followers->api = api;
	LIST_INIT(&followers->list);
	return followers;
}

void followers_stop(struct followers *followers)
{
	struct follower *follower, *next;
	followers->is_stopped = true;
	for (follower = LIST_FIRST(&followers->list); follower; follower = next) {
		next = LIST_NEXT(follower, next);
		follower_free(follower);
	}
}

void followers_free(struct followers **followers)
{
	if (!*followers)
		return;
	followers_stop(*followers);
	free(*followers);
	*followers = NULL;
}
