/* The types of settings: how each is read from a node of the tree, kept in a struct, and written again. One row per type. */
#ifndef LEVERET_LIB_CONF_VALUE_H
#define LEVERET_LIB_CONF_VALUE_H

#include "lib/conf/conf.h"
#include "lib/conf/fault.h"
#include "lib/conf/tree.h"

struct value_reading {
	struct arena *arena;
	struct faults *faults;
	const struct conf_field *field;
	const char *path; /* of the setting, for faults */
};

const char *value_type_name(enum conf_type type);
const char *value_type_form(enum conf_type type); /* what an operator may write */
size_t value_size(enum conf_type type);
bool value_is_quantity(
	enum conf_type
		type); /* min and max bound the value; of other types, its characters or entries */
bool value_is_list(enum conf_type type);

/* false after a fault was reported; *out is then as before. */
bool value_read(const struct value_reading *reading, const struct tree_node *node, void *out);
/* The row's default; an empty value for a row without one. */
void value_set_default(const struct value_reading *reading, void *out);
/* As YAML on one line. Secrets write nothing: their holder knows where they come from. */
void value_write(const struct conf_field *field, const void *value, FILE *out);

#endif
