/* Of what waits for a lane: whose turn it is, and for whom a session is opened. */
#include "workers/delivery/turns_inner.h"

#define LOOK_MAX   32 /* lines that may go: so many are looked at for the tenant who had least */
#define PASSED_MAX 8  /* so often the first may be passed over, one time after the other */

/* ---- whose turn it is ---- */

static int64_t wait_ms(const struct line *line)
{
	int64_t tenant_ms = party_wait_ms(line->by_tenant);
	int64_t campaign_ms = party_wait_ms(line->by_campaign);
	return tenant_ms > campaign_ms ? tenant_ms : campaign_ms;
}

static bool may_begin(const struct line *line, const struct turns_opener *opener)
{
	return (!party_limits_connects(line->by_tenant) || line->by_tenant == opener->by_tenant) &&
	       (!party_limits_connects(line->by_campaign) ||
		line->by_campaign == opener->by_campaign);
}

static bool may_go_on(const struct line *line, const struct turns_session *session)
{
	if (session->opener && !may_begin(line, session->opener))
		return false;
	return session->carried_count < party_messages_max(line->by_tenant) &&
	       session->carried_count < party_messages_max(line->by_campaign);
}

static bool is_opened_for(const struct line *line, const struct turns_opener *opener)
{
	return opener && ((opener->by_tenant && opener->by_tenant == line->by_tenant) ||
			  (opener->by_campaign && opener->by_campaign == line->by_campaign));
}

/* For the line that goes next. Who may go now, but only elsewhere, waits (TURNS_ELSEWHERE is the least), or is found like others. */
struct search {
	const struct turns_session *session;
	struct line *first, *best; /* of those that may go now */
	unsigned look_count;
	int64_t wait_ms; /* the least of those that may not */
};

/* True: it has been looked at enough. */
static bool consider(const struct turns *turns, struct line *line, struct search *search)
{
	int64_t ms = wait_ms(line);
	if (ms == 0 && !search->session->is_last && !may_go_on(line, search->session))
		ms = TURNS_ELSEWHERE;
	if (ms != 0) {
		search->wait_ms = ms < search->wait_ms ? ms : search->wait_ms;
		return false;
	}
	if (!search->first)
		search->first = line;
	if (!search->best || guest_behind(line->guest) > guest_behind(search->best->guest))
		search->best = line;
	if (is_opened_for(line, search->session->opener)) {
		search->best = line;
		return true;
	}
	return turns->passed_count >= PASSED_MAX || ++search->look_count == LOOK_MAX ||
	       guest_behind(search->best->guest) == GUEST_SPAN;
}

/* The tenant's who had least of the site. Who had more there by other lanes is not passed over without end: here it may be all there is
 * for him. */
static bool find_line(const struct turns *turns, bool is_urgent, struct search *search)
{
	struct line *line;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (line->is_urgent == is_urgent && consider(turns, line, search))
			break;
	}
	return search->best != NULL;
}

static struct search find_next(const struct turns *turns, const struct turns_session *session)
{
	struct search search = {.session = session,
				.wait_ms = turns->count > 0 ? TEMPO_UNKNOWN : 0};
	bool is_urgent_first = turns->urgent_turns < URGENT_TURNS;
	if (!find_line(turns, is_urgent_first, &search))
		(void)find_line(turns, !is_urgent_first, &search);
	return search;
}

struct turn turns_next(const struct turns *turns)
{
	static const struct turns_session fresh = {0};
	struct search search = find_next(turns, &fresh);
	const struct line *line = search.best ? search.best : TAILQ_FIRST(&turns->lines);
	if (!line)
		return (struct turn){0};
	bool may_go = search.best != NULL;
	return (struct turn){line->guest, line->is_urgent, may_go, may_go ? 0 : search.wait_ms};
}

struct transaction *turns_take(struct turns *turns, const struct turns_session *session,
			       int64_t *ret_wait_ms)
{
	struct search search = find_next(turns, session);
	struct line *line = search.best;
	*ret_wait_ms = search.wait_ms;
	if (line && !may_go_on(line, session)) {
		*ret_wait_ms = TURNS_ELSEWHERE;
		return NULL;
	}
	if (!line)
		return NULL;
	struct party *by_tenant = party_begin(line->by_tenant);
	struct party *by_campaign = party_begin(line->by_campaign);
	guest_note(line->guest);
	turns->urgent_turns = line->is_urgent ? turns->urgent_turns + 1 : 0;
	turns->passed_count = line == search.first ? 0 : turns->passed_count + 1;
	*ret_wait_ms = 0;
	struct transaction *transaction = line_take(turns, line);
	transaction->by_tenant = by_tenant;
	transaction->by_campaign = by_campaign;
	return transaction;
}

void turns_end(struct transaction *transaction)
{
	party_end(&transaction->by_tenant);
	party_end(&transaction->by_campaign);
}

/* ---- sessions ---- */

/* The first whose mail one more session would carry. */
int64_t turns_open(const struct turns *turns, size_t free_opening_count, struct turns_opener *ret)
{
	const struct site_settings *settings = turns->options.settings;
	const struct line *line;
	size_t free_count = 0;
	int64_t wait = TEMPO_UNKNOWN;
	*ret = (struct turns_opener){0};
	if (settings->connect_rate_per_tenant == 0 && settings->connect_rate_per_campaign == 0)
		return 0;
	TAILQ_FOREACH(line, &turns->lines, next)
	{
		if (!party_limits_connects(line->by_tenant) &&
		    !party_limits_connects(line->by_campaign)) {
			free_count += line->count;
			if (free_count > free_opening_count)
				return 0;
			continue;
		}
		int64_t tenant_ms = party_connect_wait_ms(line->by_tenant);
		int64_t campaign_ms = party_connect_wait_ms(line->by_campaign);
		int64_t ms = tenant_ms > campaign_ms ? tenant_ms : campaign_ms;
		if (ms == 0) {
			*ret = (struct turns_opener){line->by_tenant, line->by_campaign};
			return 0;
		}
		wait = ms < wait ? ms : wait;
	}
	return wait;
}
