/* Reads YAML into a tree from the parser's events. Building the tree here, and not in the library, is what lets us refuse what
 * settings must not have (tags, anchors and aliases, several documents, a key twice) at the place where it stands, and keeps
 * the check for duplicates from being quadratic. Only a syntax fault stops the reading. */
#include "lib/conf/tree.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/fault.h"

#define DEPTH_MAX 32

struct reader {
	struct arena *arena;
	const struct conf_file *file;
	struct faults *faults;
	struct fy_parser *parser;
	bool is_stopped; /* nothing that follows can be understood */
};

static struct tree_node *read_value(struct reader *reader, struct fy_event *event, unsigned depth);

struct tree_node *tree_new(struct arena *arena, enum tree_kind kind, struct tree_mark mark)
{
	struct tree_node *node = arena_zalloc(arena, 1, sizeof(*node));
	node->kind = kind;
	node->mark = mark;
	return node;
}

struct tree_entry *tree_append(struct arena *arena, struct tree_node *node, struct tree_entry entry)
{
	if (node->count == node->capacity) {
		size_t capacity = node->capacity ? node->capacity * 2 : 8;
		struct tree_entry *entries = arena_zalloc(arena, capacity, sizeof(*entries));
		if (node->count)
			memcpy(entries, node->entries, node->count * sizeof(*entries));
		node->entries = entries;
		node->capacity = capacity;
	}
	node->entries[node->count] = entry;
	return &node->entries[node->count++];
}

/* Equal keys keep the order of the file, so that the second one is the one at fault. */
static int compare_entries(const void *left, const void *right)
{
	const struct tree_entry *a = *(const struct tree_entry *const *)left;
	const struct tree_entry *b = *(const struct tree_entry *const *)right;
	int order = strcmp(a->key, b->key);
	return order ? order : (a > b) - (a < b);
}

void tree_sort(struct arena *arena, struct tree_node *map)
{
	map->by_key = arena_zalloc(arena, map->count + 1, sizeof(struct tree_entry *));
	for (size_t i = 0; i < map->count; i++)
		map->by_key[i] = &map->entries[i];
	qsort(map->by_key, map->count, sizeof(struct tree_entry *), compare_entries);
}

static int compare_key(const void *key, const void *element)
{
	return strcmp(key, (*(const struct tree_entry *const *)element)->key);
}

struct tree_entry *tree_find(const struct tree_node *map, const char *key)
{
	if (!map || map->kind != TREE_MAP || map->count == 0)
		return NULL;
	struct tree_entry **found =
		bsearch(key, map->by_key, map->count, sizeof(struct tree_entry *), compare_key);
	return found ? *found : NULL;
}

static struct tree_mark mark_of(const struct reader *reader, struct fy_token *token)
{
	struct tree_mark mark = {.file = reader->file};
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	if (!start || start->line < 0 || start->column < 0)
		return mark;
	enum fy_scalar_style style = fy_token_scalar_style(token);
	/* The parser marks a quoted scalar behind its quote. */
	bool is_quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
	mark.line = (unsigned)start->line + 1;
	mark.column = (unsigned)start->column + 1 - (is_quoted && start->column > 0);
	return mark;
}

static void report(struct reader *reader, struct tree_mark mark, const char *message)
{
	faults_add(reader->faults, &(struct fault){.mark = mark}, "%s", message);
}

static struct tree_node *stop(struct reader *reader, struct tree_mark mark, const char *message)
{
	reader->is_stopped = true;
	report(reader, mark, message);
	return NULL;
}

static bool has_controls(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

static bool is_null(struct fy_token *token, struct bytes text)
{
	if (fy_token_scalar_style(token) != FYSS_PLAIN)
		return false;
	return text.len == 0 || bytes_is(text, "~") || bytes_is_nocase(text, "null");
}

static struct tree_node *read_scalar(struct reader *reader, struct fy_token *token)
{
	size_t len = 0;
	const char *data = fy_token_get_text(token, &len);
	struct bytes text = bytes_from(data, data ? len : 0);
	struct tree_node *node = tree_new(reader->arena, TREE_SCALAR, mark_of(reader, token));
	if (has_controls(text) || !bytes_is_utf8(text)) {
		report(reader, node->mark,
		       "a value is one line of UTF-8 without control characters");
		node->kind = TREE_FAULTY;
	} else if (is_null(token, text)) {
		node->kind = TREE_NONE;
	}
	node->text = arena_cstr(reader->arena, text);
	return node;
}

/* The next event, or NULL at the end of the stream or of what can be understood. */
static struct fy_event *next_event(struct reader *reader)
{
	return reader->is_stopped ? NULL : fy_parser_parse(reader->parser);
}

static struct tree_node *read_alias(struct reader *reader, struct fy_token *anchor)
{
	struct tree_node *node = tree_new(reader->arena, TREE_FAULTY, mark_of(reader, anchor));
	report(reader, node->mark, "aliases (*) are not allowed in settings");
	return node;
}

/* Values can carry a tag and an anchor; settings have neither. The value itself is read on. */
static void refuse_decoration(struct reader *reader, struct fy_token *tag, struct fy_token *anchor)
{
	if (tag)
		report(reader, mark_of(reader, tag), "tags (!) are not allowed in settings");
	if (anchor)
		report(reader, mark_of(reader, anchor), "anchors (&) are not allowed in settings");
}

static struct tree_node *read_list(struct reader *reader, struct tree_mark mark, unsigned depth)
{
	struct tree_node *list = tree_new(reader->arena, TREE_LIST, mark);
	for (;;) {
		struct fy_event *event = next_event(reader);
		bool is_end = !event || event->type == FYET_SEQUENCE_END;
		struct tree_node *value = is_end ? NULL : read_value(reader, event, depth);
		fy_parser_event_free(reader->parser, event);
		if (is_end)
			return event ? list : NULL;
		if (!value)
			return NULL;
		if (!value->mark.line)
			value->mark = mark;
		tree_append(reader->arena, list,
			    (struct tree_entry){.key_mark = value->mark, .value = value});
	}
}

static void refuse_duplicates(struct reader *reader, const struct tree_node *map)
{
	for (size_t i = 1; i < map->count; i++) {
		const struct tree_entry *before = map->by_key[i - 1], *entry = map->by_key[i];
		if (strcmp(before->key, entry->key) != 0)
			continue;
		faults_add(reader->faults, &(struct fault){.mark = entry->key_mark},
			   "\"%s\" is already given in line %u", entry->key, before->key_mark.line);
	}
}

/* One key and its value. false: the map is over, or nothing more can be understood; *ret_is_end tells which. */
static bool read_pair(struct reader *reader, struct tree_node *map, unsigned depth,
		      bool *ret_is_end)
{
	struct fy_event *event = next_event(reader);
	*ret_is_end = event && event->type == FYET_MAPPING_END;
	struct tree_node *key = !event || *ret_is_end ? NULL : read_value(reader, event, depth);
	fy_parser_event_free(reader->parser, event);
	if (!key)
		return false;
	if (!key->mark.line)
		key->mark = map->mark;
	event = next_event(reader);
	struct tree_node *value = event ? read_value(reader, event, depth) : NULL;
	fy_parser_event_free(reader->parser, event);
	if (!value)
		return false;
	if (!value->mark.line) /* nothing stands there: point at the key */
		value->mark = key->mark;
	if (key->kind == TREE_SCALAR)
		tree_append(reader->arena, map,
			    (struct tree_entry){
				    .key = key->text, .key_mark = key->mark, .value = value});
	else if (key->kind != TREE_FAULTY)
		report(reader, key->mark, "a key must be a word");
	return true;
}

static struct tree_node *read_map(struct reader *reader, struct tree_mark mark, unsigned depth)
{
	struct tree_node *map = tree_new(reader->arena, TREE_MAP, mark);
	bool is_end = false;
	while (read_pair(reader, map, depth, &is_end))
		;
	if (!is_end)
		return NULL;
	tree_sort(reader->arena, map);
	refuse_duplicates(reader, map);
	return map;
}

/* The value that starts with `event`, which stays the caller's. NULL when it cannot be understood. */
static struct tree_node *read_value(struct reader *reader, struct fy_event *event, unsigned depth)
{
	if (event->type == FYET_ALIAS)
		return read_alias(reader, event->alias.anchor);
	if (event->type == FYET_SCALAR) {
		refuse_decoration(reader, event->scalar.tag, event->scalar.anchor);
		return read_scalar(reader, event->scalar.value);
	}
	bool is_map = event->type == FYET_MAPPING_START;
	struct tree_mark mark = mark_of(reader, is_map ? event->mapping_start.mapping_start
						       : event->sequence_start.sequence_start);
	if (depth == DEPTH_MAX)
		return stop(reader, mark, "nested too deeply");
	if (is_map) {
		refuse_decoration(reader, event->mapping_start.tag, event->mapping_start.anchor);
		return read_map(reader, mark, depth + 1);
	}
	refuse_decoration(reader, event->sequence_start.tag, event->sequence_start.anchor);
	return read_list(reader, mark, depth + 1);
}

static bool is_value(const struct fy_event *event)
{
	return event->type == FYET_SCALAR || event->type == FYET_MAPPING_START ||
	       event->type == FYET_SEQUENCE_START || event->type == FYET_ALIAS;
}

static struct tree_node *read_stream(struct reader *reader)
{
	struct tree_node *root =
		tree_new(reader->arena, TREE_NONE, (struct tree_mark){.file = reader->file});
	size_t documents = 0;
	struct fy_event *event;
	while ((event = next_event(reader)) != NULL) {
		if (event->type == FYET_DOCUMENT_START && ++documents > 1)
			stop(reader, mark_of(reader, event->document_start.document_start),
			     "a settings file holds one YAML document");
		else if (is_value(event))
			root = read_value(reader, event, 0);
		fy_parser_event_free(reader->parser, event);
	}
	return root;
}

static void report_syntax(struct reader *reader, struct fy_diag *diag)
{
	void *state = NULL;
	struct tree_mark mark = {.file = reader->file};
	struct fy_diag_error *error = fy_diag_errors_iterate(diag, &state);
	if (error && error->line > 0 && error->column > 0) {
		mark.line = (unsigned)error->line;
		mark.column = (unsigned)error->column;
	}
	stop(reader, mark, error && error->msg ? error->msg : "not YAML");
}

/* What the parser does not survive, or settings do not need: found before it sees the text. (libfyaml 0.7 never returns from some
 * directives.) */
static bool is_plain_text(struct reader *reader)
{
	struct bytes text = reader->file->text;
	struct tree_mark mark = {.file = reader->file, .line = 1, .column = 1};
	if (!bytes_is_utf8(text)) {
		stop(reader, (struct tree_mark){.file = reader->file}, "not UTF-8 text");
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.data[i];
		bool is_control = byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t';
		if (is_control || byte == 0x7f)
			stop(reader, mark, "control characters are not allowed in settings");
		else if (byte == '%' && mark.column == 1)
			stop(reader, mark, "directives (%) are not allowed in settings");
		if (reader->is_stopped)
			return false;
		bool is_first_byte = (byte & 0xc0) != 0x80; /* of a character */
		mark.column = byte == '\n' ? 1 : mark.column + is_first_byte;
		mark.line += byte == '\n';
	}
	return true;
}

struct tree_node *tree_parse(struct arena *arena, const struct conf_file *file,
			     struct faults *faults)
{
	struct reader reader = {.arena = arena, .file = file, .faults = faults};
	struct fy_diag_cfg diag_options;
	if (!is_plain_text(&reader))
		return NULL;
	fy_diag_cfg_default(&diag_options);
	struct fy_diag *diag = fy_diag_create(&diag_options);
	if (!diag)
		abort(); /* out of memory */
	fy_diag_set_collect_errors(diag, true);
	struct fy_parse_cfg options = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
						FYPCF_ALLOW_DUPLICATE_KEYS,
				       .diag = diag};
	reader.parser = fy_parser_create(&options);
	if (!reader.parser ||
	    fy_parser_set_string(reader.parser, file->text.len ? (const char *)file->text.data : "",
				 file->text.len) != 0)
		abort();
	struct tree_node *root = read_stream(&reader);
	if (!reader.is_stopped && fy_parser_get_stream_error(reader.parser))
		report_syntax(&reader, diag);
	fy_parser_destroy(reader.parser);
	fy_diag_destroy(diag);
	return reader.is_stopped ? NULL : root;
}
