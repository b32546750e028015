/* Each check is work for the offload; who does not wait for it any more is not told. */
#include "ingest/password_checker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/crypto/password.h"
#include "lib/loop/offload.h"

struct password_check {
	struct password_checker *checker;
	struct work work;
	char *hash;
	uint8_t *password;
	size_t password_len;
	bool matches;
	password_checked done; /* NULL: nobody waits */
	void *owner;
};

struct password_checker {
	struct offload *offload;
	size_t count; /* asked for and not told yet */
	bool is_ending;
};

static void run(void *owner)
{
	struct password_check *check = owner;
	check->matches =
		password_matches(check->hash, bytes_from(check->password, check->password_len));
}

static void end(void *owner)
{
	struct password_check *check = owner;
	check->checker->count--;
	if (check->done && !check->checker->is_ending)
		check->done(check->owner, check->matches);
	explicit_bzero(check->password, check->password_len);
	free(check->password);
	free(check->hash);
	free(check);
}

struct password_checker *password_checker_new(struct loop *loop)
{
	struct password_checker *checker = memory_new(sizeof *checker);
	checker->offload = offload_new(loop);
	return checker;
}

void password_checker_free(struct password_checker **checker)
{
	struct password_checker *c = *checker;
	if (!c)
		return;
	*checker = NULL;
	c->is_ending = true;
	offload_free(&c->offload); /* waits for one hash at the longest */
	free(c);
}

enum err password_check_start(struct password_checker *checker, const char *hash,
			      struct bytes password, password_checked done, void *owner,
			      struct password_check **ret)
{
	if (checker->count > PASSWORD_CHECKS_MAX)
		return E_FULL;
	struct password_check *check = memory_new(sizeof *check);
	check->checker = checker;
	check->work = (struct work){.run = run, .done = end, .owner = check};
	check->hash = memory_text(hash);
	check->password = memory_new(password.len);
	if (password.len > 0)
		memcpy(check->password, password.data, password.len);
	check->password_len = password.len;
	check->done = done;
	check->owner = owner;
	checker->count++;
	offload_ask(checker->offload, &check->work);
	*ret = check;
	return OK;
}

void password_check_forget(struct password_check **check)
{
	if (*check)
		(*check)->done = NULL;
	*check = NULL;
}
