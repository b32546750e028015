/* JSON values as leniently as MailerQ's publishers write them. Pure. */
#ifndef LEVERET_INGEST_MAILERQ_VALUE_H
#define LEVERET_INGEST_MAILERQ_VALUE_H

#include <jansson.h>

#include "lib/base/bytes.h"

struct bytes value_text(const json_t *json); /* of a string, borrowed; else none */
bool value_is_true(const json_t *json);	     /* true, a number but 0, "1", "true", "yes" */
bool value_is_empty(const json_t *json);     /* NULL, null, false, "", "null", {} or [] */
/* A whole number, or its digits as text. */
bool value_number(const json_t *json, int64_t *ret);
/* "2026-11-21 09:20:00", in UTC; or with a T, a fraction and an offset, as serialisers write it. */
bool value_time(const json_t *json, int64_t *ret_wall_ms);
/* "2026-11-21 09:20:00" */
#define VALUE_TIME_SIZE 20
void value_time_text(int64_t wall_ms, char out[VALUE_TIME_SIZE]);

/* The items of a list, or the single value that stands where one may. */
size_t value_count(const json_t *json);
json_t *value_item(json_t *json, size_t index);

#endif
