/* Rows of a store's database as answers to a question (broker/questions.h): as many answers as it takes, numbered, the last one marked. Pure. */
#ifndef LEVERET_BROKER_ROWS_ANSWER_H
#define LEVERET_BROKER_ROWS_ANSWER_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define ROWS_ANSWER_MAX ((size_t)48 << 10)

/* An answer is begun with its number, from 0, filled, and closed. */
void rows_answer_begin(struct buf *out, uint32_t number);
/* E_FULL: there is no room for it in this one; E_TOO_BIG: in none. */
enum err rows_answer_add(struct buf *out, struct bytes key, struct bytes value) MUST_USE;
void rows_answer_close(struct buf *out, bool is_last);

/* E_MALFORMED: it is none. The rows follow by rows_answer_next(). */
enum err rows_answer_read(struct bytes answer, uint32_t *ret_number, bool *ret_is_last,
			  struct bytes *ret_rows) MUST_USE;
bool rows_answer_next(struct bytes *rows, struct bytes *ret_key, struct bytes *ret_value);

#endif
