/* A returned mail from its first byte to its findings; the texts of claims, of keys, of requests to unsubscribe. Nothing of it may be
 * proved: the keys are not the fuzzer's. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bouncer/inbound/finding.h"
#include "bouncer/inbound/unsubscribe.h"
#include "lib/base/random.h"

static struct returns *open_returns(void)
{
	static char path[64] = "/tmp/leveret-fuzz-keys-XXXXXX";
	static const struct returns_settings settings = {.keys = path,
							 .path = "b-{token}@b.test",
							 .feedback_loop = "",
							 .unsubscribe_url = "",
							 .unsubscribe_mail = "",
							 .days = 30,
							 .unsubscribe_days = 30};
	struct returns *returns = NULL;
	struct why why;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	assert(file);
	(void)fprintf(file, "1 %016llx%016llx\n", (unsigned long long)random_u64(),
		      (unsigned long long)random_u64());
	(void)fclose(file);
	enum err err = returns_open(&settings, &returns, &why);
	assert(err == OK);
	(void)unlink(path);
	return returns;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct returns *returns;
	struct arena *arena = arena_new();
	struct bytes input = bytes_from(data, size);
	struct bytes to = bytes_first(input, 64);
	const struct inbound_mail mail = {
		.recipients = &to, .recipient_count = 1, .content = input};
	struct report report;
	struct findings found;
	struct claim claim;
	struct return_keys keys;
	struct why why;
	if (!returns)
		returns = open_returns();
	report_read(arena, input, &report);
	findings_of(arena, returns, &mail, &report, INT64_C(1795290000000), &found);
	for (size_t i = 0; i < found.count; i++)
		assert(!found.items[i].is_proved);
	assert(claim_check(returns_keys(returns), CLAIM_UNSUBSCRIBE, unsubscribe_claim_of(input),
			   INT64_C(1795290000000), 30, arena, &claim) != OK);
	(void)unsubscribe_is_wanted(input);
	if (return_keys_read(arena, input, &keys, &why) == OK)
		assert(keys.count > 0 && keys.count <= RETURN_KEYS_MAX);
	arena_free(&arena);
	return 0;
}
