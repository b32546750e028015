/* Mending bodies that cannot travel as they are, before anything signs them: lines that are too long, bytes over 127 that the client did
 * not declare (`repair` of a listener) or that a remote host does not take, and what is really binary (BODY=BINARYMIME): NUL, CR and LF that stand alone. The parts that are
 * at fault are written again as quoted-printable (text) or base 64; all else stays, byte by byte, but for `Content-Transfer-Encoding:
 * binary` of what holds binary parts. Signed and encrypted parts, header fields, and a broken structure are never touched. */
#ifndef LEVERET_LIB_MAIL_REPAIR_H
#define LEVERET_LIB_MAIL_REPAIR_H

#include "lib/base/buf.h"

enum { REPAIR_LONG_LINES = 1, REPAIR_EIGHT_BIT = 2, REPAIR_BINARY = 4 };
unsigned repair_kind(const char *word); /* "long_lines", "eight_bit"; 0: neither */

#define REPAIR_LINE_MAX ((size_t)1 << 20) /* a longer line is refused at once */
#define REPAIR_SIZE_MAX ((size_t)8 << 20) /* of a message; larger ones are not mended */

/* Does a text hold what `kinds` says? */
bool repair_is_needed(struct bytes text, unsigned kinds, size_t line_max);

struct repair_meter { /* of content that comes in pieces */
	size_t line_bytes, longest;
};
void repair_measure(struct repair_meter *meter, struct bytes span);

/* Writes the mail with what `kinds` says mended; with REPAIR_BINARY it ends in a line end. Pure. E_MALFORMED: it cannot be, with the reason. */
enum err repair_write(struct bytes mail, unsigned kinds, size_t line_max, struct buf *out,
		      struct why *why) MUST_USE;

#endif
