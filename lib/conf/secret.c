/* Reads a secret from where its setting points. A final line end of the file is not part of it. */
#include "lib/conf/secret.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conf/text.h"
#include "lib/conf/value_list.h"

#define SECRET_FILE_MAX_BYTES 65536

static bool keep(const struct value_reading *reading, const struct tree_node *node,
		 struct bytes secret, void *out)
{
	const char *text = arena_cstr(reading->arena, secret);
	if (memchr(text, '\0', secret.len) || strpbrk(text, "\r\n"))
		return value_fault(reading, node, "the secret is not one line of text");
	if (!value_check_count(reading, node, secret.len, "characters"))
		return false;
	memcpy(out, &text, sizeof(text));
	return true;
}

static bool read_from_file(const struct value_reading *reading, const struct tree_node *node,
			   void *out)
{
	struct why why;
	struct bytes secret;
	const char *path;
	const char *directory = node->mark.file ? node->mark.file->directory : "";
	if (file_resolve(reading->arena, directory, node->text, &path, &why) != OK)
		return value_fault(reading, node, "%s", why.text);
	if (file_read(reading->arena, path, SECRET_FILE_MAX_BYTES, &secret, &why) != OK)
		return value_fault(reading, node, "cannot read %s: %s", path, why.text);
	if (secret.len > 0 && secret.data[secret.len - 1] == '\n')
		secret.len--;
	if (secret.len > 0 && secret.data[secret.len - 1] == '\r')
		secret.len--;
	if (secret.len == 0)
		return value_fault(reading, node, "%s is empty", path);
	return keep(reading, node, secret, out);
}

static bool read_from_environment(const struct value_reading *reading, const struct tree_node *node,
				  void *out)
{
	const char *value = getenv(node->text);
	if (!value || value[0] == '\0')
		return value_fault(reading, node, "the environment variable %.100s is not set",
				   node->text);
	return keep(reading, node, bytes_of(value), out);
}

bool secret_read(const struct value_reading *reading, const struct tree_node *node, void *out)
{
	if (node->kind == TREE_SCALAR && node->text[0] == '\0') /* none */
		return keep(reading, node, BYTES_NONE, out);
	if (node->kind == TREE_SCALAR)
		return value_refuse(reading, node,
				    "a secret does not stand in the settings file itself");
	const struct tree_entry *file = tree_find(node, "file"), *env = tree_find(node, "env");
	const struct tree_node *where = file ? file->value : env ? env->value : NULL;
	if (!where || node->count != 1 || where->kind != TREE_SCALAR || where->text[0] == '\0')
		return value_refuse(reading, node, "is not understood");
	return file ? read_from_file(reading, where, out)
		    : read_from_environment(reading, where, out);
}

void secret_write_origin(struct arena *arena, const struct tree_node *node, FILE *out)
{
	const struct tree_entry *file = tree_find(node, "file"), *env = tree_find(node, "env");
	const struct tree_entry *entry = file ? file : env;
	if (!entry || entry->value->kind != TREE_SCALAR) {
		fputs("\"\"", out);
		return;
	}
	const char *text = entry->value->text;
	if (file && entry->value->mark.file &&
	    file_resolve(arena, entry->value->mark.file->directory, text, &text, NULL) != OK)
		text = entry->value->text;
	fprintf(out, "{%s: ", entry->key);
	text_write_yaml(text, out);
	fputc('}', out);
}
