/* Grouping by sorting: whatever number of sites a mail goes to, it stays n log n. */
#include "ingest/grouping.h"

#include <stdlib.h>
#include <string.h>

static int compare_ways(const struct destination *a, const struct destination *b)
{
	if (a->fate != b->fate)
		return a->fate < b->fate ? -1 : 1;
	int order = strcmp(a->pool, b->pool);
	return order != 0 ? order : strcmp(a->site, b->site);
}

static int compare_bytes(struct bytes a, struct bytes b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

static int compare(const void *left, const void *right)
{
	const struct destination *a = left, *b = right;
	int order = compare_ways(a, b);
	return order != 0 ? order : compare_bytes(a->address, b->address);
}

static void drop_repeated(struct mail *mail)
{
	size_t kept = 0;
	for (size_t i = 0; i < mail->destination_count; i++)
		if (kept == 0 ||
		    compare(&mail->destinations[kept - 1], &mail->destinations[i]) != 0)
			mail->destinations[kept++] = mail->destinations[i];
	mail->destination_count = kept;
}

static size_t weight_of_labels(const struct labels *labels)
{
	size_t bytes = labels->campaign.len + labels->tenant.len;
	for (size_t i = 0; i < labels->tag_count; i++)
		bytes += labels->tags[i].len;
	for (size_t i = 0; i < labels->metadata_count; i++)
		bytes += labels->metadata[i].name.len + labels->metadata[i].value.len;
	return bytes;
}

/* A result tells the mail's labels too, for every recipient. */
static size_t weight(const struct mail *mail, const struct destination *destination)
{
	size_t bytes = destination->variables.len + destination->name.len +
		       weight_of_labels(&destination->labels);
	return destination->fate == FATE_DELIVER ? bytes : bytes + weight_of_labels(&mail->labels);
}

size_t grouping_cut(struct mail *mail, const struct group **ret)
{
	if (mail->destination_count > 1) {
		qsort(mail->destinations, mail->destination_count, sizeof *mail->destinations,
		      compare);
		drop_repeated(mail);
	}
	struct group *groups = arena_zalloc(mail->arena, mail->destination_count, sizeof *groups);
	size_t count = 0, bytes = 0;
	for (size_t i = 0; i < mail->destination_count; i++) {
		const struct destination *destination = &mail->destinations[i];
		struct group *last = count > 0 ? &groups[count - 1] : NULL;
		bytes += weight(mail, destination);
		if (last && last->count < GROUP_RECIPIENTS_MAX && bytes <= GROUP_BYTES_MAX &&
		    compare_ways(last->destinations, destination) == 0) {
			last->count++;
		} else {
			groups[count++] = (struct group){.destinations = destination, .count = 1};
			bytes = weight(mail, destination);
		}
	}
	*ret = groups;
	return count;
}
