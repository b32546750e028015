/* See lent.h. */
#include "lib/routing/lent.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf/units.h"

int lent_index(const char *site)
{
	int64_t number;
	if (strncmp(site, LENT_PREFIX, strlen(LENT_PREFIX)) != 0 ||
	    !units_parse_number(site + strlen(LENT_PREFIX), &number) || number < 1 ||
	    number > LENT_MAX)
		return -1;
	return (int)number - 1;
}

void lent_name(int index, char out[ROUTING_NAME_MAX + 1])
{
	(void)snprintf(out, ROUTING_NAME_MAX + 1, LENT_PREFIX "%d", index + 1);
}

bool lent_is_made(const void *site)
{
	return lent_index(((const struct site_settings *)site)->name) >= 0;
}

static const struct site_settings *find(const struct conf_items *sites, const char *name)
{
	for (size_t i = 0; i < sites->count; i++)
		if (strcmp(CONF_ITEM(sites, struct site_settings, i)->name, name) == 0)
			return CONF_ITEM(sites, struct site_settings, i);
	return NULL;
}

static void check_name(struct conf *conf, const char *name)
{
	char path[ROUTING_NAME_MAX + 10];
	(void)snprintf(path, sizeof path, "sites.%s", name);
	if (strncmp(name, LENT_PREFIX, strlen(LENT_PREFIX)) == 0 && conf_is_given(conf, path))
		conf_fault(conf, path,
			   "names that begin with " LENT_PREFIX
			   " are those of queues that are lent (lent_queues): expected another");
}

void lent_check(struct conf *conf, const struct conf_items *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		check_name(conf, CONF_ITEM(sites, struct site_settings, i)->name);
}

void lent_add(struct arena *arena, struct routing_settings *settings, size_t count)
{
	struct conf_items *sites = &settings->sites;
	const struct site_settings *standard = find(sites, "default");
	if (!standard || count == 0)
		return;
	struct site_settings *items = arena_zalloc(arena, sites->count + count, sizeof *items);
	size_t total = sites->count;
	memcpy(items, sites->items, sites->count * sizeof *items);
	for (size_t i = 0; i < count; i++) {
		char name[ROUTING_NAME_MAX + 1];
		lent_name((int)i, name);
		if (find(sites, name))
			continue;
		items[total] = *standard;
		items[total].name = arena_cstr(arena, bytes_of(name));
		items[total].own_queue = true;
		items[total].domains = items[total].mx = (conf_texts){0};
		total++;
	}
	*sites = (struct conf_items){items, total};
}
