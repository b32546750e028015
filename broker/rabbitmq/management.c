/* See management.h. The answer is bounded; redirects are not followed, because the request carries
 * a password. */
#include "broker/rabbitmq/management.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/memory.h"

#define ANSWER_MAX (16u << 20)
#define TIMEOUT_S  5L
#define URL_MAX	   4096

static int64_t integer(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

enum err management_parse(struct bytes json, struct managed_queue **ret, size_t *ret_count)
{
	json_t *list = json_loadb((const char *)json.data, json.len, 0, NULL);
	if (!json_is_array(list)) {
		json_decref(list);
		return E_MALFORMED;
	}
	size_t count = 0, i;
	json_t *item;
	struct managed_queue *queues = memory_array(json_array_size(list), sizeof *queues);
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		if (!name)
			continue;
		int64_t head_s = integer(item, "head_message_timestamp");
		queues[count++] = (struct managed_queue){
			.name = memory_text(name),
			.ready = integer(item, "messages_ready"),
			.unacked = integer(item, "messages_unacknowledged"),
			.head_wall_ms =
				head_s >= 0 && head_s < INT64_MAX / 1000 ? head_s * 1000 : -1,
		};
	}
	json_decref(list);
	*ret = queues;
	*ret_count = count;
	return OK;
}

int64_t management_parse_head(struct bytes json)
{
	json_t *list = json_loadb((const char *)json.data, json.len, 0, NULL);
	const json_t *properties = json_object_get(json_array_get(list, 0), "properties");
	int64_t published_s = integer(properties, "timestamp");
	json_decref(list);
	return published_s >= 0 && published_s < INT64_MAX / 1000 ? published_s * 1000 : -1;
}

void managed_free(struct managed_queue *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(queues[i].name);
	free(queues);
}

static size_t on_answer(char *data, size_t size, size_t count, void *owner)
{
	return buf_append(owner, bytes_from(data, size * count)) ? 0 : size * count;
}

/* One host's API: GET, or POST where there is a body. */
struct api {
	CURL *curl;
	const char *url, *user, *password;
	char vhost[URL_MAX / 4]; /* escaped */
};

static enum err fetch(const struct api *api, const char *path, const char *body, struct buf *answer)
{
	char whole[URL_MAX];
	size_t base_len = strlen(api->url);
	while (base_len > 0 && api->url[base_len - 1] == '/')
		base_len--;
	int len = snprintf(whole, sizeof whole, "%.*s/api/queues/%s%s", (int)base_len, api->url,
			   api->vhost, path);
	if (len < 0 || (size_t)len >= sizeof whole)
		return E_TOO_BIG;
	curl_easy_reset(api->curl);
	curl_easy_setopt(api->curl, CURLOPT_URL, whole);
	if (!strchr(api->url, '@')) {
		curl_easy_setopt(api->curl, CURLOPT_USERNAME, api->user);
		curl_easy_setopt(api->curl, CURLOPT_PASSWORD, api->password);
	}
	if (body)
		curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(api->curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(api->curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(api->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, answer);
	return curl_easy_perform(api->curl) == CURLE_OK ? OK : E_IO;
}

static int64_t ask_head(const struct api *api, const char *queue)
{
	static const char body[] = "{\"count\":1,\"ackmode\":\"ack_requeue_true\",\"encoding\":"
				   "\"auto\",\"truncate\":1}";
	char path[URL_MAX / 2];
	char *escaped = curl_easy_escape(api->curl, queue, 0);
	struct buf answer;
	int64_t published_wall_ms = -1;
	buf_init(&answer, ANSWER_MAX);
	(void)snprintf(path, sizeof path, "/%s/get", escaped ? escaped : "");
	if (fetch(api, path, body, &answer) == OK)
		published_wall_ms = management_parse_head(buf_bytes(&answer));
	buf_done(&answer);
	curl_free(escaped);
	return published_wall_ms;
}

static enum err ask_queues(const struct api *api, bool looks_at_heads, struct managed_queue **ret,
			   size_t *ret_count)
{
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	enum err err = fetch(
		api, "?columns=name,messages_ready,messages_unacknowledged,head_message_timestamp",
		NULL, &answer);
	if (!err)
		err = management_parse(buf_bytes(&answer), ret, ret_count);
	buf_done(&answer);
	for (size_t i = 0; !err && looks_at_heads && i < *ret_count; i++)
		if ((*ret)[i].ready > 0 && (*ret)[i].head_wall_ms < 0)
			(*ret)[i].head_wall_ms = ask_head(api, (*ret)[i].name);
	return err;
}

enum err management_queues(const char *url, const char *user, const char *password,
			   const char *vhost, bool looks_at_heads, struct managed_queue **ret,
			   size_t *ret_count)
{
	struct api api = {.curl = curl_easy_init(), .url = url, .user = user, .password = password};
	if (!api.curl)
		return E_IO;
	char *escaped = curl_easy_escape(api.curl, vhost, 0);
	(void)snprintf(api.vhost, sizeof api.vhost, "%s", escaped ? escaped : "");
	curl_free(escaped);
	enum err err = ask_queues(&api, looks_at_heads, ret, ret_count);
	curl_easy_cleanup(api.curl);
	return err;
}
