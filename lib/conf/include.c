/* Loads files depth first: a file, then what it includes, each over what came before. Refuses cycles, and stops at a number of
 * files, since files that include each other's neighbours multiply. */
#include "lib/conf/include.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/file.h"

#define FILE_MAX_BYTES	(16 << 20)
#define FILES_MAX_COUNT 1000

/* The files being loaded, innermost first. */
struct loading {
	const char *real_path;
	const struct loading *outer;
};

static struct tree_node *load_file(struct include *include, const char *path, struct tree_mark from,
				   const struct loading *outer);

/* What one level of the tree is: a section's struct, or the entries of a map of them. */
struct level {
	const struct conf_section *section;
	bool holds_entries;
};

static struct level level_below(struct level level, const char *key)
{
	if (level.holds_entries)
		return (struct level){.section = level.section};
	for (size_t i = 0; level.section && i < level.section->child_count; i++) {
		const struct conf_section *child = level.section->children[i].section;
		if (strcmp(child->name, key) == 0 && child->shape != CONF_LIST)
			return (struct level){child, child->shape == CONF_MAP};
	}
	return (struct level){NULL, false};
}

static struct tree_node *merge(struct arena *arena, struct level level, struct tree_node *under,
			       struct tree_node *over)
{
	bool is_section = level.section && (under->kind == TREE_MAP || under->kind == TREE_NONE);
	if (is_section && over->kind == TREE_NONE)
		return under;
	if (!is_section || under->kind != TREE_MAP || over->kind != TREE_MAP)
		return over;
	struct tree_node *merged = tree_new(arena, TREE_MAP, under->mark);
	for (size_t i = 0; i < under->count; i++) {
		struct tree_entry entry = under->entries[i];
		const struct tree_entry *later = tree_find(over, entry.key);
		if (later) {
			entry.value = merge(arena, level_below(level, entry.key), entry.value,
					    later->value);
			entry.key_mark = later->key_mark;
		}
		tree_append(arena, merged, entry);
	}
	for (size_t i = 0; i < over->count; i++)
		if (!tree_find(under, over->entries[i].key))
			tree_append(arena, merged, over->entries[i]);
	tree_sort(arena, merged);
	return merged;
}

/* As merge(), but what is there wins and comes first. */
static struct tree_node *under(struct arena *arena, struct level level, struct tree_node *over,
			       struct tree_node *below)
{
	if (!level.section || (over->kind != TREE_MAP && over->kind != TREE_NONE) ||
	    below->kind != TREE_MAP)
		return over;
	struct tree_node *merged = tree_new(arena, TREE_MAP, over->mark);
	for (size_t i = 0; i < over->count; i++) {
		struct tree_entry entry = over->entries[i];
		const struct tree_entry *lower = tree_find(below, entry.key);
		if (lower)
			entry.value = under(arena, level_below(level, entry.key), entry.value,
					    lower->value);
		tree_append(arena, merged, entry);
	}
	for (size_t i = 0; i < below->count; i++)
		if (!tree_find(over, below->entries[i].key))
			tree_append(arena, merged, below->entries[i]);
	tree_sort(arena, merged);
	return merged;
}

struct tree_node *include_under(const struct include *include, struct tree_node *tree,
				struct tree_node *below)
{
	return under(include->arena, (struct level){.section = include->root}, tree, below);
}

static void PRINTF_LIKE(3, 4)
	refuse(struct include *include, struct tree_mark mark, const char *format, ...)
{
	struct fault fault = {.mark = mark, .path = mark.line ? INCLUDE_KEY : ""};
	va_list args;
	include->is_broken = true;
	va_start(args, format);
	faults_add_list(include->faults, &fault, format, args);
	va_end(args);
}

/* A pattern may match nothing, so a directory that does not exist is none; one that we may not read hides files. */
static int stop_unless_absent(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static struct tree_node *include_pattern(struct include *include, struct tree_node *tree,
					 const struct tree_node *pattern,
					 const struct loading *loading)
{
	if (pattern->kind != TREE_SCALAR || pattern->text[0] == '\0') {
		refuse(include, pattern->mark,
		       "expected a list of file patterns, such as [conf.d/*.yaml]");
		return tree;
	}
	const char *directory = pattern->mark.file->directory;
	const char *absolute = pattern->text[0] == '/' ? pattern->text
						       : arena_printf(include->arena, "%s/%s",
								      directory, pattern->text);
	glob_t found;
	int result = glob(absolute, 0, stop_unless_absent, &found);
	if (result == GLOB_NOMATCH && !strpbrk(pattern->text, "*?["))
		refuse(include, pattern->mark, "%s: no such file", pattern->text);
	else if (result != 0 && result != GLOB_NOMATCH)
		refuse(include, pattern->mark, "%s: the directory cannot be read", pattern->text);
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
		const char *path = arena_cstr(include->arena, bytes_of(found.gl_pathv[i]));
		struct tree_node *over = load_file(include, path, pattern->mark, loading);
		if (over)
			tree = merge(include->arena, (struct level){.section = include->root}, tree,
				     over);
	}
	globfree(&found);
	return tree;
}

static struct tree_node *include_all(struct include *include, struct tree_node *tree,
				     const struct loading *loading)
{
	const struct tree_entry *entry = tree_find(tree, INCLUDE_KEY);
	if (!entry)
		return tree;
	const struct tree_node *patterns = entry->value;
	if (patterns->kind != TREE_LIST)
		return include_pattern(include, tree, patterns, loading);
	for (size_t i = 0; i < patterns->count; i++)
		tree = include_pattern(include, tree, patterns->entries[i].value, loading);
	return tree;
}

static struct tree_node *parse(struct include *include, const struct conf_file *options)
{
	struct conf_file *file = arena_alloc(include->arena, sizeof(*file));
	*file = *options;
	file->order = include->file_count++;
	struct tree_node *tree = tree_parse(include->arena, file, include->faults);
	if (!tree) {
		include->is_broken = true;
	} else if (tree->kind != TREE_MAP && tree->kind != TREE_NONE) {
		refuse(include, (struct tree_mark){.file = file},
		       "expected settings as \"name: value\" lines");
		return NULL;
	}
	return tree;
}

static bool is_loading(const struct loading *loading, const char *real_path)
{
	for (; loading; loading = loading->outer)
		if (strcmp(loading->real_path, real_path) == 0)
			return true;
	return false;
}

/* `from` is where it was included; nowhere for the first file. */
static struct tree_node *load_file(struct include *include, const char *path, struct tree_mark from,
				   const struct loading *outer)
{
	struct conf_file file = {.path = path, .directory = file_directory(include->arena, path)};
	struct why why;
	char *resolved = realpath(path, NULL);
	struct loading loading = {arena_cstr(include->arena, bytes_of(resolved ? resolved : path)),
				  outer};
	free(resolved);
	if (is_loading(outer, loading.real_path)) {
		refuse(include, from, "%s includes itself", path);
		return NULL;
	}
	if (include->file_count == FILES_MAX_COUNT) {
		refuse(include, from, "%s: more than %d files", path, FILES_MAX_COUNT);
		return NULL;
	}
	enum err err = file_read(include->arena, path, FILE_MAX_BYTES, &file.text, &why);
	if (err != OK) {
		include->is_absent = !outer && err == E_NOT_FOUND;
		refuse(include, from, "%s: %s", path, why.text);
		return NULL;
	}
	struct tree_node *tree = parse(include, &file);
	return tree ? include_all(include, tree, &loading) : NULL;
}

struct tree_node *include_load(struct include *include, const char *path)
{
	return load_file(include, path, (struct tree_mark){0}, NULL);
}

struct tree_node *include_parse(struct include *include, const char *name, struct bytes text)
{
	struct conf_file file = {
		.path = name, .directory = file_directory(include->arena, name), .text = text};
	struct tree_node *tree = parse(include, &file);
	const struct tree_entry *entry = tree_find(tree, INCLUDE_KEY);
	if (entry)
		refuse(include, entry->key_mark, "works in files only");
	return tree;
}
