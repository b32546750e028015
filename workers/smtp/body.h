/* A message as DATA carries it (RFC 5321 4.5.2): dots doubled, a final CRLF, the final dot. Pieces point into the content, so a
 * message of 25 MB is never copied; small ones stand for what is put in between. Pure.
 *
 * Nothing but CRLF ends a line on the wire, so that no host behind the next one reads two messages where we sent one: a LF alone
 * becomes CRLF, a CR alone a space. */
#ifndef LEVERET_WORKERS_SMTP_BODY_H
#define LEVERET_WORKERS_SMTP_BODY_H

#include "lib/base/bytes.h"

#define BODY_PIECE_MAX ((size_t)16 << 10)

struct body {			  /* private */
	struct bytes rest, after; /* after: what follows when the rest is taken */
	struct bytes piece;
	bool is_line_open; /* bytes went out since the last CRLF */
	bool is_done;	   /* the piece is the one with the final dot, or that was taken */
};

/* `head` goes before the content: lines with their CRLF, or none. */
void body_init(struct body *body, struct bytes head, struct bytes content);
/* The next piece, the same until it is taken; none when all of the body, final dot included, was taken. */
struct bytes body_piece(struct body *body);
void body_take_piece(struct body *body);

#endif
