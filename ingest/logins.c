/* A login: guard -> remembered, hashed, or asked for -> [delay] -> done. Until its end it is in the list of all, which logins_free()
 * empties. */
#include "ingest/logins.h"

#include <string.h>

#include "ingest/login_backend.h"
#include "ingest/login_guard.h"
#include "ingest/login_memory.h"
#include "ingest/password_checker.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LOOK_MS	    60000
#define REMEMBER_MS (5 * 60 * 1000) /* a login by the file */

struct logins {
	struct logins_options options;
	struct credentials *credentials; /* of the file; NULL: somebody is asked */
	uint64_t fingerprint;		 /* of the file that they were read from */
	struct password_checker *checker;
	struct login_backend *backend; /* NULL: a file tells */
	struct login_memory *memory;
	struct login_guard *guard;
	struct timer *look;
	unsigned reload_count;
	struct login *all;
};

struct login {
	struct logins *logins;
	struct net_address client;
	struct credentials *credentials;     /* the table of `credential` */
	const struct credential *credential; /* NULL: nobody has that name, or not known yet */
	unsigned reload_count;		     /* when it began */
	struct login_print print;
	uint64_t guess; /* name and password, for the guard */
	struct password_check *check;
	struct login_inquiry *inquiry;
	enum login_verdict verdict;
	bool is_counted; /* by the guard */
	struct timer *end;
	login_done done; /* NULL: nobody waits */
	void *owner;
	struct login *next, **link;
};

/* ---- the file ---- */

static enum err read_file(struct logins *logins, struct why *why)
{
	struct credentials *credentials = NULL;
	const char *path = logins->options.settings->credentials;
	uint64_t fingerprint = file_fingerprint(HASH_START, path); /* before it is read */
	enum err err = credentials_read(path, &credentials, why);
	if (err != OK)
		return err;
	credentials_unref(&logins->credentials);
	logins->credentials = credentials;
	logins->fingerprint = fingerprint;
	return OK;
}

void logins_reload(struct logins *logins)
{
	struct why why = {""};
	logins->reload_count++;
	if (logins->backend) {
		login_memory_clear(logins->memory);
		return;
	}
	enum err err = read_file(logins, &why);
	log_event(EV_credentials_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
		  F_INT("users", credentials_count(logins->credentials)), F_TEXT("why", why.text));
}

static void look(void *owner)
{
	struct logins *logins = owner;
	if (file_fingerprint(HASH_START, logins->options.settings->credentials) !=
	    logins->fingerprint)
		logins_reload(logins);
	timer_start(logins->look, LOOK_MS);
}

/* ---- one login ---- */

static void login_free(struct login *login)
{
	*login->link = login->next;
	if (login->next)
		login->next->link = login->link;
	password_check_forget(&login->check);
	login_inquiry_cancel(&login->inquiry);
	timer_free(&login->end);
	credentials_unref(&login->credentials);
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

/* ---- by the file ---- */

/* What is remembered is the hash only: tenant, pool and domains are the file's, as it is then. */
static void on_checked(void *owner, enum password_verdict verdict)
{
	struct login *login = owner;
	struct logins *logins = login->logins;
	login->check = NULL;
	if (verdict == PASSWORD_NOT_CHECKED) {
		decide(login, LOGIN_BUSY);
	} else if (verdict == PASSWORD_RIGHT && login->credential) {
		login_memory_keep(logins->memory, &login->print, NULL,
				  loop_now_ms(logins->options.loop) + REMEMBER_MS);
		decide(login, LOGIN_RIGHT);
	} else {
		decide(login, LOGIN_WRONG);
	}
}

static void check_password(struct login *login, const struct login_request *request)
{
	struct logins *logins = login->logins;
	const struct credential *whose = login->credential;
	if (!whose)
		whose = credentials_decoy(logins->credentials, request->name);
	if (!whose) {
		decide(login, LOGIN_WRONG);
		return;
	}
	const struct password_question question = {request->client, whose->hash, request->password};
	if (password_check_start(logins->checker, &question, on_checked, login, &login->check) !=
	    OK)
		decide(login, LOGIN_BUSY);
}

/* ---- by somebody else ---- */

static void remember_found(const struct login *login)
{
	struct logins *logins = login->logins;
	int64_t remember_ms = logins->options.settings->credentials_remember;
	if (remember_ms > 0 && login->reload_count == logins->reload_count)
		login_memory_keep(logins->memory, &login->print, login->credential,
				  loop_now_ms(logins->options.loop) + remember_ms);
}

static void on_found(void *owner, enum login_finding finding, struct credentials *credentials)
{
	struct login *login = owner;
	login->inquiry = NULL;
	if (finding == LOGIN_FOUND_RIGHT) {
		login->credentials = credentials;
		login->credential = credentials_only(credentials);
		remember_found(login);
		decide(login, LOGIN_RIGHT);
	} else {
		decide(login, finding == LOGIN_FOUND_WRONG ? LOGIN_WRONG : LOGIN_AWAY);
	}
}

static void ask_backend(struct login *login, const struct login_request *request)
{
	char address[NET_ADDRESS_SIZE];
	net_address_ip_text(request->client, address);
	const struct login_question question = {request->name, request->password, address,
						request->listener};
	switch (login_backend_ask(login->logins->backend, &question, on_found, login,
				  &login->inquiry)) {
	case OK:
		return;
	case E_FULL:
		decide(login, LOGIN_BUSY);
		return;
	case E_MALFORMED:
		decide(login, LOGIN_WRONG);
		return;
	default:
		decide(login, LOGIN_AWAY);
		return;
	}
}

/* ---- from above ---- */

static struct login *login_new(struct logins *logins, const struct login_request *request,
			       login_done done, void *owner)
{
	struct login *login = memory_new(sizeof *login);
	login->logins = logins;
	login->client = *request->client;
	login->done = done;
	login->owner = owner;
	login->end = timer_new(logins->options.loop, end_login, login);
	login->next = logins->all;
	login->link = &logins->all;
	if (login->next)
		login->next->link = &login->next;
	logins->all = login;
	login->reload_count = logins->reload_count;
	if (!logins->backend) {
		login->credentials = credentials_ref(logins->credentials);
		login->credential = credentials_find(logins->credentials, request->name);
	}
	const struct login_proof proof = {request->client, request->name, request->password,
					  login->credential ? login->credential->hash : ""};
	login->print = login_memory_print(logins->memory, &proof);
	login->guess =
		hash_bytes(HASH_START, bytes_from(login->print.digest, sizeof login->print.digest));
	return login;
}

static bool is_remembered(struct login *login)
{
	struct logins *logins = login->logins;
	const struct credential *known = NULL;
	if (!login_memory_find(logins->memory, &login->print, loop_now_ms(logins->options.loop),
			       &known))
		return false;
	if (known) { /* otherwise the file has told already */
		login->credential = known;
		login->credentials = credentials_ref(known->table);
	}
	return true;
}

static void find_out(struct login *login, const struct login_request *request)
{
	if (login->logins->backend)
		ask_backend(login, request);
	else
		check_password(login, request);
}

struct login *login_start(struct logins *logins, const struct login_request *request,
			  login_done done, void *owner)
{
	struct login *login = login_new(logins, request, done, owner);
	int64_t now_ms = loop_now_ms(logins->options.loop);
	unsigned failures_max = (unsigned)logins->options.settings->max_failed_logins_per_ip;
	if (login_guard_failures(logins->guard, request->client, now_ms) >= failures_max) {
		decide(login, LOGIN_BLOCKED);
	} else if (is_remembered(login)) {
		decide(login, LOGIN_RIGHT);
	} else if (!login_guard_enter(logins->guard, request->client, now_ms)) {
		decide(login, LOGIN_BUSY);
	} else {
		login->is_counted = true;
		find_out(login, request);
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

static enum err open_file(struct logins *logins, struct why *why)
{
	enum err err = read_file(logins, why);
	if (err != OK)
		return err;
	logins->checker = password_checker_new(logins->options.loop,
					       (size_t)logins->options.settings->password_threads);
	logins->look = timer_new(logins->options.loop, look, logins);
	timer_start(logins->look, LOOK_MS);
	return OK;
}

enum err logins_open(const struct logins_options *options, struct logins **ret, struct why *why)
{
	struct logins *logins = memory_new(sizeof *logins);
	logins->options = *options;
	logins->guard = login_guard_new();
	logins->memory = login_memory_new();
	logins->backend = login_backend_new(options->loop, options->settings);
	enum err err = logins->backend ? OK : open_file(logins, why);
	if (err == OK)
		*ret = logins;
	else
		logins_free(&logins);
	return err;
}

void logins_free(struct logins **logins)
{
	struct logins *l = *logins;
	if (!l)
		return;
	*logins = NULL;
	while (l->all)
		login_free(l->all);
	login_backend_free(&l->backend);
	password_checker_free(&l->checker);
	login_guard_free(&l->guard);
	login_memory_free(&l->memory);
	timer_free(&l->look);
	credentials_unref(&l->credentials);
	free(l);
}
