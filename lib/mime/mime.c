/* One pass over the lines. The multiparts that are open stand on a stack; a line that starts with "--" may be a boundary of any of
 * them, and ends all parts that were opened above it. A part's body ends where the line break before that boundary starts. */
#include "lib/mime/mime.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/memory.h"

struct level { /* an open multipart */
	char boundary[MIME_BOUNDARY_MAX + 1];
	size_t boundary_len;
	size_t part;
};

struct reader {
	struct bytes mail;
	size_t at; /* start of the line that is looked at */
	struct mime *mime;
	size_t capacity;
	struct arena *arena;
	struct level levels[MIME_DEPTH_MAX];
	size_t level_count;
	size_t current; /* the innermost open part */
};

bool mime_is_multipart(const struct mime_part *part)
{
	return strncmp(part->type, "multipart/", 10) == 0;
}

bool mime_is_message(const struct mime_part *part)
{
	return strcmp(part->type, "message/rfc822") == 0 ||
	       strcmp(part->type, "message/global") == 0;
}

static struct bytes line_at(struct bytes mail, size_t at)
{
	struct bytes rest = bytes_skip(mail, at);
	ptrdiff_t end = bytes_find(rest, '\n');
	return end < 0 ? rest : bytes_first(rest, (size_t)end + 1);
}

static struct bytes without_end(struct bytes line)
{
	while (line.len > 0 && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
		line.len--;
	return line;
}

static bool is_blank_from(struct bytes line, size_t at)
{
	for (; at < line.len; at++)
		if (line.data[at] != ' ' && line.data[at] != '\t')
			return false;
	return true;
}

/* Is this line the boundary of an open multipart? The innermost first, though a broken inner one never hides an outer one. */
static bool is_boundary(const struct reader *reader, struct bytes line, size_t *ret_level,
			bool *ret_is_last)
{
	if (line.len < 3 || line.data[0] != '-' || line.data[1] != '-')
		return false;
	line = bytes_skip(without_end(line), 2);
	for (size_t i = reader->level_count; i-- > 0;) {
		const struct level *level = &reader->levels[i];
		size_t len = level->boundary_len;
		if (line.len < len || memcmp(line.data, level->boundary, len) != 0)
			continue;
		bool is_last = line.len >= len + 2 && memcmp(line.data + len, "--", 2) == 0;
		if (!is_blank_from(line, len + (is_last ? 2 : 0)))
			continue;
		*ret_level = i;
		*ret_is_last = is_last;
		return true;
	}
	return false;
}

/* ---- parts ---- */

static struct mime_part *add_part(struct reader *reader, size_t parent)
{
	struct mime *mime = reader->mime;
	if (mime->count == reader->capacity) {
		size_t capacity = reader->capacity ? reader->capacity * 4 : 8;
		struct mime_part *parts =
			arena_zalloc(reader->arena, capacity, sizeof(struct mime_part));
		if (mime->count > 0)
			memcpy(parts, mime->parts, mime->count * sizeof(struct mime_part));
		mime->parts = parts;
		reader->capacity = capacity;
	}
	size_t index = mime->count++;
	struct mime_part *part = &mime->parts[index];
	part->parent = parent;
	part->depth = index == parent ? 0 : mime->parts[parent].depth + 1;
	reader->current = index;
	return part;
}

/* From the current part up to, not including, the one that stays open. */
static void close_parts(struct reader *reader, size_t end, size_t stays_open)
{
	struct mime *mime = reader->mime;
	size_t index = reader->current;
	while (index != stays_open) {
		struct mime_part *part = &mime->parts[index];
		size_t start = (size_t)(part->body.data - reader->mail.data);
		part->body.len = end > start ? end - start : 0;
		index = part->parent;
	}
	reader->current = stays_open;
}

static enum mime_encoding encoding_of(struct bytes header)
{
	struct bytes value;
	if (!mime_field(header, "content-transfer-encoding", &value))
		return MIME_PLAIN;
	if (bytes_starts_with_nocase(value, "base64"))
		return MIME_BASE64;
	return bytes_starts_with_nocase(value, "quoted-printable") ? MIME_QUOTED : MIME_PLAIN;
}

static void set_type(struct mime_part *part, struct bytes value)
{
	size_t len = 0;
	for (; len < value.len && len < MIME_TYPE_MAX; len++) {
		uint8_t c = value.data[len];
		if (c <= ' ' || c == ';' || c >= 0x7f)
			break;
		part->type[len] = (char)ascii_lower(c);
	}
	part->type[len] = '\0';
	if (!memchr(part->type, '/', len))
		strcpy(part->type, "text/plain");
}

/* The header section from reader->at; it ends at an empty line, at a boundary, or with the mail. */
static struct bytes take_header(struct reader *reader)
{
	size_t start = reader->at, level;
	bool is_last;
	while (reader->at < reader->mail.len) {
		struct bytes line = line_at(reader->mail, reader->at);
		if (is_boundary(reader, line, &level, &is_last))
			return bytes_from(reader->mail.data + start, reader->at - start);
		reader->at += line.len;
		if (without_end(line).len == 0) {
			size_t end = reader->at - line.len;
			return bytes_from(reader->mail.data + start, end - start);
		}
	}
	return bytes_from(reader->mail.data + start, reader->at - start);
}

static void push_level(struct reader *reader, size_t part, const char *boundary)
{
	struct level *level = &reader->levels[reader->level_count++];
	level->boundary_len = strlen(boundary);
	memcpy(level->boundary, boundary, level->boundary_len + 1);
	level->part = part;
}

/* ---- boundaries that are not what the header says ---- */

/* The first line "--x" that a line "Content-..." follows. */
static bool guess_boundary(struct bytes body, char out[MIME_BOUNDARY_MAX + 1])
{
	size_t at = 0;
	while (at < body.len) {
		struct bytes line = line_at(body, at);
		at += line.len;
		struct bytes name = bytes_skip(without_end(line), 2);
		if (line.len > 4 && line.data[0] == '-' && line.data[1] == '-' &&
		    name.len <= MIME_BOUNDARY_MAX &&
		    bytes_starts_with_nocase(bytes_skip(body, at), "content-"))
			return bytes_to_cstr(name, out, MIME_BOUNDARY_MAX + 1);
	}
	return false;
}

static bool has_boundary(struct bytes body, const char *boundary)
{
	return boundary[0] != '\0' &&
	       memmem(body.data, body.len, boundary, strlen(boundary)) != NULL;
}

/* Only the mail itself is worth a second look at its bytes. */
static void find_boundary(const struct reader *reader, const struct mime_part *part,
			  struct bytes type, char out[MIME_BOUNDARY_MAX + 1])
{
	out[0] = '\0';
	(void)mime_parameter(type, "boundary", out, MIME_BOUNDARY_MAX + 1);
	struct bytes rest = bytes_skip(reader->mail, reader->at);
	if (part->depth == 0 && rest.len > 0 && !has_boundary(rest, out))
		(void)guess_boundary(rest, out);
}

/* ---- the pass ---- */

/* Reads the header at reader->at; a mail inside a mail has its own header right behind. */
static void open_part(struct reader *reader, size_t parent)
{
	for (;;) {
		struct mime_part *part = add_part(reader, parent);
		struct bytes type = BYTES("text/plain");
		part->header = bytes_first(take_header(reader), MIME_HEADER_MAX);
		part->body = bytes_from(reader->mail.data + reader->at, 0);
		part->encoding = encoding_of(part->header);
		(void)mime_field(part->header, "content-type", &type);
		set_type(part, type);
		bool is_container = mime_is_multipart(part) || mime_is_message(part);
		if (!is_container)
			return;
		if (part->depth + 1 >= MIME_DEPTH_MAX || reader->mime->count == MIME_PARTS_MAX) {
			reader->mime->is_cut = true;
			return;
		}
		if (mime_is_multipart(part)) {
			char boundary[MIME_BOUNDARY_MAX + 1];
			find_boundary(reader, part, type, boundary);
			if (boundary[0] != '\0')
				push_level(reader, reader->current, boundary);
			return;
		}
		if (part->encoding != MIME_PLAIN)
			return;
		parent = reader->current;
	}
}

static size_t before_line_break(const struct reader *reader, size_t at)
{
	if (at > 0 && reader->mail.data[at - 1] == '\n')
		at--;
	if (at > 0 && reader->mail.data[at - 1] == '\r')
		at--;
	return at;
}

/* False when the parts are too many. */
static bool pass_boundary(struct reader *reader, size_t level, bool is_last, size_t line_len)
{
	size_t part = reader->levels[level].part;
	if (!is_last && reader->mime->count == MIME_PARTS_MAX) {
		reader->mime->is_cut = true;
		return false;
	}
	close_parts(reader, before_line_break(reader, reader->at), part);
	reader->level_count = is_last ? level : level + 1;
	reader->at += line_len;
	if (!is_last)
		open_part(reader, part);
	return true;
}

static void skip_mailbox_line(struct reader *reader)
{
	struct bytes line = line_at(reader->mail, 0);
	if (line.len > 5 && memcmp(line.data, "From ", 5) == 0)
		reader->at = line.len;
}

void mime_read(struct arena *arena, struct bytes mail, struct mime *ret)
{
	*ret = (struct mime){0};
	if (!mail.data)
		mail = bytes_from("", 0);
	struct reader *reader = memory_new(sizeof *reader);
	*reader = (struct reader){.mail = mail, .mime = ret, .arena = arena};
	skip_mailbox_line(reader);
	open_part(reader, 0);
	while (reader->at < mail.len) {
		size_t level = 0;
		bool is_last = false;
		struct bytes line = line_at(mail, reader->at);
		if (!is_boundary(reader, line, &level, &is_last))
			reader->at += line.len;
		else if (!pass_boundary(reader, level, is_last, line.len))
			break;
	}
	close_parts(reader, mail.len, 0);
	struct mime_part *whole = &ret->parts[0];
	whole->body.len = mail.len - (size_t)(whole->body.data - mail.data);
	free(reader);
}
