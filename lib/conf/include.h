/* The settings file and the files it includes, merged into one tree. */
#ifndef LEVERET_LIB_CONF_INCLUDE_H
#define LEVERET_LIB_CONF_INCLUDE_H

#include "lib/conf/conf.h"
#include "lib/conf/fault.h"
#include "lib/conf/tree.h"

#define INCLUDE_KEY "include"

struct include {
	struct arena *arena;
	struct faults *faults;
	const struct conf_section
		*root; /* tells sections, which are merged, from values, which are replaced */
	unsigned file_count;
	bool is_absent; /* there is no first file */
	bool is_broken; /* a file could not be read, or not as YAML: the tree is not worth a look */
};

/* NULL with a fault when there is nothing to merge. */
struct tree_node *include_load(struct include *include, const char *path);
struct tree_node *include_parse(struct include *include, const char *name, struct bytes text);
/* Sections of `below` lie under those of the tree: what the tree has stays, and comes first. */
struct tree_node *include_under(const struct include *include, struct tree_node *tree,
				struct tree_node *below);

#endif
