/* See site_learner.h. */
#include "bouncer/site_learner.h"

#include "broker/learned_sites.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"

/* Is there something to write? Forgetting a domain that is not known is nothing; a new one needs room. */
static bool is_wanted(struct replica *sites, const char *domain, const char *site, int64_t wall_ms)
{
	struct learned_site known;
	bool is_known = learned_site_read(sites, domain, &known) == OK;
	if (site[0] == '\0')
		return is_known;
	if (!learned_site_is_news(sites, domain, site, wall_ms))
		return false;
	if (is_known || !sites || replica_count(sites) < LEARNED_SITES_MAX)
		return true;
	log_event(EV_learned_sites_full, F_INT("max", LEARNED_SITES_MAX));
	return false;
}

static void append(struct appender *appender, const char *domain, const struct directive *lesson,
		   int64_t wall_ms, void (*done)(void *owner, enum err err), void *owner)
{
	struct directive kept = {
		.kind = DIRECTIVE_LEARN,
		.site = lesson->site,
		.domain = lesson->domain,
		.by = lesson->by,
		.until_wall_ms = wall_ms + LEARNED_SITE_MS,
	};
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	if (lesson->site.len > 0 && directive_encode(&kept, &value) != OK) {
		buf_done(&value);
		done(owner, E_TOO_BIG);
		return;
	}
	log_event(EV_site_learned, F_TEXT("domain", domain), F_BYTES("site", lesson->site),
		  F_BYTES("by", lesson->by));
	const struct table_entry entry = {
		.key = bytes_of(domain),
		.value = buf_bytes(&value),
		.version = (uint64_t)wall_ms,
	};
	appender_append(appender, LEARNED_SITES_TABLE, &entry, done, owner);
	buf_done(&value);
}

void site_learner_note(struct appender *appender, struct replica *sites,
		       const struct directive *lesson, int64_t wall_ms,
		       void (*done)(void *owner, enum err err), void *owner)
{
	char domain[ADDRESS_DOMAIN_MAX + 1], site[ROUTING_NAME_MAX + 1];
	if (domain_canonical(lesson->domain, domain) != OK ||
	    !bytes_to_cstr(lesson->site, site, sizeof site))
		done(owner, E_MALFORMED);
	else if (is_wanted(sites, domain, site, wall_ms))
		append(appender, domain, lesson, wall_ms, done, owner);
	else
		done(owner, OK);
}
