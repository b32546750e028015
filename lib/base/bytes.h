/* A borrowed run of bytes: never owned, never NUL-terminated, may hold NULs. Passed by value. */
#ifndef LEVERET_LIB_BASE_BYTES_H
#define LEVERET_LIB_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define BYTES_NONE     ((struct bytes){NULL, 0})
/* For printf("%.*s", BYTES_ARGS(b)); only for bytes known to be short and printable. */
#define BYTES_ARGS(b) (int)(b).len, (const char *)(b).data

struct bytes bytes_of(const char *text); /* NULL gives none */
struct bytes bytes_from(const void *data, size_t len);
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_nocase(struct bytes a, struct bytes b); /* ASCII letters only */
bool bytes_is(struct bytes b, const char *text);	 /* equal to text */
bool bytes_is_nocase(struct bytes b, const char *text);
bool bytes_starts_with_nocase(struct bytes b, const char *prefix);
struct bytes bytes_skip(struct bytes b,
			size_t count); /* all but the first count, none when shorter */
struct bytes bytes_first(struct bytes b, size_t count);
struct bytes bytes_trim(struct bytes b);  /* without space and tab at both ends */
struct bytes bytes_strip(struct bytes b); /* the same, and without CR and LF */
int bytes_hex_digit(uint8_t c);		  /* of either case; -1: none */
/* Index of the first `c`, or -1. */
ptrdiff_t bytes_find(struct bytes b, uint8_t c);
bool bytes_is_utf8(struct bytes b); /* well-formed (RFC 3629): no overlong forms, no surrogates */
bool bytes_is_ascii(struct bytes b);
/* Of UTF-8: C0 and C1 controls and DEL; allow_breaks: CR, LF and tabs are none. */
bool bytes_has_control(struct bytes b, bool allow_breaks);
/* Parse all of b as a decimal number; false when empty, not digits only, or over max. */
bool bytes_to_u64(struct bytes b, uint64_t max, uint64_t *ret);
/* Copy as a C string into out[size]; false (and "" in out) when it does not fit or holds a NUL. */
bool bytes_to_cstr(struct bytes b, char *out, size_t size);

#endif
