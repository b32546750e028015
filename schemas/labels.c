/* Labels of a message and of one of its recipients, as one. */
#include <string.h>

#include "schemas/schemas.h"

static bool has_name(const struct pair *pairs, size_t count, struct bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal(pairs[i].name, name))
			return true;
	return false;
}

static void join_tags(struct arena *arena, const struct labels *message, const struct labels *own,
		      struct labels *ret)
{
	ret->tags = arena_zalloc(arena, SCHEMA_TAGS_MAX, sizeof *ret->tags);
	ret->tag_count = own->tag_count;
	memcpy(ret->tags, own->tags, own->tag_count * sizeof *ret->tags);
	for (size_t i = 0; i < message->tag_count && ret->tag_count < SCHEMA_TAGS_MAX; i++)
		ret->tags[ret->tag_count++] = message->tags[i];
}

static void join_metadata(struct arena *arena, const struct labels *message,
			  const struct labels *own, struct labels *ret)
{
	ret->metadata = arena_zalloc(arena, SCHEMA_METADATA_MAX, sizeof *ret->metadata);
	ret->metadata_count = own->metadata_count;
	memcpy(ret->metadata, own->metadata, own->metadata_count * sizeof *ret->metadata);
	for (size_t i = 0; i < message->metadata_count; i++)
		if (ret->metadata_count < SCHEMA_METADATA_MAX &&
		    !has_name(own->metadata, own->metadata_count, message->metadata[i].name))
			ret->metadata[ret->metadata_count++] = message->metadata[i];
}

struct labels labels_with(struct arena *arena, const struct labels *message,
			  const struct labels *own)
{
	struct labels labels = *message;
	if (own->tag_count > 0)
		join_tags(arena, message, own, &labels);
	if (own->metadata_count > 0)
		join_metadata(arena, message, own, &labels);
	labels.echo = own->echo;
	return labels;
}
