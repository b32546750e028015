/* batch from the broker --> one job: counted, unless it came before --> ack */
#include "bouncer/tlsreports/counting.h"

#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/obs/metrics.h"

#define PREFETCH       20
#define PREFETCH_BYTES ((size_t)32 << 20)
#define RETRY_MS       5000

struct counted { /* a batch in work */
	struct tls_counting *set;
	struct lease *lease; /* NULL: given back */
	struct arena *arena;
	struct tls_tally_batch batch;
	uint32_t today;
	struct tls_kept kept;
	LIST_ENTRY(counted) next;
};

struct tls_counting {
	struct tls_counting_options options;
	struct consumer *consumer;
	LIST_HEAD(, counted) all;
};

static void counted_free(struct counted *counted)
{
	struct arena *arena = counted->arena; /* it lives in it */
	LIST_REMOVE(counted, next);
	arena_free(&arena);
}

static void count_outcome(const char *outcome, unsigned count)
{
	if (count > 0)
		metric_add(M_tls_tallies_total, &outcome, count);
}

static void on_counted(void *owner, enum err err)
{
	struct counted *counted = owner;
	const struct tls_kept *kept = &counted->kept;
	if (err == E_IO)
		counted->set->options.store_failed(err);
	if (!err) {
		count_outcome("counted", kept->counted);
		count_outcome("again", kept->again);
		count_outcome("late", kept->late);
		count_outcome("others", kept->others);
		count_outcome("dropped", kept->dropped);
	}
	if (counted->lease && err && err_then(err) == ERR_THEN_BURY)
		lease_bury(&counted->lease, err_text(err));
	else if (counted->lease && err)
		lease_retry(&counted->lease, RETRY_MS);
	else if (counted->lease)
		lease_ack(&counted->lease);
	counted_free(counted);
}

static enum err count_batch(void *owner, struct store_txn *txn)
{
	struct counted *counted = owner;
	return tls_keep_add(txn, counted->set->options.keep, &counted->batch, counted->today,
			    &counted->kept);
}

static void on_batch(void *owner, struct lease *lease)
{
	struct tls_counting *set = owner;
	struct arena *arena = arena_new();
	struct counted *counted = arena_zalloc(arena, 1, sizeof *counted);
	struct why why;
	counted->set = set;
	counted->arena = arena;
	counted->lease = lease;
	counted->today = (uint32_t)(loop_wall_ms(set->options.loop) / TLS_DAY_MS);
	LIST_INSERT_HEAD(&set->all, counted, next);
	if (tls_tally_batch_decode(arena, lease_body(lease), &counted->batch, &why)) {
		lease_bury(&counted->lease, why.text);
		counted_free(counted);
	} else if (!set->options.keep->settings->enabled) {
		count_outcome("dropped", (unsigned)counted->batch.count);
		lease_ack(&counted->lease);
		counted_free(counted);
	} else {
		store_write(set->options.keep->store, count_batch, set->options.loop, on_counted,
			    counted);
	}
}

struct tls_counting *tls_counting_new(const struct tls_counting_options *options)
{
	const struct consumer_options consumer = {
		.queue = QUEUE_BOUNCER_TLS, .prefetch = PREFETCH, .prefetch_bytes = PREFETCH_BYTES};
	struct tls_counting *set = memory_new(sizeof *set);
	set->options = *options;
	LIST_INIT(&set->all);
	set->consumer = consumer_new(options->broker, &consumer, on_batch, set);
	return set;
}

void tls_counting_stop(struct tls_counting *set)
{
	struct counted *counted;
	consumer_free(&set->consumer);
	LIST_FOREACH(counted, &set->all, next)
	{
		lease_release(&counted->lease);
	}
}

void tls_counting_free(struct tls_counting **set)
{
	free(*set);
	*set = NULL;
}
