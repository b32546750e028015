/* Lists of tags (RFC 6376 3.2) as signatures have them: "v=1; a=rsa-sha256; ...". Pure, borrowed, bounded. */
#ifndef LEVERET_LIB_DKIM_TAG_LIST_H
#define LEVERET_LIB_DKIM_TAG_LIST_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

#define TAG_LIST_MAX 40

struct tag {
	struct bytes name, value; /* without blanks around them */
};
struct tag_list {
	struct tag tags[TAG_LIST_MAX];
	size_t count;
};
/* False: a part is no tag, a name comes twice, or there are too many. */
bool tag_list_read(struct bytes text, struct tag_list *ret);
/* False: there is none. */
bool tag_list_find(const struct tag_list *list, const char *name, struct bytes *ret);
/* A field as it was hashed: without what b= says (RFC 6376 3.5). */
struct bytes tag_list_without_signature(struct arena *arena, struct bytes field);
/* Base 64 with blanks and folds in it; *ret_text: without them. False: it is none. */
bool tag_base64(struct arena *arena, struct bytes value, struct bytes *ret, struct bytes *ret_text);

#endif
