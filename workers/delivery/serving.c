/* Who gets the next connection: lanes stand in line and are served in turn, one connection each. A lane whose site has no room stands
 * aside until it is its turn for a session of that site (site_turns.h). */
#include "workers/delivery/lane_inner.h"

/* ---- places in line ---- */

static void enter_line(struct lane *lane)
{
	TAILQ_INSERT_TAIL(&lane->lanes->line, lane, place_next);
	lane->place = LANE_IN_LINE;
	loads_count_in_line(lane, 1);
}

void lane_leave_place(struct lane *lane)
{
	if (lane->place == LANE_IN_LINE) {
		TAILQ_REMOVE(&lane->lanes->line, lane, place_next);
		loads_count_in_line(lane, -1);
	} else if (lane->place == LANE_AT_SITE) {
		aside_leave(lane);
	}
	lane->place = LANE_NOWHERE;
}

static void stand_aside(struct lane *lane)
{
	aside_join(lane);
	lane->place = LANE_AT_SITE;
	loads_want(lane, turns_count(lane->waiting));
}

/* Nobody goes before those who stand aside already; but a session of one's own that is idle is no other's. */
void lane_stand_in_line(struct lane *lane)
{
	if (lane->place != LANE_NOWHERE || !lane_wants_link(lane))
		return;
	if (lane->site->turns.aside_count > 0 && lane->lingering_count == 0)
		stand_aside(lane);
	else
		enter_line(lane);
}

void lane_grant(struct lane *lane)
{
	lane->granted = aside_grant(lane);
	lane_leave_place(lane);
	enter_line(lane);
}

/* The one of those that stand aside whose turn it is and which still wants a connection, if the site has one. */
void lanes_recall(struct site_load *site)
{
	struct lane *lane;
	while ((lane = aside_next(site))) {
		if (lane_wants_link(lane) && lane_has_leave(lane)) {
			lane_grant(lane);
			return;
		}
		lane_leave_place(lane);
	}
}

bool lanes_are_crowded(const struct lanes *lanes, const struct lane *lane)
{
	return !TAILQ_EMPTY(&lanes->line) || lane->site->turns.aside_count > 0;
}

/* ---- serving ---- */

void lane_forget_lingering(struct lane *lane, size_t count)
{
	lane->lingering_count -= count;
	loads_count(lane, 0, -(int)count);
}

/* An idle connection is taken even where it was given back by a lane of another site, if there is room for it. When the client has none,
 * those of this lane are gone: closed by the remote, or in use by others who count them now. */
static bool reuse(struct lane *lane)
{
	if (lane->lingering_count == 0 && !loads_have_room(lane))
		return false;
	if (link_reuse(lane)) {
		if (lane->lingering_count > 0)
			lane_forget_lingering(lane, 1);
		return true;
	}
	lane_forget_lingering(lane, lane->lingering_count);
	return false;
}

/* Sessions that are being opened for nobody whose connect_rate is limited. */
static size_t free_opening(const struct lane *lane)
{
	const struct link *link;
	size_t count = 0;
	LIST_FOREACH(link, &lane->links, next)
	{
		count += !link->is_ready && !link->opened_for.by_tenant &&
			 !link->opened_for.by_campaign;
	}
	return count;
}

int64_t lane_connect_wait_ms(const struct lane *lane, struct turns_opener *ret)
{
	int64_t wait_ms = loads_connect_wait_ms(lane);
	int64_t others_ms = turns_open(lane->waiting, free_opening(lane), ret);
	return wait_ms > others_ms ? wait_ms : others_ms;
}

enum served { SERVED, SERVED_NOT, WORKER_IS_FULL };

static enum served serve(struct lane *lane)
{
	const struct lanes_options *options = &lane->lanes->options;
	const struct lane_endpoint *endpoint = lane_next_endpoint(lane);
	if (!endpoint || !lane_wants_link(lane))
		return SERVED_NOT;
	if (reuse(lane))
		return SERVED;
	if (!loads_have_room(lane)) {
		tap_wait(lane, "as many sessions are open as may be", 0);
		stand_aside(lane);
		return SERVED_NOT;
	}
	struct turns_opener opener;
	int64_t wait_ms = lane_connect_wait_ms(lane, &opener);
	if (wait_ms > 0) {
		tap_wait(lane, "connect_rate lets no session begin", wait_ms);
		lane_wait(lane, wait_ms);
		return SERVED_NOT;
	}
	if (smtp_client_open_count(options->client) >= (size_t)options->settings->max_sessions) {
		tap_wait(lane, "workers.max_sessions are open", 0);
		return WORKER_IS_FULL;
	}
	loads_note_connect(lane);
	lane_note_attempt(lane);
	link_open(lane, endpoint, &opener);
	return SERVED;
}

/* A turn that came to nothing is not counted. */
static void end_grant(struct lane *lane, bool is_served)
{
	if (lane->granted && !is_served)
		guest_take_back(lane->granted);
	guest_give(&lane->granted);
}

void lanes_serve(struct lanes *lanes)
{
	struct lane *lane;
	while (!lanes->is_held && (lane = TAILQ_FIRST(&lanes->line))) {
		lane_leave_place(lane);
		enum served served = serve(lane);
		if (served == WORKER_IS_FULL) {
			enter_line(lane);
			TAILQ_REMOVE(&lanes->line, lane, place_next);
			TAILQ_INSERT_HEAD(&lanes->line, lane, place_next);
			return;
		}
		end_grant(lane, served == SERVED);
		if (served == SERVED)
			lane_stand_in_line(lane);
		lanes_recall(lane->site);
	}
}
