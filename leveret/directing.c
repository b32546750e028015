#include "leveret/directing.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/conf/units.h"

#define DIRECTIVE_MAX (64 * 1024)
#define TIME_MAX_MS   (INT64_C(36525) * 24 * 3600 * 1000)

enum err directing_write(const struct directive *directive, struct buf *out, struct why *why)
{
	struct arena *arena = arena_new();
	struct directive read;
	enum err err = directive_encode(directive, out);
	if (err)
		(void)fail(why, err, "too large");
	else
		err = directive_decode(arena, buf_bytes(out), &read, why);
	arena_free(&arena);
	return err;
}

static void publish(struct errand *errand, const struct directive *directive,
		    void (*on_kept)(void *owner, enum err err))
{
	struct why why;
	struct buf out;
	buf_init(&out, DIRECTIVE_MAX);
	if (directing_write(directive, &out, &why) != OK) {
		(void)fprintf(stderr, "leveret: this cannot be asked of the bouncer: %s\n",
			      why.text);
		errand_end(errand, EXIT_USAGE);
	} else {
		const struct publication publication = {
			.exchange = EXCHANGE_INBOUND, .key = "directive", .head = buf_bytes(&out)};
		broker_publish(errand->broker, &publication, on_kept, errand);
	}
	buf_done(&out);
}

static bool is_kept(struct errand *errand, enum err err)
{
	if (err == OK)
		return true;
	(void)fprintf(stderr, "leveret: the broker did not take the directive: %s\n",
		      err_text(err));
	errand_end(errand, EXIT_FAILED);
	return false;
}

static void wait_for_bouncer(void *owner, enum err err)
{
	struct errand *errand = owner;
	if (is_kept(errand, err))
		errand->waits_for = "the bouncer, which does it as soon as it runs,";
}

void direct(struct errand *errand, const struct directive *directive)
{
	publish(errand, directive, wait_for_bouncer);
}

static void tell_and_end(void *owner, enum err err)
{
	struct errand *errand = owner;
	const struct directing *directing = errand->owner;
	if (!is_kept(errand, err))
		return;
	directing->told(directing);
	errand_end(errand, EXIT_DONE);
}

void directing_begin(struct errand *errand)
{
	const struct directing *directing = errand->owner;
	publish(errand, &directing->directive, tell_and_end);
}

const char *directing_user(void)
{
	const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
	return user ? user : "operator";
}

bool directing_time(const char *text, int64_t *ret_ms)
{
	if (units_parse_duration(text, ret_ms) && *ret_ms > 0 && *ret_ms <= TIME_MAX_MS)
		return true;
	(void)fprintf(stderr, "leveret: --for takes a time like 30m or 2h, not \"%s\"\n", text);
	return false;
}
