/* Cutting a mail's recipients into what is published: runs of one fate, pool and site. Pure. */
#ifndef LEVERET_INGEST_GROUPING_H
#define LEVERET_INGEST_GROUPING_H

#include "ingest/mail.h"

/* Recipients of one delivery request or result batch. Sharing a request is what makes mail cheap
 * for the broker, but nearly all of the gain is had at 20. More would make one worker do alone, in
 * one lease, what several could share, and would let more recipients come again when it dies. 100
 * is what every host takes in one transaction (RFC 5321 4.5.3.1.8). */
#define GROUP_RECIPIENTS_MAX 100

/* What recipients of a request bring with them, variables above all: far below what a request may hold beside its content. */
#define GROUP_BYTES_MAX ((size_t)1 << 20)

struct group { /* points into the mail's destinations; never empty */
	const struct destination *destinations;
	size_t count;
};

/* Sorts the mail's destinations, drops those that are there twice (the same bytes: they would share
 * one result), and cuts groups, in its arena. Returns their number; in order of fate, pool and
 * site, so that publications of one queue follow each other. */
size_t grouping_cut(struct mail *mail, const struct group **ret);

#endif
