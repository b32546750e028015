/* What is inside a struct conf: the values, and the tree and faults that say where they came from. */
#ifndef LEVERET_LIB_CONF_STATE_H
#define LEVERET_LIB_CONF_STATE_H

#include "lib/conf/conf.h"
#include "lib/conf/fault.h"
#include "lib/conf/tree.h"

struct conf {
	struct arena *arena;
	const struct conf_section *root;
	void *values;
	struct tree_node *tree; /* all files merged; NULL when a file is broken */
	struct faults faults;
};

/* The path of something inside: "a.b", or just "b" at the root. Items of a list: path_item(arena, "routes", 2) is "routes[2]". */
const char *path_join(struct arena *arena, const char *path, const char *name);
const char *path_item(struct arena *arena, const char *path, size_t index);

/* What the files say at a path, and where; an entry's own setting, else that of the entry it inherits from. NULL when no file has
 * it; *ret_mark is then the nearest place around it. */
const struct tree_node *path_find(const struct conf *conf, const char *path,
				  struct tree_mark *ret_mark);

#endif
