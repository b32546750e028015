/* The registry of numbers and its Prometheus text. A family is a row of metrics.def or events.def; a series is one set of label
 * values. Series are never removed, so a found one may be changed without the lock; their number is bounded. */
#include "lib/obs/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/registry.h"

enum kind { KIND_counter, KIND_gauge, KIND_histogram };

struct family {
	const char *name;
	enum kind kind;
	const char *labels; /* comma separated; NULL: no numbers */
	const char *help;
};

static const struct family families[] = {
#define X(name, type, labels, help) {#name, KIND_##type, labels, help},
#include "lib/obs/metrics.def"
#undef X
#define X(name, level, labels, help) {#name "_total", KIND_counter, labels, help},
#include "lib/obs/events.def"
#undef X
};
#define FAMILY_COUNT (sizeof families / sizeof families[0])

static const int64_t bounds_ms[] = {1,	  2,	5,    10,    25,    50,	   100,	   250,	  500,
				    1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000};
#define BOUND_COUNT (sizeof bounds_ms / sizeof bounds_ms[0])

struct series {
	char *labels;		  /* as in the text: a="x",b="y"; "" without labels */
	_Atomic int64_t value;	  /* histogram: sum in ms */
	_Atomic int64_t *buckets; /* histogram: BOUND_COUNT + 1, not cumulative */
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock;
	struct series *series[FAMILY_COUNT];
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- finding a series ---- */

#define LABELS_TEXT_MAX (REGISTRY_LABELS_MAX * (REGISTRY_VALUE_MAX * 2 + 64))

/* With values NULL every value is "other". */
static void labels_text(const struct family *family, const char *const *values,
			char out[LABELS_TEXT_MAX])
{
	size_t len = 0, index = 0;
	out[0] = '\0';
	for (const char *label = family->labels; *label; index++) {
		size_t label_len = strcspn(label, ",");
		char value[REGISTRY_VALUE_MAX * 2];
		(void)log_escape_json(bytes_of(values ? values[index] : "other"), value,
				      sizeof value);
		len += (size_t)snprintf(out + len, LABELS_TEXT_MAX - len, "%s%.*s=\"%s\"",
					index > 0 ? "," : "", (int)label_len, label, value);
		assert(len < LABELS_TEXT_MAX);
		label += label_len + (label[label_len] == ',');
	}
}

static struct series *find_locked(int number, const char *text)
{
	struct series *series = NULL;
	HASH_FIND_STR(registry.series[number], text, series);
	return series;
}

static struct series *add_locked(int number, const char *text)
{
	struct series *series = memory_new(sizeof *series);
	series->labels = memory_text(text);
	if (families[number].kind == KIND_histogram)
		series->buckets = memory_array(BOUND_COUNT + 1, sizeof *series->buckets);
	HASH_ADD_KEYPTR(hh, registry.series[number], series->labels, strlen(series->labels),
			series);
	return series;
}

static struct series *series_of(int number, const char *const *values)
{
	char text[LABELS_TEXT_MAX];
	labels_text(&families[number], values, text);
	pthread_mutex_lock(&registry.lock);
	struct series *series = find_locked(number, text);
	if (!series && HASH_COUNT(registry.series[number]) >= METRIC_SERIES_MAX) {
		labels_text(&families[number], NULL, text);
		series = find_locked(number, text);
	}
	if (!series)
		series = add_locked(number, text);
	pthread_mutex_unlock(&registry.lock);
	return series;
}

void registry_add(int family, const char *const *labels, int64_t delta)
{
	atomic_fetch_add_explicit(&series_of(family, labels)->value, delta, memory_order_relaxed);
}

void registry_set(int family, const char *const *labels, int64_t value)
{
	atomic_store_explicit(&series_of(family, labels)->value, value, memory_order_relaxed);
}

int64_t registry_get(int family, const char *const *labels)
{
	return atomic_load_explicit(&series_of(family, labels)->value, memory_order_relaxed);
}

void registry_observe_ms(int family, const char *const *labels, int64_t duration_ms)
{
	struct series *series = series_of(family, labels);
	size_t bucket = 0;
	while (bucket < BOUND_COUNT && duration_ms > bounds_ms[bucket])
		bucket++;
	atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&series->value, duration_ms, memory_order_relaxed);
}

void metric_set(enum metric metric, const char *const *labels, int64_t value)
{
	assert(families[metric].kind == KIND_gauge);
	registry_set(REGISTRY_METRIC(metric), labels, value);
}

void metric_add(enum metric metric, const char *const *labels, int64_t delta)
{
	assert(families[metric].kind != KIND_histogram);
	registry_add(REGISTRY_METRIC(metric), labels, delta);
}

int64_t metric_get(enum metric metric, const char *const *labels)
{
	assert(families[metric].kind != KIND_histogram);
	return registry_get(REGISTRY_METRIC(metric), labels);
}

void metric_observe_ms(enum metric metric, const char *const *labels, int64_t duration_ms)
{
	assert(families[metric].kind == KIND_histogram);
	registry_observe_ms(REGISTRY_METRIC(metric), labels, duration_ms);
}

/* ---- the text (Prometheus exposition format 0.0.4) ---- */

static enum err write_histogram(const struct family *family, const struct series *series,
				struct buf *out)
{
	const char *comma = series->labels[0] ? "," : "";
	int64_t total = 0;
	enum err err = OK;
	for (size_t i = 0; i <= BOUND_COUNT && err == OK; i++) {
		total += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
		if (i < BOUND_COUNT)
			err = buf_printf(out, "leveret_%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n",
					 family->name, series->labels, comma,
					 (double)bounds_ms[i] / 1000.0, total);
		else
			err = buf_printf(out, "leveret_%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n",
					 family->name, series->labels, comma, total);
	}
	const char *open = series->labels[0] ? "{" : "", *close = series->labels[0] ? "}" : "";
	int64_t sum = atomic_load_explicit(&series->value, memory_order_relaxed);
	if (err == OK)
		err = buf_printf(out,
				 "leveret_%s_sum%s%s%s %.3f\nleveret_%s_count%s%s%s %" PRId64 "\n",
				 family->name, open, series->labels, close, (double)sum / 1000.0,
				 family->name, open, series->labels, close, total);
	return err;
}

static enum err write_series(const struct family *family, const struct series *series,
			     struct buf *out)
{
	if (family->kind == KIND_histogram)
		return write_histogram(family, series, out);
	int64_t value = atomic_load_explicit(&series->value, memory_order_relaxed);
	if (series->labels[0])
		return buf_printf(out, "leveret_%s{%s} %" PRId64 "\n", family->name, series->labels,
				  value);
	return buf_printf(out, "leveret_%s %" PRId64 "\n", family->name, value);
}

static enum err write_family(int number, struct buf *out)
{
	static const char *const kind_names[] = {"counter", "gauge", "histogram"};
	const struct family *family = &families[number];
	struct series *series = registry.series[number];
	if (!series)
		return OK;
	enum err err = buf_printf(out, "# HELP leveret_%s %s\n# TYPE leveret_%s %s\n", family->name,
				  family->help, family->name, kind_names[family->kind]);
	for (; series && err == OK; series = series->hh.next)
		err = write_series(family, series, out);
	return err;
}

enum err metrics_write(struct buf *out)
{
	enum err err = OK;
	pthread_mutex_lock(&registry.lock);
	for (int number = 0; number < (int)FAMILY_COUNT && err == OK; number++)
		if (families[number].labels)
			err = write_family(number, out);
	pthread_mutex_unlock(&registry.lock);
	return err;
}
