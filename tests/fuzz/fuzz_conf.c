/* Any text as a settings file: faults or values, never a crash, a leak or a hang; and what was read, written and read again, is the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "lib/conf/conf.h"

struct leaf {
	const char *name;
	conf_number number;
	conf_texts texts;
	conf_weighted weighted;
};
struct tree {
	conf_flag flag;
	conf_duration duration;
	conf_size size;
	conf_percent percent;
	conf_factor factor;
	conf_text text;
	conf_path path;
	conf_hostname hostname;
	conf_endpoint endpoint;
	conf_secret secret;
	conf_choice choice;
	conf_cidrs cidrs;
	struct conf_items leaves, list;
};

/* clang-format off */
#define X(...) CONF_ROW(struct tree, __VA_ARGS__)
static const struct conf_field tree_fields[] = {
	X(flag, flag, "true", "", "", LIVE, PLAIN, "")
	X(duration, duration, "5m", "0s", "1000w", LIVE, PLAIN, "")
	X(size, size, "1MiB", "0", "8589934591GiB", LIVE, PLAIN, "")
	X(percent, percent, "20%", "0%", "100%", LIVE, PLAIN, "")
	X(factor, factor, "2", "0", "1000000", LIVE, PLAIN, "")
	X(text, text, "", "0", "100", LIVE, PLAIN, "")
	X(path, path, "", "0", "4096", LIVE, PLAIN, "")
	X(hostname, hostname, "", "0", "253", LIVE, PLAIN, "")
	X(endpoint, endpoint, "", "0", "300", LIVE, PLAIN, "")
	X(secret, secret, "", "0", "256", LIVE, SECRET, "")
	X(choice, choice, "a", "", "a|bc|d", LIVE, PLAIN, "")
	X(cidrs, cidrs, "", "0", "10", LIVE, PLAIN, "")
};
#undef X
#define X(...) CONF_ROW(struct leaf, __VA_ARGS__)
static const struct conf_field leaf_fields[] = {
	X(number, number, NULL, "-10", "10", LIVE, PLAIN, "")
	X(texts, texts, "x, y", "0", "10", LIVE, PLAIN, "")
	X(weighted, weighted, "", "0", "10", LIVE, PLAIN, "")
};
#undef X
/* clang-format on */

static void check_leaf(struct conf *conf, const void *section, const char *path)
{
	const struct leaf *leaf = section;
	if (leaf->number < 0)
		conf_warn(conf, path, "below 0");
	if (leaf->texts.count && strlen(leaf->texts.items[0]) > 9)
		conf_fault(conf, path, "long");
}

static const struct conf_section leaves_section = {
	.name = "leaves",
	.help = "",
	.shape = CONF_MAP,
	.size = sizeof(struct leaf),
	.fields = leaf_fields,
	.field_count = CONF_COUNT(leaf_fields),
	.check = check_leaf,
};
static const struct conf_section list_section = {
	.name = "list",
	.help = "",
	.shape = CONF_LIST,
	.size = sizeof(struct leaf),
	.fields = leaf_fields,
	.field_count = CONF_COUNT(leaf_fields),
	.check = check_leaf,
};
static const struct conf_child children[] = {{&leaves_section, offsetof(struct tree, leaves)},
					     {&list_section, offsetof(struct tree, list)}};
static const struct conf_section root = {
	.name = "root",
	.help = "",
	.size = sizeof(struct tree),
	.fields = tree_fields,
	.field_count = CONF_COUNT(tree_fields),
	.children = children,
	.child_count = CONF_COUNT(children),
};

static char *dump_of(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	conf_dump(conf, out, false);
	fclose(out);
	return text;
}

static void read_back(const struct conf *conf)
{
	struct conf *again;
	char *first = dump_of(conf);
	if (conf_load_text(first, &root, &again) != OK)
		abort();
	char *second = dump_of(again);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	conf_free(&again);
}

static void print_faults(const struct conf *conf, bool as_json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	conf_print_faults(conf, out, as_json);
	fclose(out);
	free(text);
}

/* The YAML library loses memory on some malformed quoted scalars; a program reads its settings once, so that is no matter. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf;
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (conf_load_text(text, &root, &conf) == OK)
		read_back(conf);
	print_faults(conf, false);
	print_faults(conf, true);
	conf_free(&conf);
	free(text);
	return 0;
}
