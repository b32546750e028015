#include "ingest/http/login_form.h"

#include <stddef.h>
#include <string.h>

#include "ingest/http/form.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static json_t *text_of(struct bytes b)
{
	return json_stringn((const char *)b.data, b.len);
}

/* The dump holds a password, and is wiped. */
static enum err write_dump(json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!text)
		return E_MALFORMED;
	enum err err = buf_append_text(out, text);
	explicit_bzero(text, strlen(text));
	free(text);
	return err;
}

enum err login_question_write(const struct login_question *question, struct buf *out)
{
	json_t *object = json_object();
	if (!bytes_is_utf8(question->name) || !bytes_is_utf8(question->password)) {
		json_decref(object);
		return E_MALFORMED;
	}
	json_object_set_new(object, "user", text_of(question->name));
	json_object_set_new(object, "password", text_of(question->password));
	json_object_set_new(object, "address", json_string(question->address));
	json_object_set_new(object, "listener", json_string(question->listener));
	enum err err = write_dump(object, out);
	json_decref(object);
	return err;
}

static enum err read_status(const struct form *form, json_t *json, void *to,
			    const struct form_place *place)
{
	if (!json_is_integer(json))
		return form_fail(form, place, E_MALFORMED, "must be 200, 401 or 403");
	*(int64_t *)to = json_integer_value(json);
	return OK;
}

static enum err read_domains(const struct form *form, json_t *json, void *to,
			     const struct form_place *place)
{
	struct login_answer *answer = to;
	void *items = NULL;
	if (json_is_null(json))
		return OK;
	enum err err = form_list(form, json, LOGIN_DOMAINS_MAX, sizeof(struct bytes), form_line,
				 &items, &answer->domain_count, place);
	answer->domains = items;
	return err;
}

enum err login_answer_read(struct arena *arena, struct bytes in, struct login_answer *ret,
			   struct why *why)
{
	static const struct form_row rows[] = {
		{"status", read_status, offsetof(struct login_answer, status)},
		{"tenant", form_line, offsetof(struct login_answer, tenant)},
		{"pool", form_line, offsetof(struct login_answer, pool)},
		{"domains", read_domains, 0},
	};
	struct form form = {arena, why};
	struct login_answer answer = {0};
	json_t *root = NULL;
	enum err err = OK;
	if (bytes_trim(in).len > 0) {
		err = form_parse(in, &root, why);
		if (err == OK)
			err = form_object(&form, root, rows, COUNT(rows), &answer, NULL);
		json_decref(root);
	}
	if (err == OK)
		*ret = answer;
	return err == E_TOO_BIG ? E_MALFORMED : err;
}
