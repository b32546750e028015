/* See header_digest.h. */
#include "lib/dkim/header_digest.h"

#include <string.h>

static void flush(struct header_digest *g)
{
	digest_stream_add(g->digest, bytes_from(g->piece, g->len));
	g->len = 0;
}

static void gather(void *owner, struct bytes b)
{
	struct header_digest *g = owner;
	if (b.len > sizeof g->piece - g->len)
		flush(g);
	if (b.len > sizeof g->piece) {
		digest_stream_add(g->digest, b);
		return;
	}
	memcpy(g->piece + g->len, b.data, b.len);
	g->len += b.len;
}

void header_digest_begin(struct header_digest *g)
{
	g->digest = digest_stream_new();
	g->len = 0;
}

void header_digest_add(struct header_digest *g, enum canon canon, struct bytes field, bool has_end)
{
	struct canon_sink sink = {gather, g};
	canon_field(canon, field, has_end, &sink);
}

struct digest header_digest_end(struct header_digest *g)
{
	flush(g);
	struct digest digest = digest_stream_finish(g->digest);
	digest_stream_free(&g->digest);
	return digest;
}
