/* Fills the settings' structs from the tree by the tables, with defaults and inheritance, then runs the sections' own checks.
 * A fault is noted and the walk goes on, so that one run reports them all. */
#include "lib/conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conf/fault.h"
#include "lib/conf/forms.h"
#include "lib/conf/include.h"
#include "lib/conf/nearest.h"
#include "lib/conf/state.h"
#include "lib/conf/value.h"

/* One struct to be filled. */
struct filling {
	const struct conf_section *section;
	const struct tree_node *node; /* NULL or TREE_NONE: nothing was given */
	struct tree_mark mark;	      /* where its name stands, for what is missing in it */
	const char *path;
	const char *inherited; /* a filled struct of the same section, or NULL */
	bool is_excused;       /* written so wrongly that what is missing in it is not the point */
	char *out;
};

static void fill_struct(struct conf *conf, const struct filling *filling);

static void fill_field(struct conf *conf, const struct filling *filling,
		       const struct conf_field *field)
{
	struct value_reading reading = {conf->arena, &conf->faults, field,
					path_join(conf->arena, filling->path, field->name)};
	const struct tree_entry *entry = tree_find(filling->node, field->name);
	char *out = filling->out + field->offset;
	if (entry && value_read(&reading, entry->value, out))
		return;
	if (filling->inherited)
		memcpy(out, filling->inherited + field->offset, value_size(field->type));
	else
		value_set_default(&reading, out);
	if (!entry && !field->default_text && !filling->inherited && !filling->is_excused)
		faults_add(&conf->faults,
			   &(struct fault){.mark = filling->mark, .path = reading.path},
			   "must be given: %s", value_type_form(field->type));
}

/* A section written as something else than a map (or list) is a fault of its own, and is filled with defaults. */
static void take_node(struct conf *conf, struct filling *filling, const struct tree_node *node,
		      enum tree_kind wanted)
{
	if (!node || node->kind == wanted || node->kind == TREE_NONE) {
		filling->node = node;
		return;
	}
	filling->is_excused = true;
	if (node->kind != TREE_FAULTY)
		faults_add(&conf->faults,
			   &(struct fault){.mark = node->mark, .path = filling->path},
			   "expected %s",
			   wanted == TREE_LIST ? "a list: lines that start with \"- \""
					       : "settings as \"name: value\" lines");
}

static void fill_entry(struct conf *conf, const struct filling *map, const char *name, char *out)
{
	const struct tree_entry *entry = tree_find(map->node, name);
	struct filling filling = {.section = map->section,
				  .mark = entry ? entry->key_mark : map->mark,
				  .path = path_join(conf->arena, map->path, name),
				  .inherited = map->inherited,
				  .out = out};
	take_node(conf, &filling, entry ? entry->value : NULL, TREE_MAP);
	memcpy(out, &name, sizeof(name));
	fill_struct(conf, &filling);
}

/* Names of all entries to be, in the file's order, those that exist in any case first when the file has none. */
static size_t entry_names(struct conf *conf, const struct filling *map, const char **names)
{
	const char *const created[] = {map->section->inherit_from, map->section->always};
	size_t count = 0;
	for (size_t i = 0; i < CONF_COUNT(created); i++)
		if (created[i] && !tree_find(map->node, created[i]))
			names[count++] = created[i];
	for (size_t i = 0; map->node && i < map->node->count; i++) {
		const struct tree_entry *entry = &map->node->entries[i];
		if (form_is_entry_name(entry->key))
			names[count++] = entry->key;
		else
			faults_add(&conf->faults,
				   &(struct fault){.mark = entry->key_mark, .path = map->path},
				   "\"%.100s\" cannot be a name: use 1 to 63 letters, digits, '-' "
				   "and '_'",
				   entry->key);
	}
	return count;
}

static void fill_map(struct conf *conf, struct filling *map)
{
	struct conf_items *items = (struct conf_items *)map->out;
	size_t given = map->node ? map->node->count : 0, size = map->section->size;
	const char **names = arena_zalloc(conf->arena, given + 2, sizeof(*names));
	items->count = entry_names(conf, map, names);
	items->items = arena_zalloc(conf->arena, items->count + 1, size);
	char *first = items->items;
	const char *base = map->section->inherit_from;
	for (size_t i = 0; base && i < items->count; i++)
		if (strcmp(names[i], base) == 0) {
			fill_entry(conf, map, base, first + i * size);
			map->inherited = first + i * size;
		}
	for (size_t i = 0; i < items->count; i++)
		if (first + i * size != map->inherited)
			fill_entry(conf, map, names[i], first + i * size);
}

static void fill_list(struct conf *conf, const struct filling *list)
{
	struct conf_items *items = (struct conf_items *)list->out;
	items->count = list->node ? list->node->count : 0;
	items->items = arena_zalloc(conf->arena, items->count + 1, list->section->size);
	for (size_t i = 0; i < items->count; i++) {
		const struct tree_node *node = list->node->entries[i].value;
		struct filling filling = {.section = list->section,
					  .mark = node->mark,
					  .path = path_item(conf->arena, list->path, i),
					  .out = (char *)items->items + i * list->section->size};
		take_node(conf, &filling, node, TREE_MAP);
		fill_struct(conf, &filling);
	}
}

static void fill_child(struct conf *conf, const struct filling *parent,
		       const struct conf_child *child)
{
	const struct conf_section *section = child->section;
	const struct tree_entry *entry = tree_find(parent->node, section->name);
	struct filling filling = {.section = section,
				  .mark = entry ? entry->key_mark : parent->mark,
				  .path = path_join(conf->arena, parent->path, section->name),
				  .out = parent->out + child->offset};
	enum tree_kind wanted = section->shape == CONF_LIST ? TREE_LIST : TREE_MAP;
	take_node(conf, &filling, entry ? entry->value : NULL, wanted);
	if (section->shape == CONF_MAP) {
		fill_map(conf, &filling);
	} else if (section->shape == CONF_LIST) {
		fill_list(conf, &filling);
	} else {
		if (parent->inherited)
			filling.inherited = parent->inherited + child->offset;
		fill_struct(conf, &filling);
	}
}

static void report_unknown(struct conf *conf, const struct filling *filling,
			   const struct tree_entry *entry)
{
	const struct conf_section *section = filling->section;
	const char *path = path_join(conf->arena, filling->path, entry->key);
	struct fault fault = {.mark = entry->key_mark, .path = path};
	struct nearest nearest;
	nearest_init(&nearest, entry->key);
	for (size_t i = 0; i < section->child_count; i++)
		nearest_offer(&nearest, section->children[i].section->name);
	for (size_t i = 0; i < section->field_count; i++) {
		nearest_offer(&nearest, section->fields[i].name);
		if (nearest.best == section->fields[i].name)
			fault.is_private = section->fields[i].privacy ==
					   CONF_SECRET; /* a mistyped password: */
	}
	if (nearest.best)
		faults_add(&conf->faults, &fault, "unknown setting; did you mean \"%s\"?",
			   nearest.best);
	else
		faults_add(&conf->faults, &fault, "unknown setting");
}

static bool is_known(const struct filling *filling, const char *key)
{
	const struct conf_section *section = filling->section;
	for (size_t i = 0; i < section->field_count; i++)
		if (strcmp(section->fields[i].name, key) == 0)
			return true;
	for (size_t i = 0; i < section->child_count; i++)
		if (strcmp(section->children[i].section->name, key) == 0)
			return true;
	return filling->path[0] == '\0' && strcmp(key, INCLUDE_KEY) == 0;
}

static void fill_struct(struct conf *conf, const struct filling *filling)
{
	for (size_t i = 0; i < filling->section->field_count; i++)
		fill_field(conf, filling, &filling->section->fields[i]);
	for (size_t i = 0; i < filling->section->child_count; i++)
		fill_child(conf, filling, &filling->section->children[i]);
	for (size_t i = 0; filling->node && i < filling->node->count; i++)
		if (!is_known(filling, filling->node->entries[i].key))
			report_unknown(conf, filling, &filling->node->entries[i]);
}

static void check_struct(struct conf *conf, const struct conf_section *section, const char *values,
			 const char *path);

static void check_items(struct conf *conf, const struct conf_section *section,
			const struct conf_items *items, const char *path)
{
	for (size_t i = 0; i < items->count; i++) {
		const char *item = (const char *)items->items + i * section->size;
		const char *item_path =
			section->shape == CONF_MAP
				? path_join(conf->arena, path, *(const char *const *)item)
				: path_item(conf->arena, path, i);
		check_struct(conf, section, item, item_path);
	}
}

static void check_struct(struct conf *conf, const struct conf_section *section, const char *values,
			 const char *path)
{
	for (size_t i = 0; i < section->child_count; i++) {
		const struct conf_child *child = &section->children[i];
		const char *child_path = path_join(conf->arena, path, child->section->name);
		const char *inside = values + child->offset;
		if (child->section->shape == CONF_ONE)
			check_struct(conf, child->section, inside, child_path);
		else
			check_items(conf, child->section, (const struct conf_items *)inside,
				    child_path);
	}
	if (section->check)
		section->check(conf, values, path);
}

static void fill(struct conf *conf)
{
	conf->values = arena_zalloc(conf->arena, 1, conf->root->size);
	struct filling filling = {.section = conf->root,
				  .node = conf->tree,
				  .mark = conf->tree->mark,
				  .path = "",
				  .out = conf->values};
	fill_struct(conf, &filling);
	if (conf->root->complete)
		conf->root->complete(conf->arena, conf->values);
	check_struct(conf, conf->root, conf->values, "");
}

/* Marks of the files stay in front: faults are told of these. */
static void lay_under(struct conf *conf, struct include *include)
{
	struct tree_node *tree = conf->tree;
	for (size_t n = 0; conf->root->layer; n++) {
		struct conf_layer layer = conf->root->layer(conf, n);
		if (!layer.name)
			break;
		struct tree_node *under =
			layer.text ? include_parse(include, layer.name, bytes_of(layer.text))
				   : NULL;
		if (under)
			tree = include_under(include, tree, under);
	}
	conf->tree = tree;
}

static struct conf *conf_new(const struct conf_section *root)
{
	struct arena *arena = arena_new();
	struct conf *conf = arena_zalloc(arena, 1, sizeof(*conf));
	conf->arena = arena;
	conf->root = root;
	faults_init(&conf->faults, arena);
	return conf;
}

static enum err conf_finish(struct conf *conf, struct include *include, struct tree_node *tree)
{
	if (!include->is_broken && tree) {
		conf->tree = tree;
		lay_under(conf, include);
		fill(conf);
	}
	if (include->is_absent)
		return E_NOT_FOUND;
	return conf->faults.error_count ? E_MALFORMED : OK;
}

enum err conf_load(const char *path, const struct conf_section *root, struct conf **ret_conf)
{
	struct conf *conf = conf_new(root);
	struct include include = {.arena = conf->arena, .faults = &conf->faults, .root = root};
	*ret_conf = conf;
	return conf_finish(conf, &include,
			   include_load(&include, arena_cstr(conf->arena, bytes_of(path))));
}

enum err conf_load_text(const char *text, const struct conf_section *root, struct conf **ret_conf)
{
	struct conf *conf = conf_new(root);
	struct include include = {.arena = conf->arena, .faults = &conf->faults, .root = root};
	*ret_conf = conf;
	struct bytes copy = arena_copy(conf->arena, bytes_of(text));
	return conf_finish(conf, &include, include_parse(&include, "(text)", copy));
}

void conf_free(struct conf **conf)
{
	if (!*conf)
		return;
	struct arena *arena = (*conf)->arena; /* holds the conf itself */
	arena_free(&arena);
	*conf = NULL;
}

const void *conf_root(const struct conf *conf)
{
	return conf->values;
}

static void PRINTF_LIKE(4, 0) report(struct conf *conf, const char *path, bool is_warning,
				     const char *format, va_list args)
{
	struct fault fault = {.path = arena_cstr(conf->arena, bytes_of(path)),
			      .is_warning = is_warning};
	path_find(conf, path, &fault.mark);
	faults_add_list(&conf->faults, &fault, format, args);
}

void conf_fault(struct conf *conf, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(conf, path, false, format, args);
	va_end(args);
}

void conf_warn(struct conf *conf, const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(conf, path, true, format, args);
	va_end(args);
}

bool conf_is_given(const struct conf *conf, const char *path)
{
	struct tree_mark mark;
	return path_find(conf, path, &mark) != NULL;
}

bool conf_lists(const struct conf *conf, const char *path, const char *word)
{
	struct tree_mark mark;
	const struct tree_node *node = path_find(conf, path, &mark);
	if (node && node->kind == TREE_SCALAR)
		return strcmp(node->text, word) == 0;
	for (size_t i = 0; node && node->kind == TREE_LIST && i < node->count; i++)
		if (node->entries[i].value->kind == TREE_SCALAR &&
		    strcmp(node->entries[i].value->text, word) == 0)
			return true;
	return false;
}

void conf_origin(const struct conf *conf, const char *path, char *out, size_t size)
{
	struct tree_mark mark;
	if (path_find(conf, path, &mark) && mark.file)
		(void)snprintf(out, size, "%s:%u", mark.file->path, mark.line);
	else
		(void)snprintf(out, size, "default");
}

size_t conf_fault_count(const struct conf *conf)
{
	return conf->faults.error_count;
}

size_t conf_warning_count(const struct conf *conf)
{
	return conf->faults.warning_count;
}

void conf_print_faults(const struct conf *conf, FILE *out, bool as_json)
{
	if (as_json)
		faults_print_json(&conf->faults, out);
	else
		faults_print(&conf->faults, out);
}
