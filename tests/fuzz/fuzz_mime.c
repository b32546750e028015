/* Any bytes as a mail: parts inside it, parents before children, limits kept; decoding is the same in one piece or two. */
#include <stdlib.h>
#include <string.h>

#include "lib/mime/mime.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static bool is_inside(struct bytes part, struct bytes mail)
{
	return part.len == 0 ||
	       (part.data >= mail.data && part.data + part.len <= mail.data + mail.len);
}

static void check_decoding(const struct mime_part *part)
{
	struct bytes body = bytes_first(part->body, 2000);
	uint8_t whole[2002], pieces[2004];
	struct mime_decoder decoder;
	mime_decoder_init(&decoder, part->encoding);
	size_t len = mime_decode(&decoder, body, whole), half = body.len / 2;
	mime_decoder_init(&decoder, part->encoding);
	size_t done = mime_decode(&decoder, bytes_first(body, half), pieces);
	done += mime_decode(&decoder, bytes_skip(body, half), pieces + done);
	check(done == len && (len == 0 || memcmp(whole, pieces, len) == 0));
}

static void check_fields(struct arena *arena, struct bytes header)
{
	struct bytes name, value;
	char boundary[20];
	while (mime_field_next(&header, &name, &value)) {
		(void)mime_words(arena, value);
		if (mime_parameter(value, "boundary", boundary, sizeof boundary))
			check(strlen(boundary) < sizeof boundary);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes mail = bytes_from(data, size);
	struct arena *arena = arena_new();
	struct mime mime;
	mime_read(arena, mail, &mime);
	check(mime.count >= 1 && mime.count <= MIME_PARTS_MAX);
	for (size_t i = 0; i < mime.count; i++) {
		const struct mime_part *part = &mime.parts[i];
		check(part->parent < i || i == 0);
		check(part->depth < MIME_DEPTH_MAX);
		check(is_inside(part->header, mail) && is_inside(part->body, mail));
		check(i == 0 || is_inside(part->body, mime.parts[part->parent].body));
		check_decoding(part);
		check_fields(arena, part->header);
		(void)mime_text(arena, part, 1000);
	}
	arena_free(&arena);
	return 0;
}
