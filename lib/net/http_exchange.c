/* One request: libmicrohttpd calls step() with the head, with each piece of the body, and when all is there.
 *
 *   head --refused or answered--> answer
 *        --> body... --> complete --answered--> answer
 *                                 --later----> suspended --http_exchange_answer()--> resumed --> answer
 *
 * libmicrohttpd takes an answer only at the head and at the end, so one given in between waits while the rest of the body is passed
 * over; whoever sends much more is hung up on. */
#include <assert.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/memory.h"
#include "lib/net/http_service_inner.h"

#define PASS_OVER_MAX ((uint64_t)1 << 20) /* bytes of body behind an answer */

/* ---- the head ---- */

struct framing {
	unsigned lengths, encodings;
	bool is_odd;
};

/* A token of RFC 9110 5.6.2. */
static bool is_token(struct bytes name)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < name.len; i++) {
		char c = (char)name.data[i];
		if (c == '\0' || (!ascii_is_letter_or_digit(c) && !strchr(others, c)))
			return false;
	}
	return name.len > 0;
}

static bool has_control(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
			return true;
	return false;
}

/* libmicrohttpd 0.9.75 hangs a folded line on the name: "Content-Length: 1" with " 2" below it becomes "Content-Length2". */
static bool is_mangled(struct bytes name)
{
	return (bytes_starts_with_nocase(name, MHD_HTTP_HEADER_CONTENT_LENGTH) &&
		!bytes_is_nocase(name, MHD_HTTP_HEADER_CONTENT_LENGTH)) ||
	       (bytes_starts_with_nocase(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
		!bytes_is_nocase(name, MHD_HTTP_HEADER_TRANSFER_ENCODING));
}

static enum MHD_Result look_at_header(void *owner, enum MHD_ValueKind kind, const char *name,
				      size_t name_len, const char *value, size_t value_len)
{
	struct framing *framing = owner;
	(void)kind;
	struct bytes name_bytes = bytes_from(name, name_len);
	struct bytes value_bytes = bytes_from(value, value ? value_len : 0);
	if (!is_token(name_bytes) || has_control(value_bytes) || is_mangled(name_bytes))
		framing->is_odd = true;
	if (bytes_is_nocase(name_bytes, MHD_HTTP_HEADER_CONTENT_LENGTH))
		framing->lengths++;
	if (bytes_is_nocase(name_bytes, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
		framing->encodings++;
		if (!bytes_is_nocase(value_bytes, "chunked"))
			framing->is_odd = true;
	}
	return MHD_YES;
}

/* Is there one way only to read where this request ends (RFC 9112 6.3)? */
static bool is_framed_clearly(struct MHD_Connection *mhd, const char *version)
{
	struct framing framing = {0};
	(void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, look_at_header, &framing);
	if (framing.encodings > 0 && strcmp(version, MHD_HTTP_VERSION_1_1) != 0)
		return false;
	return !framing.is_odd && framing.lengths + framing.encodings <= 1;
}

static struct net_address remote_of(struct MHD_Connection *mhd)
{
	struct net_address remote = {0};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info->client_addr;
	remote.len = sa->sa_family == AF_INET6 ? sizeof remote.sa.v6 : sizeof remote.sa.v4;
	memcpy(&remote.sa, sa, remote.len);
	return remote;
}

static struct http_exchange *exchange_new(struct http_service *service, struct MHD_Connection *mhd,
					  const char *path, const char *method)
{
	struct http_exchange *exchange = memory_new(sizeof *exchange);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	exchange->service = service;
	exchange->mhd = mhd;
	exchange->path = path;
	exchange->method = method;
	exchange->remote = remote_of(mhd);
	exchange->begun_at_ms = loop_now_ms(service->loop);
	exchange->connection = info->socket_context;
	exchange->connection->exchange = exchange;
	const char *length = http_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
	exchange->has_body =
		http_exchange_header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
	if (length && bytes_to_u64(bytes_of(length), INT64_MAX, &exchange->length) &&
	    exchange->length > 0)
		exchange->has_body = true;
	return exchange;
}

/* ---- the answer ---- */

static struct MHD_Response *make_response(const struct http_exchange *exchange,
					  const struct http_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->body.len, (void *)(uintptr_t)reply->body.data, MHD_RESPMEM_MUST_COPY);
	assert(response);
	if (reply->content_type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					      reply->content_type);
	for (size_t i = 0; i < reply->field_count; i++)
		(void)MHD_add_response_header(response, reply->fields[i].name,
					      reply->fields[i].value);
	if (exchange->service->is_stopping || (exchange->has_body && !exchange->is_complete))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return response;
}

void http_exchange_answer(struct http_exchange *exchange, const struct http_reply *reply)
{
	assert(!exchange->is_answered);
	exchange->is_answered = true;
	exchange->answered_at_ms = loop_now_ms(exchange->service->loop);
	exchange->status = reply->status;
	exchange->response = make_response(exchange, reply);
	if (!exchange->is_suspended)
		return;
	exchange->is_suspended = false;
	MHD_resume_connection(exchange->mhd);
	loop_defer(exchange->service->loop, &exchange->service->resume);
}

static enum MHD_Result send_answer(struct http_exchange *exchange)
{
	return MHD_queue_response(exchange->mhd, exchange->status, exchange->response);
}

static enum MHD_Result refuse_framing(struct http_exchange *exchange)
{
	struct http_field close = {MHD_HTTP_HEADER_CONNECTION, "close"};
	struct http_reply reply = {
		.status = MHD_HTTP_BAD_REQUEST,
		.content_type = "application/problem+json",
		.body = BYTES(
			"{\"title\":\"Bad Request\",\"status\":400,\"detail\":\"the end of this "
			"request can be read in two ways\"}\n"),
		.fields = &close,
		.field_count = 1,
	};
	exchange->is_complete = true; /* `close` is said already */
	http_exchange_answer(exchange, &reply);
	return send_answer(exchange);
}

/* ---- the steps ---- */

static enum MHD_Result begin(struct http_exchange *exchange, const char *version)
{
	struct http_service *service = exchange->service;
	if (!is_framed_clearly(exchange->mhd, version))
		return refuse_framing(exchange);
	exchange->owner = service->handler->begun(service->owner, exchange);
	exchange->has_owner = true;
	return exchange->is_answered ? send_answer(exchange) : MHD_YES;
}

static enum MHD_Result take_body(struct http_exchange *exchange, struct bytes span)
{
	if (!exchange->is_answered) {
		exchange->service->handler->body(exchange->owner, span);
		return MHD_YES;
	}
	exchange->refused_bytes += span.len;
	return exchange->refused_bytes <= PASS_OVER_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result end_request(struct http_exchange *exchange)
{
	if (!exchange->is_answered && !exchange->is_complete) {
		exchange->is_complete = true;
		exchange->service->handler->complete(exchange->owner);
	}
	if (exchange->is_answered)
		return send_answer(exchange);
	if (exchange->service->is_freeing)
		return MHD_NO; /* libmicrohttpd must not stop while one is suspended */
	exchange->is_suspended = true;
	MHD_suspend_connection(exchange->mhd);
	return MHD_YES;
}

enum MHD_Result http_exchange_step(void *owner, struct MHD_Connection *mhd, const char *path,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_size, void **state)
{
	struct http_exchange *exchange = *state;
	const struct http_service *service = owner;
	if (service->is_freeing && (!exchange || !exchange->is_answered))
		return MHD_NO;
	if (!exchange) {
		*state = exchange = exchange_new(owner, mhd, path, method);
		return begin(exchange, version);
	}
	if (*upload_size > 0) {
		struct bytes span = bytes_from(upload, *upload_size);
		*upload_size = 0;
		return take_body(exchange, span);
	}
	return end_request(exchange);
}

void http_exchange_end(void *owner, struct MHD_Connection *mhd, void **state,
		       enum MHD_RequestTerminationCode code)
{
	struct http_service *service = owner;
	struct http_exchange *exchange = *state;
	(void)mhd;
	(void)code;
	if (!exchange)
		return;
	*state = NULL;
	exchange->connection->exchange = NULL;
	exchange->connection->since_ms = loop_now_ms(service->loop);
	if (exchange->has_owner)
		service->handler->ended(exchange->owner);
	if (exchange->response)
		MHD_destroy_response(exchange->response);
	free(exchange);
}

/* ---- what it says ---- */

const char *http_exchange_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange)
{
	return exchange->path;
}

const struct net_address *http_exchange_remote(const struct http_exchange *exchange)
{
	return &exchange->remote;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

struct query_walk {
	void (*each)(void *owner, const char *name, struct bytes value);
	void *owner;
};

static enum MHD_Result tell_query(void *owner, enum MHD_ValueKind kind, const char *name,
				  size_t name_len, const char *value, size_t value_len)
{
	const struct query_walk *walk = owner;
	(void)kind;
	(void)name_len;
	walk->each(walk->owner, name, bytes_from(value, value ? value_len : 0));
	return MHD_YES;
}

void http_exchange_each_query(const struct http_exchange *exchange,
			      void (*each)(void *owner, const char *name, struct bytes value),
			      void *owner)
{
	struct query_walk walk = {each, owner};
	(void)MHD_get_connection_values_n(exchange->mhd, MHD_GET_ARGUMENT_KIND, tell_query, &walk);
}

bool http_exchange_has_body(const struct http_exchange *exchange)
{
	return exchange->has_body;
}

uint64_t http_exchange_length(const struct http_exchange *exchange)
{
	return exchange->length;
}
