/* Settings that hold several values, and what all kinds of values share to report faults. Internal to value.c and secret.c. */
#ifndef LEVERET_LIB_CONF_VALUE_LIST_H
#define LEVERET_LIB_CONF_VALUE_LIST_H

#include "lib/conf/file.h"
#include "lib/conf/value.h"

/* Report and return false. */
bool value_fault(const struct value_reading *reading, const struct tree_node *node,
		 const char *format, ...) PRINTF_LIKE(3, 4);
/* "expected <form of the type>", and what was found or the problem. */
bool value_refuse(const struct value_reading *reading, const struct tree_node *node,
		  const char *problem);
/* The row's min and max bound characters, or entries of a list. */
bool value_check_count(const struct value_reading *reading, const struct tree_node *node,
		       size_t count, const char *what);

/* A list node from "a, b" */
struct tree_node *value_split_list(struct arena *arena, const char *text);

bool value_read_texts(const struct value_reading *reading, const struct tree_node *node, void *out);
bool value_read_cidrs(const struct value_reading *reading, const struct tree_node *node, void *out);
bool value_read_weighted(const struct value_reading *reading, const struct tree_node *node,
			 void *out);
void value_write_texts(const struct conf_field *field, const void *value, FILE *out);
void value_write_cidrs(const struct conf_field *field, const void *value, FILE *out);
void value_write_weighted(const struct conf_field *field, const void *value, FILE *out);

#endif
