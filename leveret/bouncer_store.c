/* See bouncer_store.h. */
#include "leveret/bouncer_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "bouncer/bouncer.h"

#define PATH_ROOM 4096

struct store *bouncer_store_open(const struct settings *settings)
{
	struct store *store = NULL;
	struct why why = {""};
	struct stat status;
	char path[PATH_ROOM];
	int len = snprintf(path, sizeof path, "%s/bouncer", settings->node.data_dir);
	if (len < 0 || (size_t)len >= sizeof path || stat(path, &status) != 0)
		(void)fprintf(stderr,
			      "leveret: no bouncer has run on this host with node.data_dir %s\n",
			      settings->node.data_dir);
	else if (store_open(path, bouncer_databases, bouncer_database_count, &store, &why) != OK)
		(void)fprintf(stderr, "leveret: %s: %s\n", path, why.text);
	return store;
}
