/* Reading, bounding and writing the value of one setting. What is read lives in the settings' arena. */
#include "lib/conf/value.h"

#include <assert.h>
#include <string.h>

#include "lib/conf/forms.h"
#include "lib/conf/secret.h"
#include "lib/conf/text.h"
#include "lib/conf/units.h"
#include "lib/conf/value_list.h"

typedef bool value_reader(const struct value_reading *reading, const struct tree_node *node,
			  void *out);
typedef void value_writer(const struct conf_field *field, const void *value, FILE *out);

struct value_type {
	const char *name;
	const char *form;
	size_t size;
	value_reader *read;
	value_writer *write;
	/* Types that are a number with a unit; NULL for the others. */
	bool (*parse)(const char *text, int64_t *ret);
	void (*print)(int64_t value, char out[UNITS_TEXT_SIZE]);
	bool is_list; /* its default is separated by commas */
};

static const struct value_type value_types[];

static bool wants_text(const struct value_reading *reading, const struct tree_node *node)
{
	if (node->kind == TREE_SCALAR)
		return true;
	return value_refuse(reading, node,
			    node->kind == TREE_NONE ? "has no value" : "is one value");
}

static bool read_flag(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	if (!wants_text(reading, node))
		return false;
	return units_parse_flag(node->text, out) || value_refuse(reading, node, NULL);
}

static bool read_quantity(const struct value_reading *reading, const struct tree_node *node,
			  void *out)
{
	const struct conf_field *field = reading->field;
	const struct value_type *type = &value_types[field->type];
	int64_t value, min, max;
	if (!wants_text(reading, node))
		return false;
	if (!type->parse(node->text, &value))
		return value_refuse(reading, node, NULL);
	bool is_bounded = type->parse(field->min, &min) && type->parse(field->max, &max);
	assert(is_bounded); /* a row's own bounds */
	if (value < min || value > max)
		return value_fault(reading, node, "must be between %s and %s, not %s", field->min,
				   field->max, node->text);
	memcpy(out, &value, sizeof(value));
	return true;
}

static bool read_factor(const struct value_reading *reading, const struct tree_node *node,
			void *out)
{
	double value, min = 0, max = 0;
	if (!wants_text(reading, node))
		return false;
	if (!units_parse_factor(node->text, &value))
		return value_refuse(reading, node, NULL);
	bool is_bounded = units_parse_factor(reading->field->min, &min) &&
			  units_parse_factor(reading->field->max, &max);
	if (is_bounded && (value < min || value > max))
		return value_fault(reading, node, "must be between %s and %s, not %s",
				   reading->field->min, reading->field->max, node->text);
	memcpy(out, &value, sizeof(value));
	return true;
}

static bool keep_text(const struct value_reading *reading, const struct tree_node *node,
		      const char *text, void *out)
{
	if (!value_check_count(reading, node, strlen(text), "characters"))
		return false;
	memcpy(out, &text, sizeof(text));
	return true;
}

static bool read_text(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	return wants_text(reading, node) && keep_text(reading, node, node->text, out);
}

static bool read_path(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	struct why why;
	if (!wants_text(reading, node))
		return false;
	const char *path = node->text;
	bool is_default = !node->mark.file;
	if (path[0] && !is_default &&
	    file_resolve(reading->arena, node->mark.file->directory, path, &path, &why) != OK)
		return value_fault(reading, node, "%s", why.text);
	return keep_text(reading, node, path, out);
}

static bool read_hostname(const struct value_reading *reading, const struct tree_node *node,
			  void *out)
{
	if (!wants_text(reading, node))
		return false;
	if (node->text[0] && !form_is_hostname(node->text))
		return value_refuse(reading, node, NULL);
	return keep_text(reading, node, node->text, out);
}

static bool read_endpoint(const struct value_reading *reading, const struct tree_node *node,
			  void *out)
{
	if (!wants_text(reading, node))
		return false;
	if (node->text[0] && !form_is_endpoint(node->text))
		return value_refuse(reading, node, NULL);
	return keep_text(reading, node, node->text, out);
}

/* "a, b or c" from "a|b|c" */
static const char *spell_words(struct arena *arena, const char *words)
{
	const char *text = "";
	while (*words) {
		size_t len = strcspn(words, "|");
		const char *rest = words[len] ? words + len + 1 : "";
		const char *joint = text[0] == '\0' ? "" : rest[0] ? ", " : " or ";
		text = arena_printf(arena, "%s%s%.*s", text, joint, (int)len, words);
		words = rest;
	}
	return text;
}

static bool read_choice(const struct value_reading *reading, const struct tree_node *node,
			void *out)
{
	if (!wants_text(reading, node))
		return false;
	int index = 0;
	for (const char *word = reading->field->max; *word; index++) {
		size_t len = strcspn(word, "|");
		if (bytes_is(bytes_from(word, len), node->text)) {
			memcpy(out, &index, sizeof(index));
			return true;
		}
		word += len + (word[len] == '|');
	}
	return value_fault(reading, node, "expected %s, not \"%.60s\"",
			   spell_words(reading->arena, reading->field->max), node->text);
}

static void write_flag(const struct conf_field *field, const void *value, FILE *out)
{
	(void)field;
	fputs(*(const bool *)value ? "true" : "false", out);
}

static void write_quantity(const struct conf_field *field, const void *value, FILE *out)
{
	char text[UNITS_TEXT_SIZE];
	value_types[field->type].print(*(const int64_t *)value, text);
	fputs(text, out);
}

static void write_factor(const struct conf_field *field, const void *value, FILE *out)
{
	char text[UNITS_TEXT_SIZE];
	(void)field;
	units_write_factor(*(const double *)value, text);
	fputs(text, out);
}

static void write_text(const struct conf_field *field, const void *value, FILE *out)
{
	(void)field;
	text_write_yaml(*(const char *const *)value, out);
}

static void write_secret(const struct conf_field *field, const void *value, FILE *out)
{
	(void)field, (void)value, (void)out;
}

static void write_choice(const struct conf_field *field, const void *value, FILE *out)
{
	const char *word = field->max;
	for (int skip = *(const int *)value; skip > 0; skip--)
		word += strcspn(word, "|") + 1;
	fprintf(out, "%.*s", (int)strcspn(word, "|"), word);
}

#define QUANTITY(unit)                                                                             \
	.size = sizeof(int64_t), .read = read_quantity, .write = write_quantity,                   \
	.parse = units_parse_##unit, .print = units_write_##unit
#define TEXT(kind) .size = sizeof(const char *), .read = read_##kind, .write = write_text
#define LIST(kind)                                                                                 \
	.size = sizeof(conf_##kind), .read = value_read_##kind, .write = value_write_##kind,       \
	.is_list = true

static const struct value_type value_types[] = {
	[CONF_flag] = {"flag", "true or false", sizeof(bool), .read = read_flag,
		       .write = write_flag},
	[CONF_number] = {"number", "a whole number such as 20", QUANTITY(number)},
	[CONF_duration] = {"duration", "a duration such as 500ms, 20s, 5m, 2h, 3d or 1w",
			   QUANTITY(duration)},
	[CONF_size] = {"size", "a size such as 100 (bytes), 64KiB, 25MiB or 4GiB", QUANTITY(size)},
	[CONF_percent] = {"percent", "a percentage such as 20%", QUANTITY(percent)},
	[CONF_rate] = {"rate", "a rate such as 10/s, 600/min, 5/h or 50/d, or none",
		       QUANTITY(rate)},
	[CONF_factor] = {"factor", "a number such as 2 or 1.5", sizeof(double), .read = read_factor,
			 .write = write_factor},
	[CONF_text] = {"text", "text", TEXT(text)},
	[CONF_path] = {"path", "a file's path, relative to the settings file", TEXT(path)},
	[CONF_hostname] = {"hostname", "a host name of letters, digits, hyphens and dots",
			   TEXT(hostname)},
	[CONF_endpoint] =
		{"endpoint",
		 "address and port, such as 10.0.0.5:25, \"[::1]:25\" or mx.example.com:25",
		 TEXT(endpoint)},
	[CONF_secret] = {"secret", "{file: PATH} or {env: NAME}", sizeof(const char *),
			 .read = secret_read, .write = write_secret},
	[CONF_choice] = {"choice", "one of the words", sizeof(int), .read = read_choice,
			 .write = write_choice},
	[CONF_texts] = {"list", "a list such as [a, b]", LIST(texts)},
	[CONF_cidrs] = {"networks", "a list of networks such as [10.0.0.0/8, \"fd00::/8\"]",
			LIST(cidrs)},
	[CONF_weighted] = {"weights", "names with weights such as {a: 4, b: 1}, or a list of names",
			   LIST(weighted)},
};

const char *value_type_name(enum conf_type type)
{
	return value_types[type].name;
}

const char *value_type_form(enum conf_type type)
{
	return value_types[type].form;
}

size_t value_size(enum conf_type type)
{
	return value_types[type].size;
}

bool value_is_quantity(enum conf_type type)
{
	return value_types[type].parse || type == CONF_factor;
}

bool value_is_list(enum conf_type type)
{
	return value_types[type].is_list;
}

bool value_read(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	return node->kind != TREE_FAULTY &&
	       value_types[reading->field->type].read(reading, node, out);
}

static void set_empty(const struct conf_field *field, void *out)
{
	memset(out, 0, value_size(field->type));
	if (value_types[field->type].write == write_text || field->type == CONF_secret)
		*(const char **)out = "";
}

void value_set_default(const struct value_reading *reading, void *out)
{
	const struct conf_field *field = reading->field;
	struct tree_node *node = tree_new(reading->arena, TREE_SCALAR, (struct tree_mark){0});
	node->text = field->default_text;
	set_empty(field, out);
	if (!field->default_text)
		return;
	if (value_types[field->type].is_list)
		node = value_split_list(reading->arena, field->default_text);
	(void)value_read(reading, node, out);
}

void value_write(const struct conf_field *field, const void *value, FILE *out)
{
	value_types[field->type].write(field, value, out);
}
