/* curl's multi interface: it tells which sockets and which deadline to watch, we tell it what happened.
 *
 *   call_start -> curl works on it, turn by turn -> done -> freed */
#include "lib/net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

#include "lib/base/buf.h"
#include "lib/base/memory.h"

#define CONNECTIONS_KEPT 4L

struct http_client {
	struct http_client_options options;
	char *ca_file;
	CURLM *multi;
	struct timer *timer;
	struct http_call *calls;
	unsigned call_count;
	struct socket_watch *watches;
};

struct socket_watch {
	struct http_client *client;
	curl_socket_t fd;
	struct watch *watch;
	struct socket_watch *next, **link;
};

struct http_call {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers, *pinned;
	struct buf body;
	bool is_too_big;
	char error[CURL_ERROR_SIZE];
	http_call_done done;
	void *owner;
	struct http_call *next, **link;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

/* ---- the end of a call ---- */

static void call_free(struct http_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->client->call_count--;
	(void)curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->pinned);
	buf_done(&call->body);
	free(call);
}

static enum err err_of(const struct http_call *call, CURLcode code)
{
	if (code == CURLE_OK)
		return OK;
	if (call->is_too_big)
		return E_TOO_BIG;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return E_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return E_TLS;
	default:
		return E_IO;
	}
}

static void end_call(struct http_call *call, CURLcode code)
{
	struct http_response response = {.body = buf_bytes(&call->body)};
	struct why why = {""};
	enum err err = err_of(call, code);
	if (err != OK)
		err = fail(&why, err, "%s",
			   call->error[0] ? call->error : curl_easy_strerror(code));
	char *type = NULL;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &response.status);
	(void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
	curl_off_t retry_after_s = 0;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	response.retry_after_s = retry_after_s;
	response.content_type = type ? type : "";
	call->done(call->owner, err, &response, &why);
	call_free(call);
}

static void end_finished(struct http_client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct http_call *call = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		end_call(call, code);
	}
}

/* ---- between curl and the loop ---- */

static void on_ready(void *owner, bool can_read, bool can_write)
{
	const struct socket_watch *watch = owner;
	struct http_client *client = watch->client;
	int what = (can_read ? CURL_CSELECT_IN : 0) | (can_write ? CURL_CSELECT_OUT : 0), running;
	(void)curl_multi_socket_action(client->multi, watch->fd, what, &running);
	end_finished(client);
}

static void on_time(void *owner)
{
	struct http_client *client = owner;
	int running;
	(void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_finished(client);
}

static int on_curl_timer(CURLM *multi, long delay_ms, void *owner)
{
	struct http_client *client = owner;
	(void)multi;
	if (delay_ms < 0)
		timer_stop(client->timer);
	else
		timer_start(client->timer, delay_ms);
	return 0;
}

static void watch_end(struct socket_watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	watch_free(&watch->watch);
	free(watch);
}

static struct socket_watch *watch_begin(struct http_client *client, curl_socket_t fd)
{
	struct socket_watch *watch = memory_new(sizeof *watch);
	watch->client = client;
	watch->fd = fd;
	watch->watch = watch_new(client->options.loop, fd, on_ready, watch);
	watch->next = client->watches;
	watch->link = &client->watches;
	if (watch->next)
		watch->next->link = &watch->next;
	client->watches = watch;
	(void)curl_multi_assign(client->multi, fd, watch);
	return watch;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct socket_watch *watch = known;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			watch_end(watch);
		return 0;
	}
	if (!watch)
		watch = watch_begin(owner, fd);
	watch_want(watch->watch, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *owner)
{
	struct http_call *call = owner;
	if (buf_append(&call->body, bytes_from(data, size * count)) == OK)
		return size * count;
	call->is_too_big = true;
	return 0;
}

/* ---- a call ---- */

static void add_header(struct http_call *call, const char *line)
{
	struct curl_slist *headers = curl_slist_append(call->headers, line);
	if (!headers)
		abort();
	call->headers = headers;
}

static void set_headers(struct http_call *call, const struct http_call_options *options)
{
	char line[256];
	if (options->content_type) {
		(void)snprintf(line, sizeof line, "Content-Type: %s", options->content_type);
		add_header(call, line);
	}
	add_header(call, "Expect:"); /* no second journey for a large body */
	for (size_t i = 0; i < options->header_count; i++)
		add_header(call, options->headers[i]);
}

/* "+": kept as long as an answer of DNS would be, and not for ever. */
static void set_pinned(struct http_call *call, const char *pinned)
{
	char entry[1200];
	(void)snprintf(entry, sizeof entry, "+%s", pinned);
	call->pinned = curl_slist_append(NULL, entry);
	if (!call->pinned)
		abort();
	curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->pinned);
}

static bool set_options(struct http_call *call, const struct http_call_options *options)
{
	CURL *easy = call->easy;
	const struct http_client *client = call->client;
	set_headers(call, options);
	bool is_set = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
		      curl_easy_setopt(easy, CURLOPT_URL, options->url) == CURLE_OK &&
		      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
	if (is_set && options->body.len > 0)
		is_set = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					  (curl_off_t)options->body.len) == CURLE_OK &&
			 curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, options->body.data) ==
				 CURLE_OK;
	if (is_set && client->ca_file[0])
		is_set = curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file) == CURLE_OK;
	if (options->pinned)
		set_pinned(call, options->pinned);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
			 1L); /* never joins a thread that looks a name up */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "leveret");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	return is_set;
}

static struct http_call *call_new(struct http_client *client)
{
	struct http_call *call = memory_new(sizeof *call);
	call->client = client;
	call->easy = curl_easy_init();
	if (!call->easy)
		abort();
	buf_init(&call->body, client->options.answer_max);
	call->next = client->calls;
	call->link = &client->calls;
	if (call->next)
		call->next->link = &call->next;
	client->calls = call;
	client->call_count++;
	return call;
}

enum err http_call_start(struct http_client *client, const struct http_call_options *options,
			 http_call_done done, void *owner, struct http_call **ret)
{
	if (client->call_count >= client->options.calls_max)
		return E_FULL;
	struct http_call *call = call_new(client);
	call->done = done;
	call->owner = owner;
	if (!set_options(call, options) ||
	    curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return E_MALFORMED;
	}
	*ret = call;
	return OK;
}

void http_call_cancel(struct http_call **call)
{
	if (*call)
		call_free(*call);
	*call = NULL;
}

/* ---- all of them ---- */

struct http_client *http_client_new(const struct http_client_options *options)
{
	(void)pthread_once(&once, init_library);
	struct http_client *client = memory_new(sizeof *client);
	client->options = *options;
	client->ca_file = memory_text(options->ca_file ? options->ca_file : "");
	client->timer = timer_new(options->loop, on_time, client);
	client->multi = curl_multi_init();
	if (!client->multi)
		abort();
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->at_once);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	return client;
}

void http_client_free(struct http_client **client)
{
	struct http_client *c = *client;
	if (!c)
		return;
	*client = NULL;
	while (c->calls)
		call_free(c->calls);
	(void)curl_multi_cleanup(c->multi);
	while (c->watches) /* of connections that were kept */
		watch_end(c->watches);
	timer_free(&c->timer);
	free(c->ca_file);
	free(c);
}
