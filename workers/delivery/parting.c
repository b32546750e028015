/* What becomes of a session between two transactions, and when its lane has no more for it: another lane's, kept, or ended. */
#include "workers/delivery/lane_inner.h"

static void keep_for_reuse(struct link *link)
{
	struct lane *lane = link->lane;
	tap_left(link, "kept, to be used again");
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	smtp_connection_give_back(&link->connection);
	lane->lingering_count++;
	loads_count(lane, 0, 1);
	lane->lingering_until_ms = now + lane->site->settings->connection_idle;
}

static void end_session(struct link *link)
{
	tap_left(link, "we end the session");
	smtp_connection_quit(&link->connection);
	link_drop(link);
}

static bool is_for(const struct link *link, const struct lane *lane)
{
	for (size_t i = 0; i < lane->endpoint_count; i++) {
		const struct lane_endpoint *endpoint = &lane->endpoints[i];
		if (shaped_host_closed_ms(lane, &endpoint->to) > 0)
			continue;
		struct smtp_target target = link_target(lane, endpoint);
		if (smtp_connection_is_for(link->connection, &target))
			return true;
	}
	return false;
}

/* To a lane that stands aside. The session itself where it leads to the lane's host, or else the room that it leaves. */
static void pass_on(struct link *link, struct lane *lane)
{
	if (!is_for(link, lane)) {
		lane_grant(lane);
		end_session(link);
		return;
	}
	struct guest *guest = aside_grant(lane);
	guest_give(&guest);
	lane_leave_place(lane);
	tap_left(link, "kept, to be used again");
	smtp_connection_give_back(&link->connection);
	link_drop(link);
	(void)link_reuse(lane);
	lane_touch(lane);
}

void link_let_go(struct link *link)
{
	struct lane *lane = link->lane, *heir = NULL;
	bool is_useful = link_may_go_on(link) && !link->is_worn &&
			 lane->site->settings->connection_idle > 0 && !loads_are_over(lane);
	if (is_useful && TAILQ_EMPTY(&lane->lanes->line))
		heir = aside_heir(lane);
	if (heir) {
		pass_on(link, heir);
	} else if (is_useful && !lanes_are_crowded(lane->lanes, lane)) {
		keep_for_reuse(link);
		link_drop(link);
	} else {
		end_session(link);
	}
}

/* Between two transactions, the session may be for another lane. A new one is used at least once. */
bool link_gives_way(struct link *link)
{
	bool is_at_choice = link->sent_count > 0 && !loads_are_over(link->lane);
	struct lane *rival = is_at_choice ? aside_rival(link->lane) : NULL;
	if (rival)
		pass_on(link, rival);
	return rival != NULL;
}
