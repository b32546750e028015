/* What is wrong with the settings: collected while they are read, printed at the end. */
#ifndef LEVERET_LIB_CONF_FAULT_H
#define LEVERET_LIB_CONF_FAULT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/conf/tree.h"

#define FAULTS_MAX 500 /* kept; further ones are counted */

struct fault {
	struct tree_mark mark;
	const char *path;    /* of the setting; "" when it is about the file */
	const char *message; /* one line */
	bool is_warning;
	bool is_private; /* its source line may show a secret, so it is not printed */
	size_t order;	 /* in which it was found */
};

struct faults {
	struct arena *arena;
	struct fault *items;
	size_t count;
	size_t error_count, warning_count; /* of all, also those not kept */
};

void faults_init(struct faults *faults, struct arena *arena);
/* `where` gives all but the message; what it points to must live as long as the arena. */
void faults_add(struct faults *faults, const struct fault *where, const char *format, ...)
	PRINTF_LIKE(3, 4);
void faults_add_list(struct faults *faults, const struct fault *where, const char *format,
		     va_list args);
void faults_print(const struct faults *faults, FILE *out);
void faults_print_json(const struct faults *faults, FILE *out);

#endif
