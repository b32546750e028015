/* One of two ways to ask, and one way to read the answer. */
#include "ingest/login_backend.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/loop/helper.h"
#include "lib/net/http_client.h"
#include "lib/obs/log.h"

#define QUESTIONS_MAX	64
#define CONNECTIONS_MAX 16
#define TOKEN_MAX	4096

struct login_backend {
	const struct ingest_settings *settings;
	struct helper *helper;	    /* one of the two */
	struct http_client *client; /* the other is NULL */
};

struct login_inquiry {
	struct login_backend *backend;
	char *name;
	struct helper_question *question;
	struct http_call *call;
	login_found done;
	void *owner;
};

static void note_failure(const char *why)
{
	log_event(EV_login_backend_failed, F_TEXT("why", why));
}

static void inquiry_free(struct login_inquiry *inquiry)
{
	free(inquiry->name);
	free(inquiry);
}

/* ---- the answer ---- */

static enum login_finding judge(const struct login_inquiry *inquiry, int64_t http_status,
				struct bytes body, struct credentials **ret)
{
	struct arena *arena = arena_new();
	struct login_answer answer;
	struct why why = {""};
	enum login_finding finding = LOGIN_NOT_FOUND_OUT;
	enum err err = login_answer_read(arena, body, &answer, &why);
	/* A service may say it in either place: who is refused in one of them is refused. */
	bool is_said_inside = http_status == 0 || (http_status == 200 && answer.status != 0);
	int64_t status = is_said_inside ? answer.status : http_status;
	if (err == OK && status == 200) {
		struct credential_facts facts = {bytes_of(inquiry->name), answer.tenant,
						 answer.pool, answer.domains, answer.domain_count};
		err = credentials_of_one(&facts, ret, &why);
		if (err == OK)
			finding = LOGIN_FOUND_RIGHT;
	} else if (err == OK && (status == 401 || status == 403)) {
		finding = LOGIN_FOUND_WRONG;
	} else if (err == OK) {
		err = fail(&why, E_MALFORMED, "status %lld", (long long)status);
	}
	if (err != OK)
		note_failure(why.text);
	arena_free(&arena);
	return finding;
}

static void end_inquiry(struct login_inquiry *inquiry, enum login_finding finding,
			struct credentials *credentials)
{
	inquiry->done(inquiry->owner, finding, credentials);
	inquiry_free(inquiry);
}

static void on_line(void *owner, enum err err, struct bytes line)
{
	struct login_inquiry *inquiry = owner;
	struct credentials *credentials = NULL;
	enum login_finding finding = LOGIN_NOT_FOUND_OUT; /* on_helper_failed() told why */
	inquiry->question = NULL;
	if (err == OK)
		finding = judge(inquiry, 0, line, &credentials);
	end_inquiry(inquiry, finding, credentials);
}

/* A refusal's body may be any page. */
static void on_response(void *owner, enum err err, const struct http_response *response,
			const struct why *why)
{
	struct login_inquiry *inquiry = owner;
	struct credentials *credentials = NULL;
	enum login_finding finding = LOGIN_NOT_FOUND_OUT;
	inquiry->call = NULL;
	if (err == OK)
		finding =
			judge(inquiry, response->status,
			      response->status == 200 ? response->body : BYTES_NONE, &credentials);
	else
		note_failure(why->text);
	end_inquiry(inquiry, finding, credentials);
}

static void on_helper_failed(void *owner, const char *why)
{
	(void)owner;
	note_failure(why);
}

/* ---- the question ---- */

static enum err post(struct login_inquiry *inquiry, struct bytes question)
{
	const struct ingest_settings *settings = inquiry->backend->settings;
	char token[TOKEN_MAX + 32];
	(void)snprintf(token, sizeof token, "Authorization: Bearer %s",
		       settings->credentials_token);
	const char *const headers[] = {"Accept: application/json", token};
	struct http_call_options options = {
		.url = settings->credentials_url,
		.body = question,
		.content_type = "application/json",
		.headers = headers,
		.header_count = settings->credentials_token[0] ? 2 : 1,
		.timeout_ms = settings->credentials_timeout,
	};
	enum err err = http_call_start(inquiry->backend->client, &options, on_response, inquiry,
				       &inquiry->call);
	explicit_bzero(token, sizeof token);
	return err == E_MALFORMED ? E_AWAY : err;
}

enum err login_backend_ask(struct login_backend *backend, const struct login_question *question,
			   login_found done, void *owner, struct login_inquiry **ret)
{
	struct buf text;
	char name[CREDENTIAL_NAME_MAX + 1];
	if (!bytes_to_cstr(question->name, name, sizeof name))
		return E_MALFORMED;
	buf_init(&text, (size_t)64 << 10);
	enum err err = login_question_write(question, &text);
	struct login_inquiry *inquiry = memory_new(sizeof *inquiry);
	inquiry->backend = backend;
	inquiry->name = memory_text(name);
	inquiry->done = done;
	inquiry->owner = owner;
	if (err == OK)
		err = backend->helper ? helper_ask(backend->helper, buf_bytes(&text), on_line,
						   inquiry, &inquiry->question)
				      : post(inquiry, buf_bytes(&text));
	if (text.data)
		explicit_bzero(text.data, text.capacity);
	buf_done(&text);
	if (err == OK)
		*ret = inquiry;
	else
		inquiry_free(inquiry);
	return err;
}

void login_inquiry_cancel(struct login_inquiry **inquiry)
{
	if (!*inquiry)
		return;
	helper_forget(&(*inquiry)->question);
	http_call_cancel(&(*inquiry)->call);
	inquiry_free(*inquiry);
	*inquiry = NULL;
}

/* ---- all of it ---- */

struct login_backend *login_backend_new(struct loop *loop, const struct ingest_settings *settings)
{
	bool has_command = settings->credentials_command.count > 0;
	if (!has_command && !settings->credentials_url[0])
		return NULL;
	struct login_backend *backend = memory_new(sizeof *backend);
	const struct helper_options helper = {
		.loop = loop,
		.command = settings->credentials_command.items,
		.word_count = settings->credentials_command.count,
		.answer_max = LOGIN_ANSWER_MAX,
		.questions_max = QUESTIONS_MAX,
		.timeout_ms = settings->credentials_timeout,
		.failed = on_helper_failed,
		.owner = backend,
	};
	const struct http_client_options client = {
		.loop = loop,
		.at_once = CONNECTIONS_MAX,
		.calls_max = QUESTIONS_MAX,
		.answer_max = LOGIN_ANSWER_MAX,
		.ca_file = settings->credentials_ca,
	};
	backend->settings = settings;
	if (has_command)
		backend->helper = helper_new(&helper);
	else
		backend->client = http_client_new(&client);
	return backend;
}

void login_backend_free(struct login_backend **backend)
{
	if (!*backend)
		return;
	helper_free(&(*backend)->helper);
	http_client_free(&(*backend)->client);
	free(*backend);
	*backend = NULL;
}
