/* See guests.h. */
#include "workers/delivery/guests.h"

#include <assert.h>
#include <search.h>
#include <string.h>

#include "lib/base/memory.h"

struct guests {
	void *by_tenant; /* tsearch tree */
	uint64_t most;	 /* turns of the one who had most */
	TAILQ_HEAD(, guest) gone;
	size_t here_count, gone_count;
};

static int by_tenant(const void *left, const void *right)
{
	const struct bytes *a = &((const struct guest *)left)->tenant;
	const struct bytes *b = &((const struct guest *)right)->tenant;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->len > 0 ? memcmp(a->data, b->data, a->len) : 0;
}

static struct guest *guest_new(struct guests *guests, struct bytes tenant)
{
	uint8_t *name = memory_array(tenant.len, 1);
	if (tenant.len > 0)
		memcpy(name, tenant.data, tenant.len);
	struct guest *guest = memory_new(sizeof *guest);
	guest->guests = guests;
	guest->turns = guests->most - GUEST_NEW;
	guest->tenant = bytes_from(name, tenant.len);
	LIST_INIT(&guest->claims);
	if (!tsearch(guest, &guests->by_tenant, by_tenant))
		abort();
	return guest;
}

static void stop_remembering(struct guest *guest)
{
	TAILQ_REMOVE(&guest->guests->gone, guest, next);
	guest->guests->gone_count--;
}

static void forget(struct guest *guest)
{
	stop_remembering(guest);
	(void)tdelete(guest, &guest->guests->by_tenant, by_tenant);
	free((void *)guest->tenant.data);
	free(guest);
}

static void forget_old(struct guests *guests)
{
	struct guest *guest;
	while ((guest = TAILQ_FIRST(&guests->gone)) &&
	       (guests->gone_count > GUESTS_GONE_MAX || guest_behind(guest) >= GUEST_NEW))
		forget(guest);
}

/* ---- entry points ---- */

struct guest *guest_hold(struct guest *guest)
{
	guest->hold_count++;
	return guest;
}

/* Who is alone is behind nobody; who comes back is no better off than who is new. */
static void arrive(struct guest *guest)
{
	struct guests *guests = guest->guests;
	if (guests->here_count++ == 0)
		guest->turns = guests->most;
	else if (guest_behind(guest) > GUEST_NEW)
		guest->turns = guests->most - GUEST_NEW;
}

struct guest *guest_take(struct guests *guests, struct bytes tenant)
{
	struct guest wanted = {.tenant = tenant};
	struct guest **found = tfind(&wanted, &guests->by_tenant, by_tenant);
	struct guest *guest = found ? *found : guest_new(guests, tenant);
	if (found && guest->hold_count == 0)
		stop_remembering(guest);
	if (guest->hold_count == 0)
		arrive(guest);
	return guest_hold(guest);
}

void guest_give(struct guest **guest)
{
	struct guest *g = *guest;
	*guest = NULL;
	if (!g || --g->hold_count > 0)
		return;
	assert(LIST_EMPTY(&g->claims));
	g->guests->here_count--;
	TAILQ_INSERT_TAIL(&g->guests->gone, g, next);
	g->guests->gone_count++;
	forget_old(g->guests);
}

unsigned guest_behind(const struct guest *guest)
{
	uint64_t behind = guest->guests->most - guest->turns;
	return behind < GUEST_SPAN ? (unsigned)behind : GUEST_SPAN;
}

void guest_note(struct guest *guest)
{
	struct guests *guests = guest->guests;
	guest->turns = guests->most - guest_behind(guest) + 1;
	if (guest->turns > guests->most)
		guests->most = guest->turns;
}

void guest_take_back(struct guest *guest)
{
	guest->turns--;
}

struct guests *guests_new(void)
{
	struct guests *guests = memory_new(sizeof *guests);
	guests->most = GUEST_SPAN;
	TAILQ_INIT(&guests->gone);
	return guests;
}

void guests_free(struct guests **guests)
{
	if (!*guests)
		return;
	while (!TAILQ_EMPTY(&(*guests)->gone))
		forget(TAILQ_FIRST(&(*guests)->gone));
	assert(!(*guests)->by_tenant);
	free(*guests);
	*guests = NULL;
}
