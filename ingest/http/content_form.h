/* Reading `content` of a transmission, and what its recipients and options are read by too. Private to ingest/http/. */
#ifndef LEVERET_INGEST_HTTP_CONTENT_FORM_H
#define LEVERET_INGEST_HTTP_CONTENT_FORM_H

#include "ingest/http/form.h"

/* Into struct transmission. */
enum err content_read(const struct form *form, json_t *json, void *to,
		      const struct form_place *place);
/* An object as compact JSON text, into struct bytes. */
enum err content_variables(const struct form *form, json_t *json, void *to,
			   const struct form_place *place);

/* What is known and not done: never, unless false, and what makes no difference. */
enum err content_refuse(const struct form *form, json_t *json, void *to,
			const struct form_place *place);
enum err content_refuse_true(const struct form *form, json_t *json, void *to,
			     const struct form_place *place);
enum err content_pass_over(const struct form *form, json_t *json, void *to,
			   const struct form_place *place);

/* "Ada <ada@x.example>", or the address alone. */
void content_split_mailbox(struct bytes text, struct bytes *ret_name, struct bytes *ret_address);
/* May the address stand in a header field? Its domain becomes what DNS has. */
enum err content_check_shown(const struct form *form, struct bytes *address,
			     const struct form_place *place);

#endif
