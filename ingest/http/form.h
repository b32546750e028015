/* A JSON body read by tables: one row per name, and a failure names the place it was found at ("content.headers.X-Kind: ..."). Strict:
 * unknown names, names that stand twice, NUL, lone surrogates, bad UTF-8 and anything behind the end are refused; depth, values and
 * bytes have a maximum, checked before anything is built, so that reading takes linear time. E_MALFORMED: not what was asked for;
 * E_TOO_BIG; E_REFUSED: understood, but cannot be done. */
#ifndef LEVERET_INGEST_HTTP_FORM_H
#define LEVERET_INGEST_HTTP_FORM_H

#include <jansson.h>

#include "schemas/schemas.h"

struct form { /* what readers need; results live in the arena */
	struct arena *arena;
	struct why *why;
};
struct form_place {			 /* where in the document a value stands */
	const struct form_place *parent; /* NULL at the top */
	const char *name;
	ptrdiff_t index; /* in a list; -1: not in one */
};
struct form_row {
	const char *name;
	enum err (*read)(const struct form *form, json_t *json, void *to,
			 const struct form_place *place);
	size_t at; /* offset of `to` in the struct */
};

/* The document, an object: json_decref() it. */
enum err form_parse(struct bytes in, json_t **ret, struct why *why) MUST_USE;
enum err form_object(const struct form *form, json_t *json, const struct form_row *rows,
		     size_t row_count, void *to, const struct form_place *place) MUST_USE;
/* At a member that is not there. */
enum err form_missing(const struct form *form, const struct form_place *parent, const char *name);
enum err form_fail(const struct form *form, const struct form_place *place, enum err err,
		   const char *problem);

/* Readers for rows. null is the same as absent. */
enum err form_text(const struct form *form, json_t *json, void *to_bytes,
		   const struct form_place *place);
/* Text that is one line: no control characters. */
enum err form_line(const struct form *form, json_t *json, void *to_bytes,
		   const struct form_place *place);
/* Text of several lines: no control characters but line breaks and tabs. */
enum err form_lines(const struct form *form, json_t *json, void *to_bytes,
		    const struct form_place *place);
enum err form_check_name(const struct form *form, struct bytes name,
			 const struct form_place *place); /* what form_name asks of it */
enum err form_name(const struct form *form, json_t *json, void *to_bytes,
		   const struct form_place *place); /* a line of at most SCHEMA_NAME_MAX */
enum err form_flag(const struct form *form, json_t *json, void *to_bool,
		   const struct form_place *place);
/* RFC 3339, or milliseconds since 1970. */
enum err form_instant(const struct form *form, json_t *json, void *to_int64,
		      const struct form_place *place);
/* -9 to 9, into 1 to 19. */
enum err form_priority(const struct form *form, json_t *json, void *to_uint32,
		       const struct form_place *place);
enum err form_base64(const struct form *form, json_t *json, void *to_bytes,
		     const struct form_place *place);
/* Into struct labels: a list of names, or one; an object of texts, numbers and booleans. */
enum err form_tags(const struct form *form, json_t *json, void *to_labels,
		   const struct form_place *place);
/* An object of at most `max` members, each a pair: its name is in the arena, `read` checks it and reads the value into `to`. *ret_pairs are
 * in the arena. */
enum err form_pairs(const struct form *form, json_t *json, size_t max,
		    enum err (*read)(const struct form *, json_t *, struct pair *to,
				     const struct form_place *),
		    struct pair **ret_pairs, size_t *ret_count,
		    const struct form_place *parent) MUST_USE;
enum err form_metadata(const struct form *form, json_t *json, void *to_labels,
		       const struct form_place *place);
/* A list of at most `max`, or a single value where `one_is_list`; each item by `row`. */
enum err form_list(const struct form *form, json_t *json, size_t max, size_t item_size,
		   enum err (*read)(const struct form *, json_t *, void *,
				    const struct form_place *),
		   void **ret_items, size_t *ret_count, const struct form_place *place) MUST_USE;

struct bytes form_bytes(const json_t *text); /* of a string; borrowed */

#endif
