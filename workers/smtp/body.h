/* A message as DATA carries it (RFC 5321 4.5.2): dots doubled, a final CRLF, the final dot; or as BDAT does (RFC 3030), without dots. Pieces point into the content, so a
 * message of 25 MB is never copied; small ones stand for what is put in between. Pure.
 *
 * Nothing but CRLF ends a line on the wire, so that no host behind the next one reads two messages where we sent one: a LF alone
 * becomes CRLF, a CR alone a space. Binary mail, which has no lines, goes as it is. */
#ifndef LEVERET_WORKERS_SMTP_BODY_H
#define LEVERET_WORKERS_SMTP_BODY_H

#include "lib/base/bytes.h"

#define BODY_PIECE_MAX ((size_t)16 << 10)

enum body_form { BODY_DOTTED, BODY_LINES, BODY_BINARY };
struct body { /* private */
	enum body_form form;
	struct bytes rest, after; /* after: what follows when the rest is taken */
	struct bytes piece;
	bool is_line_open; /* bytes went out since the last CRLF */
	bool is_done;	   /* the piece is the last one, or that was taken */
};

/* `head` goes before the content: lines with their CRLF, or none. */
void body_init(struct body *body, enum body_form form, struct bytes head, struct bytes content);
/* The next piece, the same until it is taken; none when all of the body, final dot included, was taken. A copy of a body goes on by itself. */
struct bytes body_piece(struct body *body);
void body_take_piece(struct body *body);

#endif
