/* Nodes and values to text. Recursion is as deep as blocks are nested, which parsing bounds; loops are bounded by steps. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/template/node.h"

struct template_values {
	json_t *own, *shared; /* NULL: none */
};

struct scope { /* an item of a loop */
	json_t *item;
	size_t index, count;
	const struct scope *outer;
};

struct expansion {
	const struct template *template;
	const struct template_values *values;
	enum template_form form;
	struct buf *out;
	size_t steps;
};

/* ---- values ---- */

static enum err read_object(struct bytes text, json_t **ret, struct why *why)
{
	json_error_t error;
	if (text.len == 0)
		return OK;
	if (text.len > TEMPLATE_VALUES_MAX)
		return fail(why, E_TOO_BIG, "variables: more than %zu bytes", TEMPLATE_VALUES_MAX);
	*ret = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return fail(why, E_MALFORMED, "variables: %s", error.text);
	if (!json_is_object(*ret))
		return fail(why, E_MALFORMED, "variables: not an object");
	return OK;
}

enum err template_values_read(struct bytes own, struct bytes shared, struct template_values **ret,
			      struct why *why)
{
	struct template_values *values = memory_new(sizeof *values);
	enum err err = read_object(own, &values->own, why);
	if (err == OK)
		err = read_object(shared, &values->shared, why);
	if (err == OK)
		*ret = values;
	else
		template_values_free(&values);
	return err;
}

void template_values_free(struct template_values **values)
{
	if (!*values)
		return;
	json_decref((*values)->own);
	json_decref((*values)->shared);
	free(*values);
	*values = NULL;
}

/* ---- paths ---- */

static struct bytes next_part(struct bytes *path)
{
	ptrdiff_t dot = bytes_find(*path, '.');
	struct bytes part = dot < 0 ? *path : bytes_first(*path, (size_t)dot);
	*path = dot < 0 ? BYTES_NONE : bytes_skip(*path, (size_t)dot + 1);
	return part;
}

/* NULL: it has none of that name. Each look is a step, since a path may have many parts and a loop many scopes around it. */
static json_t *member(struct expansion *e, json_t *json, struct bytes name)
{
	uint64_t index = 0;
	e->steps++;
	if (json_is_array(json) && bytes_to_u64(name, UINT32_MAX, &index))
		return json_array_get(json, (size_t)index);
	return json_object_getn(json, (const char *)name.data, name.len);
}

static json_t *find_name(struct expansion *e, const struct scope *scope, struct bytes name)
{
	json_t *found = NULL;
	for (; scope && !found; scope = scope->outer)
		found = member(e, scope->item, name);
	if (!found)
		found = member(e, e->values->own, name);
	return found ? found : member(e, e->values->shared, name);
}

static json_t *find(struct expansion *e, const struct scope *scope, struct bytes path)
{
	json_t *found = NULL;
	if (bytes_is(path, "."))
		return scope ? scope->item : NULL;
	struct bytes name = next_part(&path);
	if (bytes_is(name, "this"))
		found = scope ? scope->item : NULL;
	else if (bytes_is(name, "@root"))
		found = find_name(e, NULL, next_part(&path));
	else
		found = find_name(e, scope, name);
	while (found && path.len > 0)
		found = member(e, found, next_part(&path));
	return found;
}

/* ---- writing ---- */

static enum err write_html(struct buf *out, struct bytes text)
{
	static const char *const escapes[256] = {
		['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
		['"'] = "&quot;", ['\''] = "&#39;", ['`'] = "&#96;"};
	size_t from = 0;
	enum err err = OK;
	for (size_t i = 0; i < text.len && err == OK; i++) {
		const char *escape = escapes[text.data[i]];
		if (!escape)
			continue;
		err = buf_append(out, bytes_from(text.data + from, i - from));
		if (err == OK)
			err = buf_append_text(out, escape);
		from = i + 1;
	}
	return err == OK ? buf_append(out, bytes_skip(text, from)) : err;
}

static enum err write_line(struct buf *out, struct bytes text)
{
	size_t from = 0;
	enum err err = OK;
	for (size_t i = 0; i < text.len && err == OK; i++) {
		bool is_control = text.data[i] < ' ' || text.data[i] == 0x7f;
		if (!is_control)
			continue;
		err = buf_append(out, bytes_from(text.data + from, i - from));
		if (err == OK && i > from)
			err = buf_append(out, BYTES(" "));
		from = i + 1;
	}
	return err == OK ? buf_append(out, bytes_skip(text, from)) : err;
}

static enum err write_text(const struct expansion *e, struct bytes text, bool is_raw)
{
	if (e->form == TEMPLATE_LINE)
		return write_line(e->out, text);
	if (e->form == TEMPLATE_HTML && !is_raw)
		return write_html(e->out, text);
	return buf_append(e->out, text);
}

/* The shortest text that reads as the same number. */
static enum err write_real(const struct expansion *e, double value)
{
	char text[40];
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return buf_append_text(e->out, text);
}

/* Objects and lists have no text. */
static enum err write_value(const struct expansion *e, const json_t *json, bool is_raw)
{
	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_STRING:
		return write_text(e, bytes_from(json_string_value(json), json_string_length(json)),
				  is_raw);
	case JSON_INTEGER:
		return buf_printf(e->out, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	case JSON_REAL:
		return write_real(e, json_real_value(json));
	case JSON_TRUE:
		return buf_append_text(e->out, "true");
	case JSON_FALSE:
		return buf_append_text(e->out, "false");
	default:
		return OK;
	}
}

/* ---- what depends on the loop ---- */

enum about_loop { NOT_OF_LOOP, LOOP_INDEX, LOOP_NUMBER, LOOP_FIRST, LOOP_LAST };

static enum about_loop about_loop(struct bytes path)
{
	static const char *const names[] = {[LOOP_INDEX] = "@index",
					    [LOOP_NUMBER] = "@number",
					    [LOOP_FIRST] = "@first",
					    [LOOP_LAST] = "@last"};
	if (path.data[0] != '@')
		return NOT_OF_LOOP;
	for (size_t i = LOOP_INDEX; i <= LOOP_LAST; i++)
		if (bytes_is(path, names[i]))
			return (enum about_loop)i;
	return NOT_OF_LOOP;
}

static size_t loop_value(const struct scope *scope, enum about_loop what)
{
	if (!scope)
		return 0;
	switch (what) {
	case LOOP_INDEX:
		return scope->index;
	case LOOP_NUMBER:
		return scope->index + 1;
	case LOOP_FIRST:
		return scope->index == 0;
	default:
		return scope->index + 1 == scope->count;
	}
}

static bool is_true(struct expansion *e, const struct scope *scope, struct bytes path)
{
	enum about_loop what = about_loop(path);
	if (what != NOT_OF_LOOP)
		return loop_value(scope, what) > 0;
	const json_t *json = find(e, scope, path);
	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_STRING:
		return json_string_length(json) > 0;
	case JSON_INTEGER:
		return json_integer_value(json) != 0;
	case JSON_REAL:
		return json_real_value(json) != 0;
	case JSON_ARRAY:
		return json_array_size(json) > 0;
	case JSON_TRUE:
	case JSON_OBJECT:
		return true;
	default:
		return false;
	}
}

/* ---- nodes ---- */

static enum err expand(struct expansion *e, const struct scope *scope, size_t from, size_t to);

static enum err expand_value(struct expansion *e, const struct scope *scope,
			     const struct node *node)
{
	enum about_loop what = about_loop(node->text);
	if (what == LOOP_FIRST || what == LOOP_LAST)
		return buf_append_text(e->out, loop_value(scope, what) ? "true" : "false");
	if (what != NOT_OF_LOOP)
		return buf_printf(e->out, "%zu", loop_value(scope, what));
	return write_value(e, find(e, scope, node->text), node->is_raw);
}

static enum err expand_each(struct expansion *e, const struct scope *outer, const struct node *node,
			    size_t at)
{
	json_t *list = find(e, outer, node->text);
	size_t count = json_array_size(list);
	if (count == 0)
		return expand(e, outer, node->else_at, node->end_at);
	for (size_t i = 0; i < count; i++) {
		struct scope scope = {json_array_get(list, i), i, count, outer};
		if (++e->steps > TEMPLATE_STEPS_MAX)
			return E_TOO_BIG;
		enum err err = expand(e, &scope, at + 1, node->else_at);
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err expand_node(struct expansion *e, const struct scope *scope, size_t at)
{
	const struct node *node = &e->template->nodes[at];
	bool holds = false;
	switch (node->kind) {
	case NODE_TEXT:
		return buf_append(e->out, node->text);
	case NODE_VALUE:
		return expand_value(e, scope, node);
	case NODE_EACH:
		return expand_each(e, scope, node, at);
	case NODE_IF:
	case NODE_UNLESS:
		holds = is_true(e, scope, node->text) == (node->kind == NODE_IF);
		return holds ? expand(e, scope, at + 1, node->else_at)
			     : expand(e, scope, node->else_at, node->end_at);
	}
	return OK;
}

static enum err expand(struct expansion *e, const struct scope *scope, size_t from, size_t to)
{
	for (size_t at = from; at < to;) {
		const struct node *node = &e->template->nodes[at];
		if (++e->steps > TEMPLATE_STEPS_MAX)
			return E_TOO_BIG;
		enum err err = expand_node(e, scope, at);
		if (err != OK)
			return err;
		at = node->end_at > at ? node->end_at : at + 1;
	}
	return OK;
}

enum err template_expand(const struct template *template, const struct template_values *values,
			 enum template_form form, struct buf *out)
{
	struct expansion e = {.template = template, .values = values, .form = form, .out = out};
	return expand(&e, NULL, 0, template->count);
}
