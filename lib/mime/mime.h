/* The structure of a mail (RFC 5322, 2045-2047): its parts, their header fields, their decoded contents. Made for mail that strangers
 * send, so it is bounded and goes over the bytes once: a hostile mail costs no more time than a harmless one of its size. What is
 * broken is read as far as it goes; nothing here fails. Pure: all results point into the mail or live in the arena. */
#ifndef LEVERET_LIB_MIME_MIME_H
#define LEVERET_LIB_MIME_MIME_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

#define MIME_DEPTH_MAX	  32	      /* what is deeper is the content of a part */
#define MIME_PARTS_MAX	  1000	      /* what comes after belongs to the last one */
#define MIME_HEADER_MAX	  (64 * 1024) /* bytes of a part's header that are looked at */
#define MIME_BOUNDARY_MAX 200
#define MIME_TYPE_MAX	  63

enum mime_encoding { MIME_PLAIN, MIME_BASE64, MIME_QUOTED };

struct mime_part {
	struct bytes header;	      /* as it stands, at most MIME_HEADER_MAX of it */
	struct bytes body;	      /* not decoded; of a container with all that is in it */
	char type[MIME_TYPE_MAX + 1]; /* "text/plain", lower case */
	enum mime_encoding encoding;
	size_t parent; /* index; the first part is its own */
	unsigned depth;
};

struct mime {
	struct mime_part
		*parts; /* in the order of the mail; the first is the mail itself, never absent */
	size_t count;
	bool is_cut; /* a limit was met */
};

void mime_read(struct arena *arena, struct bytes mail, struct mime *ret);
bool mime_is_multipart(const struct mime_part *part);
/* A mail inside the mail: its one child is that mail. */
bool mime_is_message(const struct mime_part *part);

/* Of a field: printable ASCII. */
bool mime_is_name(struct bytes name);
/* The first field of this name: its value with folds, trimmed; false when absent. */
bool mime_field(struct bytes header, const char *name, struct bytes *ret);
/* Field after field: *header moves on. Lines that are no field are passed over. */
bool mime_field_next(struct bytes *header, struct bytes *ret_name, struct bytes *ret_value);
struct bytes mime_unfold(struct arena *arena, struct bytes value); /* each fold one space */
/* "boundary" of `multipart/mixed; boundary="x"`, without quotes; cut at size - 1. False when absent. */
bool mime_parameter(struct bytes value, const char *name, char *out, size_t size);
/* Unfolded, with encoded words (RFC 2047) of UTF-8, ASCII and Latin-1 decoded; words of other charsets stay as they are. */
struct bytes mime_words(struct arena *arena, struct bytes value);

/* Content-Transfer-Encoding, piece by piece. */
struct mime_decoder { /* private but for init */
	enum mime_encoding encoding;
	uint32_t bits;
	unsigned count;
	bool is_done;
};
void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding);
/* Returns how many bytes it wrote; out has room for in.len + 2. What does not decode is passed over. */
size_t mime_decode(struct mime_decoder *decoder, struct bytes in, uint8_t *out);
/* A part's decoded content, at most max bytes, Latin-1 turned into UTF-8. */
struct bytes mime_text(struct arena *arena, const struct mime_part *part, size_t max);

#endif
