/* A login: guard -> remembered or hashed -> [delay] -> done. Until its end it is in the list of all, which logins_free() empties. */
#include "ingest/logins.h"

#include <string.h>
#include <sys/stat.h>

#include "ingest/login_guard.h"
#include "ingest/password_checker.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/crypto/keyed_digest.h"
#include "lib/obs/log.h"

#define LOOK_MS	    60000
#define REMEMBER_MS (5 * 60 * 1000)

struct proof { /* that a password was right */
	uint8_t digest[KEYED_DIGEST_SIZE];
	int64_t until_ms; /* 0: none */
};

struct logins {
	struct logins_options options;
	struct credentials *credentials;
	struct proof *proofs; /* by index of the credential */
	uint8_t key[KEYED_DIGEST_SIZE];
	uint64_t fingerprint; /* of the file, as it was last read */
	struct password_checker *checker;
	struct login_guard *guard;
	struct timer *look;
	struct login *all;
};

struct login {
	struct logins *logins;
	struct net_address client;
	struct credentials *credentials;     /* the table of `credential` */
	const struct credential *credential; /* NULL: nobody has that name */
	uint8_t digest[KEYED_DIGEST_SIZE];
	uint64_t guess; /* name and password, for the guard */
	struct password_check *check;
	enum login_verdict verdict;
	bool is_counted; /* by the guard */
	struct timer *end;
	login_done done; /* NULL: nobody waits */
	void *owner;
	struct login *next, **link;
};

/* ---- the file ---- */

static uint64_t fingerprint_of(const char *path)
{
	struct stat status;
	int64_t facts[4] = {-1};
	if (stat(path, &status) == 0) {
		facts[0] = status.st_mtim.tv_sec;
		facts[1] = status.st_mtim.tv_nsec;
		facts[2] = status.st_size;
		facts[3] = (int64_t)status.st_ino;
	}
	return hash_bytes(HASH_START, bytes_from(facts, sizeof facts));
}

static enum err read_file(struct logins *logins, struct why *why)
{
	struct credentials *credentials = NULL;
	logins->fingerprint = fingerprint_of(logins->options.file);
	enum err err = credentials_read(logins->options.file, &credentials, why);
	if (err != OK)
		return err;
	credentials_unref(&logins->credentials);
	free(logins->proofs);
	logins->credentials = credentials;
	logins->proofs = memory_array(credentials_count(credentials), sizeof(struct proof));
	return OK;
}

void logins_reload(struct logins *logins)
{
	struct why why = {""};
	enum err err = read_file(logins, &why);
	log_event(EV_credentials_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
		  F_INT("users", credentials_count(logins->credentials)), F_TEXT("why", why.text));
}

static void look(void *owner)
{
	struct logins *logins = owner;
	if (fingerprint_of(logins->options.file) != logins->fingerprint)
		logins_reload(logins);
	timer_start(logins->look, LOOK_MS);
}

/* ---- what is remembered ---- */

static bool is_remembered(const struct login *login)
{
	const struct logins *logins = login->logins;
	if (!login->credential || login->credentials != logins->credentials)
		return false;
	const struct proof *proof = &logins->proofs[login->credential->index];
	return proof->until_ms > loop_now_ms(logins->options.loop) &&
	       secret_is_equal(bytes_from(proof->digest, KEYED_DIGEST_SIZE),
			       bytes_from(login->digest, KEYED_DIGEST_SIZE));
}

static void remember(const struct login *login)
{
	struct logins *logins = login->logins;
	if (login->credentials != logins->credentials)
		return;
	struct proof *proof = &logins->proofs[login->credential->index];
	memcpy(proof->digest, login->digest, KEYED_DIGEST_SIZE);
	proof->until_ms = loop_now_ms(logins->options.loop) + REMEMBER_MS;
}

/* ---- one login ---- */

static void login_free(struct login *login)
{
	*login->link = login->next;
	if (login->next)
		login->next->link = login->link;
	password_check_forget(&login->check);
	timer_free(&login->end);
	credentials_unref(&login->credentials);
	explicit_bzero(login->digest, sizeof login->digest);
	free(login);
}

static void end_login(void *owner)
{
	struct login *login = owner;
	if (login->done)
		login->done(login->owner, login->verdict,
			    login->verdict == LOGIN_RIGHT ? login->credential : NULL);
	login_free(login);
}

/* The guard hears of it at once, the client after the delay: a second connection does not escape it. */
static void decide(struct login *login, enum login_verdict verdict)
{
	struct logins *logins = login->logins;
	int64_t now_ms = loop_now_ms(logins->options.loop), delay_ms = 0;
	login->verdict = verdict;
	if (login->is_counted)
		login_guard_leave(logins->guard, &login->client, now_ms,
				  verdict == LOGIN_WRONG ? &login->guess : NULL);
	if (verdict == LOGIN_WRONG)
		delay_ms = login_guard_delay_ms(
			login_guard_failures(logins->guard, &login->client, now_ms));
	timer_start(login->end, delay_ms);
}

static void on_checked(void *owner, bool matches)
{
	struct login *login = owner;
	login->check = NULL;
	bool is_right = matches && login->credential;
	if (is_right)
		remember(login);
	decide(login, is_right ? LOGIN_RIGHT : LOGIN_WRONG);
}

static void check_password(struct login *login, struct bytes name, struct bytes password)
{
	struct logins *logins = login->logins;
	const struct credential *whose = login->credential;
	if (is_remembered(login)) {
		decide(login, LOGIN_RIGHT);
		return;
	}
	if (!whose)
		whose = credentials_decoy(login->credentials, name);
	if (!whose)
		decide(login, LOGIN_WRONG);
	else if (password_check_start(logins->checker, whose->hash, password, on_checked, login,
				      &login->check) != OK)
		decide(login, LOGIN_BUSY);
}

struct login *login_start(struct logins *logins, const struct net_address *client,
			  struct bytes name, struct bytes password, login_done done, void *owner)
{
	struct login *login = memory_new(sizeof *login);
	int64_t now_ms = loop_now_ms(logins->options.loop);
	login->logins = logins;
	login->client = *client;
	login->credentials = credentials_ref(logins->credentials);
	login->credential = credentials_find(logins->credentials, name);
	login->done = done;
	login->owner = owner;
	login->end = timer_new(logins->options.loop, end_login, login);
	login->next = logins->all;
	login->link = &logins->all;
	if (login->next)
		login->next->link = &login->next;
	logins->all = login;
	keyed_digest(bytes_from(logins->key, sizeof logins->key), password, login->digest);
	login->guess = hash_bytes(hash_bytes(HASH_START, name),
				  bytes_from(login->digest, KEYED_DIGEST_SIZE));
	if (login_guard_failures(logins->guard, client, now_ms) >= logins->options.failures_max) {
		decide(login, LOGIN_BLOCKED);
	} else if (!login_guard_enter(logins->guard, client, now_ms)) {
		decide(login, LOGIN_BUSY);
	} else {
		login->is_counted = true;
		check_password(login, name, password);
	}
	return login;
}

void login_forget(struct login **login)
{
	if (*login)
		(*login)->done = NULL;
	*login = NULL;
}

/* ---- all of it ---- */

enum err logins_open(const struct logins_options *options, struct logins **ret, struct why *why)
{
	struct logins *logins = memory_new(sizeof *logins);
	logins->options = *options;
	enum err err = read_file(logins, why);
	if (err != OK) {
		free(logins);
		return err;
	}
	random_bytes(logins->key, sizeof logins->key);
	logins->checker = password_checker_new(options->loop);
	logins->guard = login_guard_new();
	logins->look = timer_new(options->loop, look, logins);
	timer_start(logins->look, LOOK_MS);
	*ret = logins;
	return OK;
}

void logins_free(struct logins **logins)
{
	struct logins *l = *logins;
	if (!l)
		return;
	*logins = NULL;
	while (l->all)
		login_free(l->all);
	password_checker_free(&l->checker);
	login_guard_free(&l->guard);
	timer_free(&l->look);
	credentials_unref(&l->credentials);
	free(l->proofs);
	explicit_bzero(l->key, sizeof l->key);
	free(l);
}
