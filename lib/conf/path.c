/* Paths of settings ("sites.gmail.tls", "routes[2].host"): made while the tables are walked, and looked up again to say where
 * a setting stands. Entry names hold neither dots nor brackets, so that a path has one meaning. */
#include <stdlib.h>
#include <string.h>

#include "lib/conf/state.h"

const char *path_join(struct arena *arena, const char *path, const char *name)
{
	return path[0] ? arena_printf(arena, "%s.%s", path, name) : name;
}

const char *path_item(struct arena *arena, const char *path, size_t index)
{
	return arena_printf(arena, "%s[%zu]", path, index);
}

/* Takes "name" or "[2]" off the front of a path. */
static const struct tree_entry *step(struct arena *arena, const struct tree_node *node,
				     const char **path)
{
	const char *at = *path;
	if (*at == '[') {
		size_t index = strtoul(at + 1, NULL, 10);
		at += strcspn(at, "]");
		*path = at + (*at == ']') + (at[0] == ']' && at[1] == '.');
		return node->kind == TREE_LIST && index < node->count ? &node->entries[index]
								      : NULL;
	}
	size_t len = strcspn(at, ".[");
	const char *name = arena_cstr(arena, bytes_from(at, len));
	*path = at + len + (at[len] == '.');
	return tree_find(node, name);
}

static const struct tree_node *walk(const struct conf *conf, const char *path,
				    struct tree_mark *ret_mark)
{
	const struct tree_node *node = conf->tree;
	*ret_mark = (struct tree_mark){.file = node ? node->mark.file : NULL};
	while (node && *path) {
		const struct tree_entry *entry = step(conf->arena, node, &path);
		if (!entry)
			return NULL;
		node = entry->value;
		/* A setting's value is what a fault is about; of a section, its name. */
		bool is_value =
			*path == '\0' && (node->kind == TREE_SCALAR || node->kind == TREE_LIST);
		*ret_mark = is_value ? node->mark : entry->key_mark;
	}
	return node;
}

/* "sites.gmail.tls" -> "sites.default.tls"; NULL when nothing is inherited there. Only maps at the root inherit so far. */
static const char *inherited_path(const struct conf *conf, const char *path)
{
	size_t len = strcspn(path, ".");
	const char *rest = path[len] ? strchr(path + len + 1, '.') : NULL;
	for (size_t i = 0; rest && i < conf->root->child_count; i++) {
		const struct conf_section *section = conf->root->children[i].section;
		if (section->inherit_from && bytes_is(bytes_from(path, len), section->name))
			return arena_printf(conf->arena, "%s.%s%s", section->name,
					    section->inherit_from, rest);
	}
	return NULL;
}

const struct tree_node *path_find(const struct conf *conf, const char *path,
				  struct tree_mark *ret_mark)
{
	const struct tree_node *node = walk(conf, path, ret_mark);
	const char *inherited = node ? NULL : inherited_path(conf, path);
	struct tree_mark mark;
	const struct tree_node *found = inherited ? walk(conf, inherited, &mark) : NULL;
	if (!found)
		return node;
	*ret_mark = mark;
	return found;
}
