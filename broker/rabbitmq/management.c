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

static enum err fetch(CURL *curl, const char *url, const char *user, const char *password,
		      struct buf *answer)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	if (!strchr(url, '@')) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
	}
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	return curl_easy_perform(curl) == CURLE_OK ? OK : E_IO;
}

enum err management_queues(const char *url, const char *user, const char *password,
			   const char *vhost, struct managed_queue **ret, size_t *ret_count)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return E_IO;
	char whole[URL_MAX];
	char *escaped = curl_easy_escape(curl, vhost, 0);
	size_t base_len = strlen(url);
	while (base_len > 0 && url[base_len - 1] == '/')
		base_len--;
	(void)snprintf(
		whole, sizeof whole,
		"%.*s/api/queues/%s?columns=name,messages_unacknowledged,head_message_timestamp",
		(int)base_len, url, escaped ? escaped : "");
	curl_free(escaped);
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	enum err err = fetch(curl, whole, user, password, &answer);
	if (!err)
		err = management_parse(buf_bytes(&answer), ret, ret_count);
	buf_done(&answer);
	curl_easy_cleanup(curl);
	return err;
}
