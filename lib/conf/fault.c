/* Collects faults and prints them, by file and line, as a compiler would. Memory is the arena's. */
#include "lib/conf/fault.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conf/text.h"

#define MESSAGE_SIZE	512
#define SOURCE_LINE_MAX 160 /* of a longer line no more is shown */

void faults_init(struct faults *faults, struct arena *arena)
{
	*faults = (struct faults){.arena = arena};
}

void faults_add_list(struct faults *faults, const struct fault *where, const char *format,
		     va_list args)
{
	char message[MESSAGE_SIZE];
	*(where->is_warning ? &faults->warning_count : &faults->error_count) += 1;
	if (faults->count == FAULTS_MAX)
		return;
	if (!faults->items)
		faults->items = arena_zalloc(faults->arena, FAULTS_MAX, sizeof(*faults->items));
	vsnprintf(message, sizeof(message), format, args);
	struct fault *fault = &faults->items[faults->count];
	*fault = *where;
	fault->path = where->path ? where->path : "";
	fault->message = arena_cstr(faults->arena, bytes_of(message));
	fault->order = faults->count++;
}

void faults_add(struct faults *faults, const struct fault *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	faults_add_list(faults, where, format, args);
	va_end(args);
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_faults(const void *left, const void *right)
{
	const struct fault *a = left, *b = right;
	size_t a_file = a->mark.file ? a->mark.file->order + 1 : 0;
	size_t b_file = b->mark.file ? b->mark.file->order + 1 : 0;
	if (a_file != b_file)
		return compare_numbers(a_file, b_file);
	if (a->mark.line != b->mark.line)
		return compare_numbers(a->mark.line, b->mark.line);
	if (a->mark.column != b->mark.column)
		return compare_numbers(a->mark.column, b->mark.column);
	return compare_numbers(a->order, b->order);
}

static struct fault *in_order(const struct faults *faults)
{
	struct fault *sorted = arena_zalloc(faults->arena, faults->count + 1, sizeof(*sorted));
	if (faults->count)
		memcpy(sorted, faults->items, faults->count * sizeof(*sorted));
	qsort(sorted, faults->count, sizeof(*sorted), compare_faults);
	return sorted;
}

static struct bytes line_of(const struct conf_file *file, unsigned line)
{
	struct bytes rest = file->text;
	for (unsigned i = 1; i < line; i++) {
		ptrdiff_t end = bytes_find(rest, '\n');
		if (end < 0)
			return BYTES_NONE;
		rest = bytes_skip(rest, (size_t)end + 1);
	}
	ptrdiff_t end = bytes_find(rest, '\n');
	return end < 0 ? rest : bytes_first(rest, (size_t)end);
}

static void print_source(struct tree_mark mark, FILE *out)
{
	char line[SOURCE_LINE_MAX + 1];
	struct bytes source = bytes_first(line_of(mark.file, mark.line), SOURCE_LINE_MAX);
	for (size_t i = 0; i < source.len; i++) {
		bool is_control = source.data[i] < 0x20 || source.data[i] == 0x7f;
		line[i] = is_control ? ' ' : (char)source.data[i];
	}
	line[source.len] = '\0';
	text_hide_passwords(line);
	fprintf(out, "    %s\n", line);
	if (mark.column > 0 && mark.column <= SOURCE_LINE_MAX)
		fprintf(out, "    %*s\n", (int)mark.column, "^");
}

static void print_one(const struct fault *fault, FILE *out)
{
	const struct tree_mark *mark = &fault->mark;
	if (mark->file)
		fprintf(out, "%s:", mark->file->path);
	if (mark->file && mark->line)
		fprintf(out, "%u:%u:", mark->line, mark->column);
	fprintf(out, "%s%s: ", mark->file ? " " : "", fault->is_warning ? "warning" : "error");
	fprintf(out, "%s%s%s\n", fault->path, fault->path[0] ? ": " : "", fault->message);
	if (mark->file && mark->line && !fault->is_private)
		print_source(*mark, out);
}

void faults_print(const struct faults *faults, FILE *out)
{
	struct fault *sorted = in_order(faults);
	for (size_t i = 0; i < faults->count; i++)
		print_one(&sorted[i], out);
	size_t all = faults->error_count + faults->warning_count;
	if (all > faults->count)
		fprintf(out, "... and %zu more\n", all - faults->count);
}

void faults_print_json(const struct faults *faults, FILE *out)
{
	struct fault *sorted = in_order(faults);
	fputs("{\"faults\": [", out);
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &sorted[i];
		fputs(i ? ", {\"file\": " : "{\"file\": ", out);
		text_write_json(fault->mark.file ? fault->mark.file->path : "", out);
		fprintf(out, ", \"line\": %u, \"column\": %u, \"severity\": \"%s\", \"setting\": ",
			fault->mark.line, fault->mark.column,
			fault->is_warning ? "warning" : "error");
		text_write_json(fault->path, out);
		fputs(", \"message\": ", out);
		text_write_json(fault->message, out);
		fputc('}', out);
	}
	fprintf(out, "], \"errors\": %zu, \"warnings\": %zu}\n", faults->error_count,
		faults->warning_count);
}
