/* See learned_sites.h. Fails open: without an entry mail takes the way by the tail, where its MX hosts are looked at. */
#include "broker/learned_sites.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/routing/lent.h"
#include "schemas/schemas.h"

enum err learned_site_read(struct replica *replica, const char *domain, struct learned_site *ret)
{
	uint8_t value[REPLICA_VALUE_MAX];
	struct directive directive;
	size_t len;
	if (!replica)
		return E_NOT_FOUND;
	enum err err = replica_get(replica, bytes_of(domain), value, sizeof value, &len);
	if (err)
		return err;
	struct arena *arena = arena_new();
	err = directive_decode(arena, bytes_from(value, len), &directive, NULL);
	if (!err && (!bytes_to_cstr(directive.site, ret->site, sizeof ret->site) ||
		     !bytes_to_cstr(directive.domain, ret->domain, sizeof ret->domain)))
		err = E_MALFORMED;
	if (!err)
		ret->until_wall_ms = directive.until_wall_ms;
	arena_free(&arena);
	return err;
}

void learned_slot_key(int index, char out[ROUTING_NAME_MAX + 1])
{
	(void)snprintf(out, ROUTING_NAME_MAX + 1, LEARNED_SLOT_PREFIX "%d", index + 1);
}

/* Of two domains that were told of one queue, as by bouncers that did not know of each other yet, the queue's own row says whose it is. */
static bool is_lent_to(struct replica *replica, int index, const char *domain)
{
	struct learned_site slot;
	char key[ROUTING_NAME_MAX + 1];
	learned_slot_key(index, key);
	return learned_site_read(replica, key, &slot) == OK && strcmp(slot.domain, domain) == 0;
}

const char *learned_site_find(struct replica *replica, const struct routing *routing,
			      const char *domain, int64_t wall_ms)
{
	struct learned_site learned;
	if (learned_site_read(replica, domain, &learned) || learned.until_wall_ms <= wall_ms)
		return NULL;
	int lent = lent_index(learned.site);
	if (lent >= 0 && !is_lent_to(replica, lent, domain))
		return NULL;
	return routing_known_site(routing, learned.site);
}

void learned_site_key(struct replica *replica, const struct routing *routing, const char *domain,
		      int64_t wall_ms, char out[ROUTING_NAME_MAX + 2])
{
	const char *learned = !routing_named_site(routing, domain)
				      ? learned_site_find(replica, routing, domain, wall_ms)
				      : NULL;
	if (learned)
		(void)snprintf(out, ROUTING_NAME_MAX + 2, "%s", learned);
	else
		routing_site_key(routing, domain, out);
}

bool learned_site_is_news(struct replica *replica, const char *domain, const char *site,
			  int64_t wall_ms)
{
	struct learned_site learned;
	return learned_site_read(replica, domain, &learned) || strcmp(learned.site, site) != 0 ||
	       learned.until_wall_ms - wall_ms < LEARNED_SITE_MS / 2;
}
