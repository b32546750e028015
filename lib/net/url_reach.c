/* looking up, or at once where the URL has the address -> done */
#include "lib/net/url_reach.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"

#define PINNED_MAX 8 /* addresses */

struct url_reach {
	struct url_reach_options options;
	char pinned[sizeof((struct url_target *)NULL)->host + 16 +
		    PINNED_MAX * (NET_ADDRESS_SIZE + 3)];
	struct lookup *lookup;
	struct task tell; /* what is known at once is told later */
	void (*done)(void *owner, const struct url_reached *reached);
	void *owner;
};

static void finish(struct url_reach *reach, struct url_reached reached)
{
	reach->done(reach->owner, &reached);
	free(reach);
}

static void on_address(void *owner)
{
	struct url_reach *reach = owner;
	struct url_reached reached = {.err = OK};
	if (!url_may_reach(&reach->options.target->address, reach->options.allowed))
		reached = (struct url_reached){
			.err = E_REFUSED,
			.why = "a special address, which allow_networks does not name"};
	finish(reach, reached);
}

/* False: nothing of the answer may be reached. */
static bool pin(struct url_reach *reach, const struct address_answer *answer)
{
	const struct url_target *target = reach->options.target;
	size_t count = 0, size = sizeof reach->pinned;
	size_t len = (size_t)snprintf(reach->pinned, size, "%s:%u:", target->host,
				      (unsigned)target->port);
	for (size_t i = 0; i < answer->count && count < PINNED_MAX; i++) {
		char ip[NET_ADDRESS_SIZE];
		bool is_v6 = answer->addresses[i].sa.any.sa_family == AF_INET6;
		if (!url_may_reach(&answer->addresses[i], reach->options.allowed))
			continue;
		net_address_ip_text(&answer->addresses[i], ip);
		len += (size_t)snprintf(reach->pinned + len, size - len, is_v6 ? "%s[%s]" : "%s%s",
					count > 0 ? "," : "", ip);
		count++;
	}
	return count > 0;
}

static void on_looked_up(void *owner, const struct address_answer *answer)
{
	struct url_reach *reach = owner;
	struct url_reached reached = {.err = OK, .pinned = reach->pinned};
	reach->lookup = NULL;
	if (answer->outcome != DNS_FOUND)
		reached = (struct url_reached){.err = E_NOT_FOUND,
					       .why = "DNS knows no address of it"};
	else if (!pin(reach, answer))
		reached = (struct url_reached){.err = E_REFUSED,
					       .why = "its addresses are special ones, which "
						      "allow_networks does not name"};
	finish(reach, reached);
}

struct url_reach *url_reach_start(const struct url_reach_options *options,
				  void (*done)(void *owner, const struct url_reached *reached),
				  void *owner)
{
	struct url_reach *reach = memory_new(sizeof *reach);
	reach->options = *options;
	reach->tell = (struct task){.run = on_address, .owner = reach};
	reach->done = done;
	reach->owner = owner;
	if (options->target->is_address)
		loop_defer(options->loop, &reach->tell);
	else
		reach->lookup = resolver_addresses(options->resolver, options->target->host,
						   on_looked_up, reach);
	return reach;
}

void url_reach_cancel(struct url_reach **reach)
{
	struct url_reach *ending = *reach;
	*reach = NULL;
	if (!ending)
		return;
	lookup_cancel(&ending->lookup);
	task_cancel(&ending->tell, ending->options.loop);
	free(ending);
}
