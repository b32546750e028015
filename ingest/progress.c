/* accepted wall ms, id, bits. */
#include "ingest/progress.h"

#include <string.h>

#include "lib/base/little.h"

#define ID_LEN	   (ID_SIZE - 1)
#define FIXED_SIZE (8 + ID_LEN)
#define DAY_MS	   INT64_C(86400000)

bool progress_has(const struct progress *progress, size_t place)
{
	return place / 8 < progress->kept.len &&
	       (progress->kept.data[place / 8] >> (place % 8) & 1) != 0;
}

struct progress progress_of(struct arena *arena, const struct mail *mail,
			    const struct progress *earlier, size_t recipient_count)
{
	struct progress progress = {.accepted_wall_ms = mail->accepted_wall_ms};
	size_t len = recipient_count / 8 + 1;
	uint8_t *bits = arena_zalloc(arena, len, 1);
	memcpy(progress.id, mail->id, ID_SIZE);
	for (size_t i = 0; earlier && i < len && i < earlier->kept.len; i++)
		bits[i] = earlier->kept.data[i];
	for (size_t i = 0; i < mail->destination_count; i++) {
		const struct destination *destination = &mail->destinations[i];
		if (destination->is_kept && destination->place < recipient_count)
			bits[destination->place / 8] |= (uint8_t)(1 << destination->place % 8);
	}
	progress.kept = bytes_from(bits, len);
	return progress;
}

struct bytes progress_encode(struct arena *arena, const struct progress *progress)
{
	size_t len = FIXED_SIZE + progress->kept.len;
	uint8_t *data = arena_alloc(arena, len);
	(void)little_put64(data, (uint64_t)progress->accepted_wall_ms);
	memcpy(data + 8, progress->id, ID_LEN);
	if (progress->kept.len > 0)
		memcpy(data + FIXED_SIZE, progress->kept.data, progress->kept.len);
	return bytes_from(data, len);
}

bool progress_decode(struct bytes in, struct progress *ret)
{
	if (in.len < FIXED_SIZE)
		return false;
	*ret = (struct progress){.accepted_wall_ms = (int64_t)little_get64(in.data),
				 .kept = bytes_skip(in, FIXED_SIZE)};
	memcpy(ret->id, in.data + 8, ID_LEN);
	return true;
}

/* The day is part of it: a key is forgotten after one, and a mail that is sent anew then must not be taken for the old one. */
void progress_id(const struct digest *key, const struct digest *request, int64_t wall_ms,
		 char out[ID_SIZE])
{
	const struct bytes parts[] = {bytes_from(key->bytes, DIGEST_SIZE),
				      bytes_from(request->bytes, DIGEST_SIZE)};
	struct digest digest = digest_of_parts(parts, 2);
	id_of(wall_ms - wall_ms % DAY_MS, digest.bytes, out);
}
