/* The sample file and the reference page, from the tables alone. In the sample, prose is `# text` and a setting is `#name: value`
 * at its place, so that a setting is taken into use by removing one '#'. */
#include <string.h>

#include "lib/conf/conf.h"
#include "lib/conf/text.h"
#include "lib/conf/value.h"
#include "lib/conf/value_list.h"

#define EXAMPLE_ENTRY "example"

struct sample {
	struct arena *arena;
	FILE *out;
	bool is_without_entry; /* the entry that this is in is a comment, because it would lack a setting */
};

static void sample_fields(const struct sample *sample, const struct conf_section *section,
			  int indent);

static bool is_required(const struct conf_section *section)
{
	for (size_t i = 0; i < section->field_count; i++)
		if (!section->fields[i].default_text)
			return true;
	return false;
}

static void write_default(struct arena *arena, const struct conf_field *field, FILE *out)
{
	/* As large as the largest type: a default is read as any value is. */
	union {
		conf_texts texts;
		conf_weighted weights;
		conf_cidrs cidrs;
		int64_t number;
		const char *text;
	} value;
	struct faults faults;
	faults_init(&faults, arena);
	struct value_reading reading = {arena, &faults, field, field->name};
	value_set_default(&reading, &value);
	if (field->type == CONF_secret || field->privacy == CONF_SECRET)
		fputs("\"\"", out);
	else
		value_write(field, &value, out);
}

/* What stands for a value that has no default. */
static void write_example(const struct conf_field *field, FILE *out)
{
	fputs(field->type == CONF_endpoint   ? "127.0.0.1:2525"
	      : field->type == CONF_hostname ? "mta1.example.com"
					     : "example",
	      out);
}

static void sample_field(const struct sample *sample, const struct conf_field *field, int indent)
{
	fprintf(sample->out, "%*s# %s", indent, "", field->help);
	if (field->type == CONF_choice)
		fprintf(sample->out, " (%s)", field->max);
	fprintf(sample->out, "\n%*s#%s: ", indent, "", field->name);
	if (field->default_text)
		write_default(sample->arena, field, sample->out);
	else
		write_example(field, sample->out);
	fputc('\n', sample->out);
}

/* The first line of a list's item carries the dash. All of an item is behind the '#' of its column; what is inside it is `depth` further
 * in. */
static void sample_list_item(const struct sample *sample, const struct conf_section *section,
			     int indent, int depth, const char *dash)
{
	for (size_t i = 0; i < section->field_count; i++) {
		const struct conf_field *field = &section->fields[i];
		fprintf(sample->out, "%*s# %s\n", indent + depth + 2, "", field->help);
		fprintf(sample->out, "%*s#%*s%s%s: ", indent, "", depth, "", dash, field->name);
		if (field->default_text)
			write_default(sample->arena, field, sample->out);
		else
			write_example(field, sample->out);
		fputc('\n', sample->out);
		dash = "  ";
	}
	for (size_t i = 0; i < section->child_count; i++) {
		const struct conf_section *child = section->children[i].section;
		bool is_list = child->shape == CONF_LIST;
		fprintf(sample->out, "%*s# %s\n", indent + depth + 2, "", child->help);
		fprintf(sample->out, "%*s#%*s%s%s:\n", indent, "", depth, "", dash, child->name);
		sample_list_item(sample, child, indent, depth + (is_list ? 4 : 2),
				 is_list ? "- " : "  ");
		dash = "  ";
	}
}

static void sample_section(const struct sample *sample, const struct conf_section *section,
			   int indent)
{
	struct sample inside = *sample;
	fprintf(sample->out, "\n%*s# %s\n%*s%s%s:\n", indent, "", section->help, indent, "",
		sample->is_without_entry ? "#" : "", section->name);
	if (section->shape == CONF_LIST) {
		sample_list_item(sample, section, indent + 2, 0, "- ");
		return;
	}
	if (section->shape == CONF_MAP) {
		const char *name = section->inherit_from ? section->inherit_from
				   : section->always	 ? section->always
							 : EXAMPLE_ENTRY;
		indent += 2;
		inside.is_without_entry |= is_required(section);
		fprintf(sample->out, "%*s%s%s:\n", indent, "", inside.is_without_entry ? "#" : "",
			name);
	}
	sample_fields(&inside, section, indent + 2);
}

static void sample_fields(const struct sample *sample, const struct conf_section *section,
			  int indent)
{
	for (size_t i = 0; i < section->field_count; i++)
		sample_field(sample, &section->fields[i], indent);
	for (size_t i = 0; i < section->child_count; i++)
		sample_section(sample, section->children[i].section, indent);
}

void conf_write_sample(const struct conf_section *root, FILE *out)
{
	struct sample sample = {.arena = arena_new(), .out = out};
	fprintf(out,
		"# %s\n"
		"#\n"
		"# Every setting is here with its default. Remove the # before a name to set it.\n"
		"# Durations: ms s m h d w. Sizes: KiB MiB GiB TiB. Secrets: {file: PATH} or {env: "
		"NAME}.\n"
		"# More files are read over this one by their patterns:\n"
		"#include: [conf.d/*.yaml]\n\n",
		root->help);
	sample_fields(&sample, root, 0);
	arena_free(&sample.arena);
}

static void reference_range(const struct conf_field *field, FILE *out)
{
	if (field->type == CONF_choice)
		text_write_cell(field->max, out);
	else if (field->max[0] == '\0')
		text_write_cell(value_type_form(field->type), out);
	else if (value_is_quantity(field->type))
		fprintf(out, "%s to %s", field->min, field->max);
	else
		fprintf(out, "at most %s %s", field->max,
			value_is_list(field->type) ? "entries" : "characters");
}

static void reference_row(struct arena *arena, const struct conf_field *field, FILE *out)
{
	fprintf(out, "| `%s` | %s | ", field->name, value_type_name(field->type));
	if (field->default_text) {
		fputc('`', out);
		write_default(arena, field, out);
		fputc('`', out);
	} else {
		fputs("must be given", out);
	}
	fputs(" | ", out);
	reference_range(field, out);
	fprintf(out, " | %s | ", field->reload == CONF_LIVE ? "restart; later reload" : "restart");
	text_write_cell(field->help, out);
	fputs(" |\n", out);
}

static void reference_shape(const struct conf_section *section, const char *path, FILE *out)
{
	if (section->shape == CONF_MAP)
		fprintf(out, "A map: `%s: {NAME: {...}, ...}`.", path);
	else if (section->shape == CONF_LIST)
		fprintf(out, "A list: `%s: [{...}, ...]`.", path);
	if (section->inherit_from)
		fprintf(out,
			" What an entry does not give is taken from the entry `%s`, which always "
			"exists.",
			section->inherit_from);
	if (section->always)
		fprintf(out, " An entry `%s` always exists.", section->always);
	if (section->shape != CONF_ONE)
		fputs("\n\n", out);
}

static void reference_section(struct arena *arena, const struct conf_section *section,
			      const char *path, FILE *out)
{
	if (path[0])
		fprintf(out, "\n## `%s`\n\n%s\n\n", path, section->help);
	reference_shape(section, path, out);
	if (section->field_count)
		fputs("| setting | type | default | allowed | takes effect on | meaning "
		      "|\n|---|---|---|---|---|---|\n",
		      out);
	for (size_t i = 0; i < section->field_count; i++)
		reference_row(arena, &section->fields[i], out);
	for (size_t i = 0; i < section->child_count; i++) {
		const struct conf_section *child = section->children[i].section;
		const char *below =
			path[0] ? arena_printf(arena, "%s.%s", path, child->name) : child->name;
		reference_section(arena, child, below, out);
	}
}

void conf_write_reference(const struct conf_section *root, FILE *out)
{
	struct arena *arena = arena_new();
	fprintf(out,
		"# Reference\n\n%s\n\n"
		"The file is YAML, without tags, anchors and aliases. `include: [conf.d/*.yaml]` "
		"at its top reads further files\n"
		"over it: sections are merged key by key, and a later value replaces an earlier "
		"one. An unknown setting is an\n"
		"error. Names of map entries are letters, digits, `-` and `_`.\n\n"
		"| type | what to write |\n|---|---|\n",
		root->help);
	for (int type = CONF_flag; type <= CONF_weighted; type++) {
		fprintf(out, "| %s | ", value_type_name((enum conf_type)type));
		text_write_cell(value_type_form((enum conf_type)type), out);
		fputs(" |\n", out);
	}
	fputs("\n## Top of the file\n\n", out);
	reference_section(arena, root, "", out);
	arena_free(&arena);
}
