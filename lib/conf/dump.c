/* Writes the settings in force as YAML, from the structs and not from the files, so that it shows what the program goes by. */
#include <string.h>

#include "lib/conf/secret.h"
#include "lib/conf/state.h"
#include "lib/conf/text.h"
#include "lib/conf/value.h"

struct dump {
	const struct conf *conf;
	FILE *out;
	bool with_origin;
};

static void dump_struct(const struct dump *dump, const struct conf_section *section,
			const char *values, const char *path, int indent);

static void write_hiding_passwords(const struct dump *dump, const struct conf_field *field,
				   const char *value)
{
	char *text = arena_cstr(dump->conf->arena, bytes_of(*(const char *const *)value));
	text_hide_passwords(text);
	value_write(field, &text, dump->out);
}

static void dump_value(const struct dump *dump, const struct conf_field *field, const char *value,
		       const char *path)
{
	struct tree_mark mark;
	const struct tree_node *node = path_find(dump->conf, path, &mark);
	const char *note = NULL;
	if (field->privacy == CONF_SECRET || field->type == CONF_secret) {
		secret_write_origin(dump->conf->arena, node, dump->out);
		note = node && node->kind == TREE_MAP ? "(hidden)" : NULL;
	} else if (field->type == CONF_text) {
		write_hiding_passwords(dump, field, value);
	} else {
		value_write(field, value, dump->out);
	}
	if (dump->with_origin && node)
		fprintf(dump->out, "  # %s%s%s:%u", note ? note : "", note ? " " : "",
			mark.file->path, mark.line);
	else if (dump->with_origin || note)
		fprintf(dump->out, "  # %s", note ? note : "default");
	fputc('\n', dump->out);
}

static void dump_items(const struct dump *dump, const struct conf_section *section,
		       const struct conf_items *items, const char *path, int indent)
{
	bool is_map = section->shape == CONF_MAP;
	fputs(items->count ? "\n" : is_map ? " {}\n" : " []\n", dump->out);
	for (size_t i = 0; i < items->count; i++) {
		const char *item = (const char *)items->items + i * section->size;
		if (section->is_made && section->is_made(item))
			continue;
		const char *name = is_map ? *(const char *const *)item : NULL;
		const char *item_path = is_map ? path_join(dump->conf->arena, path, name)
					       : path_item(dump->conf->arena, path, i);
		fprintf(dump->out, "%*s", indent, "");
		if (is_map) {
			text_write_yaml(name, dump->out);
			fputc(':', dump->out);
		} else {
			fputc('-', dump->out);
		}
		fputc('\n', dump->out);
		dump_struct(dump, section, item, item_path, indent + 2);
	}
}

static void dump_struct(const struct dump *dump, const struct conf_section *section,
			const char *values, const char *path, int indent)
{
	for (size_t i = 0; i < section->field_count; i++) {
		const struct conf_field *field = &section->fields[i];
		fprintf(dump->out, "%*s%s: ", indent, "", field->name);
		dump_value(dump, field, values + field->offset,
			   path_join(dump->conf->arena, path, field->name));
	}
	for (size_t i = 0; i < section->child_count; i++) {
		const struct conf_child *child = &section->children[i];
		const char *child_path = path_join(dump->conf->arena, path, child->section->name);
		fprintf(dump->out, "%*s%s:", indent, "", child->section->name);
		if (child->section->shape == CONF_ONE) {
			fputc('\n', dump->out);
			dump_struct(dump, child->section, values + child->offset, child_path,
				    indent + 2);
		} else {
			dump_items(dump, child->section,
				   (const struct conf_items *)(values + child->offset), child_path,
				   indent + 2);
		}
	}
}

void conf_dump(const struct conf *conf, FILE *out, bool with_origin)
{
	struct dump dump = {conf, out, with_origin};
	if (conf->values)
		dump_struct(&dump, conf->root, conf->values, "", 0);
}
