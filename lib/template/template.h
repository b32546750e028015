/* Texts with places to fill in: a small part of Mustache and Handlebars. Pure; no code, no look at files or clocks, and whatever the
 * values are, the work and the output have a maximum. docs/templates.md is for those who write them.
 *
 *   {{name}}  {{{name}}} {{&name}}      the value; in HTML the first is escaped
 *   {{#if name}} {{else}} {{/if}}       also #unless; false, 0, "", null, [] and absent are no
 *   {{#each items}} {{else}} {{/each}}  for each item, whose names come first; {{this}} {{@index}} {{@number}} {{@first}} {{@last}}
 *   {{! a comment}}                     a block tag or comment alone on its line leaves no line
 *   \{{                                 two braces as they are
 *   person.name, items.0, @root.name    a path: objects by name, lists by number */
#ifndef LEVERET_LIB_TEMPLATE_TEMPLATE_H
#define LEVERET_LIB_TEMPLATE_TEMPLATE_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

#define TEMPLATE_BYTES_MAX ((size_t)4 << 20)
#define TEMPLATE_DEPTH_MAX 16
#define TEMPLATE_STEPS_MAX                                                                         \
	200000 /* of one expansion: tags met, loops included, and looks for a name */
#define TEMPLATE_VALUES_MAX ((size_t)1 << 20) /* bytes of JSON */

struct template;
/* Borrows the text. E_MALFORMED and E_TOO_BIG with line and reason. */
enum err template_parse(struct arena *arena, struct bytes text, struct template **ret,
			struct why *why) MUST_USE;
bool template_has_tags(const struct template *template); /* else it expands to itself */

/* What names mean: a JSON object for this recipient, and one for all, which is looked at second. */
struct template_values;
enum err template_values_read(struct bytes own, struct bytes shared, struct template_values **ret,
			      struct why *why) MUST_USE; /* none: empty */
void template_values_free(struct template_values **values);

enum template_form {
	TEMPLATE_TEXT, /* values as they are */
	TEMPLATE_HTML, /* values escaped, but for {{{ }}} */
	TEMPLATE_LINE, /* one line: control characters in values become spaces, and runs of them one */
};
/* Appends. E_FULL: more than `out` may hold; E_TOO_BIG: more than TEMPLATE_STEPS_MAX. */
enum err template_expand(const struct template *template, const struct template_values *values,
			 enum template_form form, struct buf *out) MUST_USE;

#endif
