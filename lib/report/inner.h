/* What the files of report.h's reader share. */
#ifndef LEVERET_LIB_REPORT_INNER_H
#define LEVERET_LIB_REPORT_INNER_H

#include "lib/mime/mime.h"
#include "lib/report/report.h"

#define RECIPIENT_SLOTS 2048 /* twice the most recipients */

struct reading { /* one mail */
	struct arena *arena;
	struct mime mime;
	struct report *report;
	size_t capacity;
	uint16_t by_address[RECIPIENT_SLOTS]; /* index + 1, at its hash or behind; 0: free */
	struct bytes subject, from, to; /* of the mail: decoded; addresses alone; may be empty */
	bool is_from_daemon;
	struct bytes notice;   /* the text for people, up to where the original starts */
	struct bytes original; /* the original's header, as far as it came back; may be empty */
};

/* ---- text.c: looking through text ---- */
bool text_has(struct bytes text, const char *lower_case_phrase);  /* anywhere, in any case */
bool text_has_any(struct bytes text, const char *const *phrases); /* NULL ends them */
struct bytes text_line(struct bytes *rest); /* without its end; *rest moves on */
struct bytes text_one_line(struct arena *arena, struct bytes text,
			   size_t max); /* one space for all white space */
/* The first a@b at or after *at; *at moves behind it. Leniently: reports are not written by parsers. */
bool text_address(struct bytes text, size_t *at, struct bytes *ret);
struct bytes text_trim(struct bytes text); /* white space of all kinds */
static inline bool text_is_space(uint8_t c)
{
	return c <= ' ';
}

/* ---- recipients ---- */
/* A new one; the address may be empty. NULL when there are too many. */
struct report_recipient *reading_add(struct reading *reading, struct bytes address);
struct report_recipient *reading_find(struct reading *reading, struct bytes address);

/* ---- readers: each looks for its own and adds recipients ---- */
void status_read(struct reading *reading,
		 struct bytes text); /* fields of RFC 3464, anywhere in a text */
bool status_is_there(struct bytes text);
void feedback_read(struct reading *reading, struct bytes text);	    /* fields of RFC 5965 */
bool notification_read(struct reading *reading, struct bytes text); /* Amazon's JSON */
void notice_cut(struct reading *reading,
		struct bytes text);	   /* fills notice, and original from what follows */
void notice_read(struct reading *reading); /* recipients from prose */
/* Fills in what prose knows of the recipients that are there. */
void notice_explain(struct reading *reading);
bool notice_is_bounce(const struct reading *reading);
bool notice_is_delay(const struct reading *reading);
enum report_kind
answer_kind(const struct reading *reading); /* auto-reply, challenge, unsubscribe or unknown */
void original_read(struct reading *reading);

#endif
