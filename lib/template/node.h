/* A parsed template: a flat list, in which a block knows where it ends. Private to lib/template/. */
#ifndef LEVERET_LIB_TEMPLATE_NODE_H
#define LEVERET_LIB_TEMPLATE_NODE_H

#include "lib/template/template.h"

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_IF, NODE_UNLESS, NODE_EACH };

struct node {
	enum node_kind kind;
	bool is_raw;	   /* a value that is not escaped */
	struct bytes text; /* the literal, or the path */
	size_t else_at; /* of a block: index behind its first part; end_at when it has no second */
	size_t end_at;	/* of a block: index behind it */
};

struct template
{
	struct node *nodes;
	size_t count, capacity;
	bool has_tags;
};

#endif
