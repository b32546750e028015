/* Who has which place under which name: in memory only, because a place ends with its holder's session, and all sessions end with
 * the core.
 *
 *   asked --> in the line of its name -- a place below its limit is free --> holds it
 *   holds -- asked anew without keeping it, or the limit sank to it --> in line again, at the end
 *   any -- forgotten, session gone --> gone; the first in line whose limit allows it gets its place */
#include <assert.h>
#include <uthash.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

#define ASKERS_MAX 100000 /* of one client */
/* The longest that a client on this host takes to see that its core has gone. */
#define FORERUNNER_MS 500

struct asker_key {
	const struct session *session;
	uint64_t tag;
};

struct asker {
	struct asker_key key;
	struct session *session;
	LIST_ENTRY(asker) session_next;
	struct places *places;
	TAILQ_ENTRY(asker) next; /* in line */
	bool is_holding;
	unsigned limit, place; /* place: while is_holding */
	int64_t round;
	UT_hash_handle by_key;
};

struct places { /* of one name */
	char *name;
	size_t asker_count;
	TAILQ_HEAD(, asker) line; /* in the order they came */
	struct asker **holders;	  /* by place; NULL: free */
	unsigned holder_max;
	UT_hash_handle by_name;
};

struct permits {
	struct core *core;
	struct asker *by_key;
	struct places *by_name;
	struct timer *forerunner;
};

/* ---- giving ---- */

static unsigned next_free(const struct places *places, unsigned from)
{
	while (from < places->holder_max && places->holders[from])
		from++;
	return from;
}

static void tell(const struct asker *asker)
{
	struct packet *packet = packet_new(PACKET_GRANTED, asker->key.tag);
	packet->value[0] = asker->place;
	packet->value[1] = asker->round;
	session_send(asker->session, packet);
}

/* Places grow by one at a time, with those who hold them. */
static void give(struct asker *asker, unsigned place)
{
	struct places *places = asker->places;
	if (place >= places->holder_max) {
		places->holders =
			memory_grow(places->holders, (size_t)place + 1, sizeof(struct asker *));
		places->holder_max = place + 1;
	}
	TAILQ_REMOVE(&places->line, asker, next);
	places->holders[place] = asker;
	asker->is_holding = true;
	asker->place = place;
	tell(asker);
}

static void serve(const struct permits *permits, struct places *places)
{
	struct asker *next;
	unsigned place = next_free(places, 0);
	if (timer_is_running(permits->forerunner))
		return;
	for (struct asker *asker = TAILQ_FIRST(&places->line); asker; asker = next) {
		next = TAILQ_NEXT(asker, next);
		if (place >= asker->limit)
			continue;
		give(asker, place);
		place = next_free(places, place + 1);
	}
}

static void on_forerunner_gone(void *owner)
{
	struct permits *permits = owner;
	struct places *next;
	for (struct places *places = permits->by_name; places; places = next) {
		next = places->by_name.next;
		serve(permits, places);
	}
}

/* ---- asking ---- */

static struct places *places_of(struct permits *permits, const char *name)
{
	struct places *places;
	HASH_FIND(by_name, permits->by_name, name, strlen(name), places);
	if (places)
		return places;
	places = memory_new(sizeof *places);
	places->name = memory_text(name);
	TAILQ_INIT(&places->line);
	HASH_ADD_KEYPTR(by_name, permits->by_name, places->name, strlen(places->name), places);
	return places;
}

static struct asker *find(const struct permits *permits, const struct session *session,
			  uint64_t tag)
{
	struct asker_key key = {session, tag};
	struct asker *asker;
	HASH_FIND(by_key, permits->by_key, &key, sizeof key, asker);
	return asker;
}

static struct asker *asker_new(struct permits *permits, struct session *session, uint64_t tag,
			       const char *name)
{
	struct asker *asker = memory_new(sizeof *asker);
	asker->key = (struct asker_key){session, tag};
	asker->session = session;
	asker->places = places_of(permits, name);
	asker->places->asker_count++;
	TAILQ_INSERT_TAIL(&asker->places->line, asker, next);
	LIST_INSERT_HEAD(&session->askers, asker, session_next);
	session->asker_count++;
	HASH_ADD(by_key, permits->by_key, key, sizeof asker->key, asker);
	return asker;
}

static void give_back(struct asker *asker)
{
	asker->places->holders[asker->place] = NULL;
	asker->is_holding = false;
	TAILQ_INSERT_TAIL(&asker->places->line, asker, next);
}

enum err permits_ask(struct session *session, const struct packet *packet)
{
	struct permits *permits = session->core->permits;
	struct asker *asker = find(permits, session, packet->tag);
	if (packet->tag == 0 || !packet->text || packet->value[0] < 0 ||
	    packet->value[0] > UINT32_MAX)
		return E_MALFORMED;
	if (asker ? strcmp(asker->places->name, packet->text) != 0
		  : session->asker_count >= ASKERS_MAX)
		return E_MALFORMED;
	if (!asker)
		asker = asker_new(permits, session, packet->tag, packet->text);
	asker->limit = (unsigned)packet->value[0];
	asker->round = packet->value[1];
	if (asker->is_holding && (packet->value[2] == 0 || asker->place >= asker->limit))
		give_back(asker);
	if (asker->is_holding)
		tell(asker); /* the one that is on its way is void */
	else
		serve(permits, asker->places);
	return OK;
}

/* ---- going ---- */

static void places_free(struct permits *permits, struct places *places)
{
	HASH_DELETE(by_name, permits->by_name, places);
	free(places->holders);
	free(places->name);
	free(places);
}

static void drop(struct permits *permits, struct asker *asker)
{
	struct places *places = asker->places;
	bool was_holding = asker->is_holding;
	if (was_holding)
		places->holders[asker->place] = NULL;
	else
		TAILQ_REMOVE(&places->line, asker, next);
	LIST_REMOVE(asker, session_next);
	asker->session->asker_count--;
	assert(permits->by_key); /* it is in there */
	HASH_DELETE(by_key, permits->by_key, asker);
	free(asker);
	if (--places->asker_count == 0)
		places_free(permits, places);
	else if (was_holding)
		serve(permits, places);
}

enum err permits_forget(struct session *session, uint64_t tag)
{
	struct permits *permits = session->core->permits;
	struct asker *asker = find(permits, session, tag);
	if (!asker)
		return E_MALFORMED;
	drop(permits, asker);
	return OK;
}

/* Those in line first, so that none of them gets a place of the others. */
void permits_drop(struct session *session)
{
	struct permits *permits = session->core->permits;
	struct asker *next;
	for (struct asker *asker = LIST_FIRST(&session->askers); asker; asker = next) {
		next = LIST_NEXT(asker, session_next);
		if (!asker->is_holding)
			drop(permits, asker);
	}
	while (!LIST_EMPTY(&session->askers))
		drop(permits, LIST_FIRST(&session->askers));
}

/* ---- birth and end ---- */

struct permits *permits_new(struct core *core, bool has_forerunner)
{
	struct permits *permits = memory_new(sizeof *permits);
	permits->core = core;
	permits->forerunner = timer_new(core->loop, on_forerunner_gone, permits);
	if (has_forerunner)
		timer_start(permits->forerunner, FORERUNNER_MS);
	return permits;
}

void permits_free(struct permits **permits)
{
	struct permits *old = *permits;
	*permits = NULL;
	if (!old)
		return;
	timer_free(&old->forerunner);
	free(old);
}
