/* See zones.h. */
#include "workers/delivery/zones.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/conf/file.h"

#define DEPTH_MAX     4
#define COUNT_MAX     2000
#define ZONE_NAME_MAX 64

struct named_zone {
	const char *name;
	const struct zone *zone;
};

struct zones {
	struct arena *arena;
	struct named_zone *items; /* by name, when all are there */
	size_t count;
	const char *directory; /* while they are read */
};

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct named_zone *)left)->name,
		      ((const struct named_zone *)right)->name);
}

/* ---- reading ---- */

static void read_one(struct zones *zones, const char *name)
{
	struct arena *scratch = arena_new();
	const struct zone *zone = NULL;
	struct bytes file;
	struct why why;
	const char *path = arena_printf(scratch, "%s/%s", zones->directory, name);
	bool is_read = zone_is_name(name) && zones->count < COUNT_MAX &&
		       file_read(scratch, path, ZONE_FILE_MAX, &file, &why) == OK &&
		       zone_read(zones->arena, file, &zone, &why) == OK;
	if (is_read)
		zones->items[zones->count++] =
			(struct named_zone){arena_printf(zones->arena, "%s", name), zone};
	arena_free(&scratch);
}

/* The same zones again, with and without leap seconds. */
static bool is_copy(const char *name)
{
	return strcmp(name, "posix") == 0 || strcmp(name, "right") == 0;
}

static void read_folder(struct zones *zones, const char *folder, unsigned depth)
{
	char path[4096], name[4096];
	(void)snprintf(path, sizeof path, "%s/%s", zones->directory, folder);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		int len = snprintf(name, sizeof name, "%s%s%s", folder, folder[0] ? "/" : "",
				   entry->d_name);
		if (entry->d_name[0] == '.' || is_copy(entry->d_name) || len < 0 ||
		    len > ZONE_NAME_MAX)
			continue;
		if (entry->d_type == DT_DIR && depth < DEPTH_MAX)
			read_folder(zones, name, depth + 1);
		else if (entry->d_type != DT_DIR)
			read_one(zones, name);
	}
	if (dir)
		(void)closedir(dir);
}

struct zones *zones_new(const char *directory)
{
	struct zones *zones = memory_new(sizeof *zones);
	zones->arena = arena_new();
	zones->items = memory_array(COUNT_MAX, sizeof(struct named_zone));
	zones->directory = directory;
	read_folder(zones, "", 0);
	zones->directory = NULL;
	qsort(zones->items, zones->count, sizeof(struct named_zone), by_name);
	return zones;
}

void zones_free(struct zones **zones)
{
	if (!*zones)
		return;
	arena_free(&(*zones)->arena);
	free((*zones)->items);
	free(*zones);
	*zones = NULL;
}

/* ---- asking ---- */

bool zones_find(const struct zones *zones, struct bytes name, const struct zone **ret)
{
	char text[ZONE_NAME_MAX + 1];
	if (name.len == 0 || !bytes_to_cstr(name, text, sizeof text))
		return false;
	if (strcmp(text, "UTC") == 0) {
		*ret = NULL;
		return true;
	}
	const struct named_zone wanted = {.name = text};
	const struct named_zone *found =
		zones ? bsearch(&wanted, zones->items, zones->count, sizeof wanted, by_name) : NULL;
	if (found)
		*ret = found->zone;
	return found != NULL;
}

size_t zones_count(const struct zones *zones)
{
	return zones->count;
}
