/* The file is read by a thread of its own: making a classifier of it takes longer than the loop may. */
#include "bouncer/classification/verdicts.h"

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/loop/offload.h"
#include "lib/obs/log.h"

#define LOOK_MS 5000

struct verdicts {
	struct loop *loop;
	const char *file;
	uint64_t fingerprint; /* of the file, as it was last read */
	struct classifier *classifier;
	struct timer *look;
	struct offload *offload;
	/* the reading under way */
	struct work work;
	bool is_reading, must_read_again;
	struct classifier *read;
	enum err err;
	struct why why;
};

const struct classifier *verdicts_classifier(const struct verdicts *verdicts)
{
	return verdicts->classifier;
}

static const char *file_of(const struct verdicts *verdicts)
{
	return verdicts->file[0] ? verdicts->file : NULL;
}

static void read_file(void *owner)
{
	struct verdicts *verdicts = owner;
	verdicts->why = (struct why){""};
	verdicts->err = classifier_new(file_of(verdicts), stderr, &verdicts->read, &verdicts->why);
}

static void on_read(void *owner)
{
	struct verdicts *verdicts = owner;
	verdicts->is_reading = false;
	log_event(EV_bounce_rules_loaded, F_TEXT("outcome", verdicts->err ? "kept_old" : "ok"),
		  F_TEXT("why", verdicts->why.text));
	if (!verdicts->err) {
		classifier_free(&verdicts->classifier);
		verdicts->classifier = verdicts->read;
		verdicts->read = NULL;
	}
	if (verdicts->must_read_again)
		verdicts_reload(verdicts);
}

void verdicts_reload(struct verdicts *verdicts)
{
	verdicts->must_read_again = verdicts->is_reading;
	if (verdicts->is_reading || !file_of(verdicts))
		return;
	verdicts->is_reading = true;
	verdicts->fingerprint = file_fingerprint(HASH_START, verdicts->file);
	offload_ask(verdicts->offload, &verdicts->work);
}

static void on_look(void *owner)
{
	struct verdicts *verdicts = owner;
	if (file_fingerprint(HASH_START, verdicts->file) != verdicts->fingerprint)
		verdicts_reload(verdicts);
	timer_start(verdicts->look, LOOK_MS);
}

enum err verdicts_new(struct loop *loop, const char *file, struct verdicts **ret, struct why *why)
{
	struct verdicts *verdicts = memory_new(sizeof *verdicts);
	verdicts->loop = loop;
	verdicts->file = file;
	verdicts->fingerprint = file_fingerprint(HASH_START, file);
	verdicts->work = (struct work){.run = read_file, .done = on_read, .owner = verdicts};
	enum err err = classifier_new(file_of(verdicts), stderr, &verdicts->classifier, why);
	if (err) {
		free(verdicts);
		return err;
	}
	verdicts->look = timer_new(loop, on_look, verdicts);
	if (file_of(verdicts)) {
		verdicts->offload = offload_new(loop, 1);
		timer_start(verdicts->look, LOOK_MS);
	}
	*ret = verdicts;
	return OK;
}

void verdicts_free(struct verdicts **verdicts)
{
	struct verdicts *freeing = *verdicts;
	*verdicts = NULL;
	if (!freeing)
		return;
	timer_stop(freeing->look);
	freeing->must_read_again = false;
	offload_free(&freeing->offload);
	timer_free(&freeing->look);
	classifier_free(&freeing->read);
	classifier_free(&freeing->classifier);
	free(freeing);
}
