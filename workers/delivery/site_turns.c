/* See site_turns.h. A choice looks at one claimant of each source, and at LOOK_MAX of them at the most to find it. */
#include "workers/delivery/site_turns.h"

#include "lib/base/memory.h"
#include "workers/delivery/lane_inner.h"

#define LOOK_MAX 32
/* Turns: whoever is so many behind gets a session that another could go on with. */
#define FAR GUEST_NEW
/* Urgent turns after which a session goes over to another lane's mail that is not: more than within a lane, as it may cost a connection. */
#define URGENT_SESSION_TURNS ((unsigned)URGENT_TURNS * 4)

struct claimant { /* a tenant whose lanes stand aside for one source; goes with the last of them */
	struct guest *guest;
	struct source_load *from;
	bool is_urgent;
	struct lane_list lanes;
	TAILQ_ENTRY(claimant) next;
	LIST_ENTRY(claimant) of_guest;
};

/* ---- standing aside ---- */

static struct claimant *claimant_of(const struct lane *lane, const struct turn *turn)
{
	struct claimant *claimant;
	LIST_FOREACH(claimant, &turn->guest->claims, of_guest)
	{
		if (claimant->from == lane->from && claimant->is_urgent == turn->is_urgent)
			return claimant;
	}
	claimant = memory_new(sizeof *claimant);
	claimant->guest = guest_hold(turn->guest);
	claimant->from = lane->from;
	claimant->is_urgent = turn->is_urgent;
	TAILQ_INIT(&claimant->lanes);
	TAILQ_INSERT_TAIL(&lane->from->turns.claimants[turn->is_urgent], claimant, next);
	LIST_INSERT_HEAD(&turn->guest->claims, claimant, of_guest);
	return claimant;
}

static void join(struct lane *lane, const struct turn *turn)
{
	lane->claimant = claimant_of(lane, turn);
	TAILQ_INSERT_TAIL(&lane->claimant->lanes, lane, place_next);
}

static void leave(struct lane *lane)
{
	struct claimant *claimant = lane->claimant;
	lane->claimant = NULL;
	TAILQ_REMOVE(&claimant->lanes, lane, place_next);
	if (!TAILQ_EMPTY(&claimant->lanes))
		return;
	TAILQ_REMOVE(&claimant->from->turns.claimants[claimant->is_urgent], claimant, next);
	LIST_REMOVE(claimant, of_guest);
	guest_give(&claimant->guest);
	free(claimant);
}

void aside_join(struct lane *lane)
{
	struct turn turn = turns_next(lane->waiting);
	join(lane, &turn);
	lane->site->turns.aside_count++;
	if (lane->from->turns.aside_count++ == 0)
		TAILQ_INSERT_TAIL(&lane->site->turns.sources, lane->from, turns.next);
}

void aside_leave(struct lane *lane)
{
	leave(lane);
	lane->site->turns.aside_count--;
	if (--lane->from->turns.aside_count == 0)
		TAILQ_REMOVE(&lane->site->turns.sources, lane->from, turns.next);
}

struct guest *aside_grant(const struct lane *lane)
{
	struct guest *guest = guest_hold(lane->claimant->guest);
	guest_note(guest);
	return guest;
}

void aside_renew(struct lane *lane)
{
	struct turn turn = turns_next(lane->waiting);
	const struct claimant *claimant = lane->claimant;
	if (!turn.guest || (turn.guest == claimant->guest && turn.is_urgent == claimant->is_urgent))
		return;
	leave(lane);
	join(lane, &turn);
}

/* ---- whose turn it is ---- */

/* Who is furthest behind. Of many, those in front are looked at, and the first makes room for one that was not. */
static struct claimant *furthest(struct claimant_list *claimants)
{
	struct claimant *claimant, *best = NULL, *first = TAILQ_FIRST(claimants);
	size_t look_count = 0;
	TAILQ_FOREACH(claimant, claimants, next)
	{
		if (!best || guest_behind(claimant->guest) > guest_behind(best->guest))
			best = claimant;
		if (guest_behind(best->guest) == GUEST_SPAN)
			return best;
		if (++look_count == LOOK_MAX)
			break;
	}
	if (claimant) {
		TAILQ_REMOVE(claimants, first, next);
		TAILQ_INSERT_TAIL(claimants, first, next);
	}
	return best;
}

/* Of sources that have room for one more session, and of the one that a session is about to leave. */
static struct claimant *find(struct site_load *site, const struct source_load *leaving,
			     bool is_urgent)
{
	struct source_load *from;
	struct claimant *best = NULL;
	TAILQ_FOREACH(from, &site->turns.sources, turns.next)
	{
		if (from != leaving && !loads_source_has_room(from))
			continue;
		struct claimant *claimant = furthest(&from->turns.claimants[is_urgent]);
		if (claimant &&
		    (!best || guest_behind(claimant->guest) > guest_behind(best->guest)))
			best = claimant;
	}
	return best;
}

static struct claimant *find_any(struct site_load *site, const struct source_load *leaving)
{
	bool is_urgent_first = site->turns.urgent_count < URGENT_TURNS;
	struct claimant *claimant = find(site, leaving, is_urgent_first);
	return claimant ? claimant : find(site, leaving, !is_urgent_first);
}

/* Its tenant and its source stand behind the others now. */
static struct lane *first_lane(struct site_load *site, struct claimant *claimant)
{
	struct source_load *from = claimant->from;
	struct claimant_list *claimants = &from->turns.claimants[claimant->is_urgent];
	TAILQ_REMOVE(claimants, claimant, next);
	TAILQ_INSERT_TAIL(claimants, claimant, next);
	TAILQ_REMOVE(&site->turns.sources, from, turns.next);
	TAILQ_INSERT_TAIL(&site->turns.sources, from, turns.next);
	return TAILQ_FIRST(&claimant->lanes);
}

struct lane *aside_next(struct site_load *site)
{
	if (site->turns.aside_count == 0 || !loads_site_has_room(site))
		return NULL;
	struct claimant *claimant = find_any(site, NULL);
	return claimant ? first_lane(site, claimant) : NULL;
}

static bool could_begin(const struct lane *lane)
{
	struct turns_opener opener;
	return lane_wants_link(lane) && turns_next(lane->waiting).may_go &&
	       lane_connect_wait_ms(lane, &opener) <= 0;
}

/* The claimant's first lane, when it is another one and could begin now; what it wanted standing aside it may not want any more. */
static struct lane *taker(struct claimant *claimant, const struct lane *giver)
{
	if (!claimant)
		return NULL;
	struct lane *lane = first_lane(giver->site, claimant);
	if (lane != giver && could_begin(lane))
		return lane;
	TAILQ_REMOVE(&claimant->lanes, lane, place_next);
	TAILQ_INSERT_TAIL(&claimant->lanes, lane, place_next);
	return NULL;
}

struct lane *aside_heir(const struct lane *lane)
{
	struct site_load *site = lane->site;
	return site->turns.aside_count > 0 ? taker(find_any(site, lane->from), lane) : NULL;
}

/* Who has a claim on a session that this turn would have. Within a class only somebody who is far behind: a session that changes lanes
 * may cost a connection. */
static struct claimant *find_rival(const struct lane *lane, const struct turn *own)
{
	struct site_load *site = lane->site;
	bool is_urgents_turn = !own->is_urgent && site->turns.urgent_count < URGENT_TURNS;
	bool is_others_turn = own->is_urgent && site->turns.urgent_count >= URGENT_SESSION_TURNS;
	if (is_urgents_turn || is_others_turn) {
		struct claimant *rival = find(site, lane->from, is_urgents_turn);
		if (rival)
			return rival;
	}
	unsigned least = guest_behind(own->guest) + FAR;
	struct claimant *rival =
		least <= GUEST_SPAN ? find(site, lane->from, own->is_urgent) : NULL;
	return rival && guest_behind(rival->guest) >= least ? rival : NULL;
}

struct lane *aside_rival(const struct lane *lane)
{
	bool is_alone = lane->site->turns.aside_count == (size_t)(lane->place == LANE_AT_SITE);
	struct turn own = is_alone ? (struct turn){0} : turns_next(lane->waiting);
	if (!own.guest || !own.may_go)
		return NULL;
	return taker(find_rival(lane, &own), lane);
}

/* ---- birth and end ---- */

void site_turns_init(struct site_turns *turns)
{
	turns->guests = guests_new();
	TAILQ_INIT(&turns->sources);
}

void site_turns_done(struct site_turns *turns)
{
	guests_free(&turns->guests);
}

void source_turns_init(struct source_turns *turns)
{
	TAILQ_INIT(&turns->claimants[false]);
	TAILQ_INIT(&turns->claimants[true]);
}
