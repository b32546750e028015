#include "workers/tls_telling.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

#define KINDS_AT_ONCE 50 /* so many fit into a batch, however long their policies are */

struct tls_telling {
	struct tls_telling_options options;
	struct timer *timer;
	uint64_t process; /* ids of its batches */
	uint64_t batches;
	bool is_under_way;
};

static void on_kept(void *owner, bool is_kept)
{
	struct tls_telling *telling = owner;
	(void)is_kept; /* it is wanted until it is */
	telling->is_under_way = false;
	tls_telling_flush(telling);
	if (!telling->is_under_way)
		telling->options.idle(telling->options.owner);
}

static const struct posting_handler posting_handler = {.done = on_kept};

static void tell(struct tls_telling *telling, struct tls_tally_batch *batch)
{
	char id[SCHEMA_ID_MAX + 1];
	struct buf out;
	(void)snprintf(id, sizeof id, "%016" PRIx64 "-%" PRIu64, telling->process,
		       ++telling->batches);
	batch->id = bytes_of(id);
	buf_init(&out, SCHEMA_HEAD_MAX);
	enum err err = tls_tally_batch_encode(batch, &out);
	assert(!err); /* see KINDS_AT_ONCE */
	const struct publication publication = {.exchange = EXCHANGE_INBOUND,
						.key = "tls",
						.message_id = id,
						.head = buf_bytes(&out)};
	telling->is_under_way = true;
	postings_add(telling->options.postings, &publication, &posting_handler, telling);
	buf_done(&out);
}

void tls_telling_flush(struct tls_telling *telling)
{
	struct tls_tally_batch batch = {0};
	if (telling->is_under_way || tls_tallies_kinds(telling->options.tallies) == 0)
		return;
	struct arena *arena = arena_new();
	batch.count =
		tls_tallies_take(telling->options.tallies, arena, KINDS_AT_ONCE, &batch.tallies);
	tell(telling, &batch);
	arena_free(&arena);
}

static void on_timer(void *owner)
{
	struct tls_telling *telling = owner;
	tls_telling_flush(telling);
	timer_start(telling->timer, telling->options.every_ms);
}

bool tls_telling_is_idle(const struct tls_telling *telling)
{
	return !telling->is_under_way && tls_tallies_kinds(telling->options.tallies) == 0;
}

struct tls_telling *tls_telling_new(const struct tls_telling_options *options)
{
	struct tls_telling *telling = memory_new(sizeof *telling);
	telling->options = *options;
	telling->process = random_u64();
	telling->timer = timer_new(options->loop, on_timer, telling);
	timer_start(telling->timer, options->every_ms);
	return telling;
}

void tls_telling_free(struct tls_telling **telling)
{
	struct tls_telling *freeing = *telling;
	*telling = NULL;
	if (!freeing)
		return;
	timer_free(&freeing->timer);
	free(freeing);
}
