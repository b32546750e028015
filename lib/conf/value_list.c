/* Lists of texts and networks, and names with weights. A faulty element gives a fault of its own and leaves the setting at its default. */
#include "lib/conf/value_list.h"

#include <string.h>

#include "lib/conf/forms.h"
#include "lib/conf/text.h"
#include "lib/conf/units.h"

#define WEIGHT_MAX 1000000

bool value_fault(const struct value_reading *reading, const struct tree_node *node,
		 const char *format, ...)
{
	struct fault fault = {.mark = node->mark,
			      .path = reading->path,
			      .is_private = reading->field->privacy == CONF_SECRET};
	va_list args;
	va_start(args, format);
	faults_add_list(reading->faults, &fault, format, args);
	va_end(args);
	return false;
}

bool value_refuse(const struct value_reading *reading, const struct tree_node *node,
		  const char *problem)
{
	const char *form = value_type_form(reading->field->type);
	if (problem)
		return value_fault(reading, node, "%s; expected %s", problem, form);
	return value_fault(reading, node, "expected %s, not \"%.60s\"", form, node->text);
}

bool value_check_count(const struct value_reading *reading, const struct tree_node *node,
		       size_t count, const char *what)
{
	int64_t min = 0, max = INT64_MAX;
	units_parse_number(reading->field->min, &min);
	units_parse_number(reading->field->max, &max);
	if (min > 0 && count == 0)
		return value_fault(reading, node, "must not be empty");
	if (count < (uint64_t)min || count > (uint64_t)max)
		return value_fault(reading, node, "must have %lld to %lld %s, not %zu",
				   (long long)min, (long long)max, what, count);
	return true;
}

struct tree_node *value_split_list(struct arena *arena, const char *text)
{
	struct tree_node *list = tree_new(arena, TREE_LIST, (struct tree_mark){0});
	for (const char *rest = text; *rest;) {
		size_t len = strcspn(rest, ",");
		struct tree_node *item = tree_new(arena, TREE_SCALAR, list->mark);
		item->text = arena_cstr(arena, bytes_trim(bytes_from(rest, len)));
		tree_append(arena, list, (struct tree_entry){.value = item});
		rest += len + (rest[len] == ',');
	}
	return list;
}

static bool is_list(const struct value_reading *reading, const struct tree_node *node)
{
	if (node->kind != TREE_LIST)
		return value_refuse(reading, node,
				    node->kind == TREE_NONE ? "has no value" : "is a list");
	return value_check_count(reading, node, node->count, "entries");
}

static bool is_word(const struct value_reading *reading, const struct tree_node *node)
{
	if (node->kind == TREE_SCALAR && node->text[0])
		return true;
	return node->kind != TREE_FAULTY &&
	       value_fault(reading, node, "an entry of the list is not a word");
}

bool value_read_texts(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	if (!is_list(reading, node))
		return false;
	conf_texts texts = {
		.items = arena_zalloc(reading->arena, node->count + 1, sizeof(*texts.items)),
		.count = node->count};
	bool is_good = true;
	for (size_t i = 0; i < node->count; i++) {
		is_good = is_word(reading, node->entries[i].value) && is_good;
		texts.items[i] = node->entries[i].value->text;
	}
	if (is_good)
		memcpy(out, &texts, sizeof(texts));
	return is_good;
}

bool value_read_cidrs(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	if (!is_list(reading, node))
		return false;
	conf_cidrs cidrs = {
		.items = arena_zalloc(reading->arena, node->count + 1, sizeof(*cidrs.items)),
		.count = node->count};
	bool is_good = true;
	for (size_t i = 0; i < node->count; i++) {
		const struct tree_node *item = node->entries[i].value;
		if (!is_word(reading, item))
			is_good = false;
		else if (!form_parse_cidr(item->text, &cidrs.items[i]))
			is_good = value_fault(
				reading, item,
				"expected a network such as 10.0.0.0/8 (no bits set after the "
				"prefix) or an address, not \"%.60s\"",
				item->text);
	}
	if (is_good)
		memcpy(out, &cidrs, sizeof(cidrs));
	return is_good;
}

static bool read_weight(const struct value_reading *reading, const struct tree_entry *entry,
			int64_t *ret)
{
	const struct tree_node *node = entry->value;
	bool is_number = node->kind == TREE_SCALAR && units_parse_number(node->text, ret);
	if (is_number && *ret >= 1 && *ret <= WEIGHT_MAX)
		return true;
	return value_fault(reading, node, "the weight of %.60s must be a number from 1 to %d",
			   entry->key, WEIGHT_MAX);
}

bool value_read_weighted(const struct value_reading *reading, const struct tree_node *node,
			 void *out)
{
	bool is_map = node->kind == TREE_MAP;
	if (is_map ? !value_check_count(reading, node, node->count, "entries")
		   : !is_list(reading, node))
		return false;
	conf_weighted weights = {.count = node->count};
	weights.items = arena_zalloc(reading->arena, node->count + 1, sizeof(*weights.items));
	bool is_good = true;
	for (size_t i = 0; i < node->count; i++) {
		const struct tree_entry *entry = &node->entries[i];
		weights.items[i].weight = 1;
		if (is_map)
			is_good = read_weight(reading, entry, &weights.items[i].weight) && is_good;
		else
			is_good = is_word(reading, entry->value) && is_good;
		weights.items[i].name = is_map ? entry->key : entry->value->text;
	}
	if (is_good)
		memcpy(out, &weights, sizeof(weights));
	return is_good;
}

void value_write_texts(const struct conf_field *field, const void *value, FILE *out)
{
	const conf_texts *texts = value;
	(void)field;
	fputc('[', out);
	for (size_t i = 0; i < texts->count; i++) {
		fputs(i ? ", " : "", out);
		text_write_yaml(texts->items[i], out);
	}
	fputc(']', out);
}

void value_write_cidrs(const struct conf_field *field, const void *value, FILE *out)
{
	const conf_cidrs *cidrs = value;
	(void)field;
	fputc('[', out);
	for (size_t i = 0; i < cidrs->count; i++) {
		char text[FORM_CIDR_SIZE];
		form_write_cidr(&cidrs->items[i], text);
		fputs(i ? ", " : "", out);
		text_write_yaml(text, out);
	}
	fputc(']', out);
}

void value_write_weighted(const struct conf_field *field, const void *value, FILE *out)
{
	const conf_weighted *weights = value;
	(void)field;
	fputc('{', out);
	for (size_t i = 0; i < weights->count; i++) {
		fputs(i ? ", " : "", out);
		text_write_yaml(weights->items[i].name, out);
		fprintf(out, ": %lld", (long long)weights->items[i].weight);
	}
	fputc('}', out);
}
