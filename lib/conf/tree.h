/* A settings file as a tree of maps, lists and scalars, each knowing the line and column it stands at. Lives in an arena.
 * The only door to the YAML parser. */
#ifndef LEVERET_LIB_CONF_TREE_H
#define LEVERET_LIB_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

struct faults;

struct conf_file {
	const char *path;      /* as a person should see it */
	const char *directory; /* what relative paths in the file start from */
	struct bytes text;
	unsigned order; /* in which the files were read */
};

struct tree_mark {
	const struct conf_file *file; /* NULL: a default, which stands nowhere */
	unsigned line, column;	      /* from 1; 0: the file as a whole */
};

enum tree_kind {
	TREE_NONE, /* nothing, null or ~ */
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAP,
	TREE_FAULTY, /* a fault was reported already: to be passed over */
};

struct tree_node {
	enum tree_kind kind;
	struct tree_mark mark;
	const char *text;	    /* of a scalar: one line, no controls */
	struct tree_entry *entries; /* of a list or map, in the file's order */
	size_t count, capacity;
	struct tree_entry **by_key; /* of a map: sorted, for tree_find */
};

struct tree_entry {
	const char *key; /* NULL in a list */
	struct tree_mark key_mark;
	struct tree_node *value;
};

/* NULL when the text is not YAML: the faults say why. Lesser faults (a tag, a key twice) are reported too, and leave a tree that
 * can be searched for more faults. An empty file is TREE_NONE. */
struct tree_node *tree_parse(struct arena *arena, const struct conf_file *file,
			     struct faults *faults);

struct tree_node *tree_new(struct arena *arena, enum tree_kind kind, struct tree_mark mark);
struct tree_entry *tree_append(struct arena *arena, struct tree_node *node,
			       struct tree_entry entry);
/* To be called when all entries of a map are there, and again after more were appended. */
void tree_sort(struct arena *arena, struct tree_node *map);
/* NULL when absent, when `map` is NULL, and when it is not a map. */
struct tree_entry *tree_find(const struct tree_node *map, const char *key);

#endif
