/* What may be done with one site, or from one source with one site: sessions at a time, sessions opened in a time, transactions in a
 * time. Where several workers can reach the same limit they share it. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_ALLOWANCE_H
#define LEVERET_WORKERS_LIMITS_ALLOWANCE_H

#include "workers/limits/tempo.h"

struct limits {
	int64_t connections;	/* open at a time; 0: no limit */
	conf_rate connect_rate; /* 0: no limit */
	conf_rate rate;		/* of transactions; 0: no limit */
	int64_t messages_per_connection; /* transactions on one session, for who opens it to heed; 0: no limit */
};

struct allowance;
struct allowance_options {
	struct loop *loop;
	struct broker *broker; /* NULL: nobody else can reach these limits */
	const char *name;      /* "site.gmail", "source.out1.gmail" */
	struct limits limits;
	void (*changed)(void *owner); /* more or less may be done */
	void *owner;
};
struct allowance *allowance_new(const struct allowance_options *options);
void allowance_free(struct allowance **allowance);
/* With others by this broker, NULL with nobody, from now on: nothing is held of it at first. */
void allowance_share(struct allowance *allowance, struct broker *broker);
void allowance_set(struct allowance *allowance, const struct limits *limits); /* from now on */
const struct limits *allowance_limits(const struct allowance *allowance);

/* How many sessions are open, kept for reuse too, and how many more would be of use. Told whenever it changes. */
void allowance_want(struct allowance *allowance, size_t open_count, size_t more);
bool allowance_has_room(const struct allowance *allowance, size_t open_count);
size_t allowance_held(const struct allowance *allowance); /* sessions that are ours to have */

/* As tempo_wait_ms() and tempo_note() for a session to be opened, and for a transaction to be sent. */
int64_t allowance_connect_wait_ms(struct allowance *allowance);
void allowance_note_connect(struct allowance *allowance);
int64_t allowance_send_wait_ms(struct allowance *allowance);
void allowance_note_send(struct allowance *allowance);
int64_t
allowance_rest_ms(const struct allowance *allowance); /* the longer of both tempo_rest_ms() */

#endif
