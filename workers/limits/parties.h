/* Those who share a site's sessions: a tenant or a campaign there, and what each may do. They come and go with their mail; one that
 * nobody holds is kept until it could not matter any more, so that leaving and coming back gains nothing. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_PARTIES_H
#define LEVERET_WORKERS_LIMITS_PARTIES_H

#include "workers/limits/allowance.h"

struct party;
struct parties;
struct parties_options {
	struct loop *loop;
	struct broker *broker;	      /* for limits that are shared; NULL: none is */
	void (*changed)(void *owner); /* some party may do more, or less */
	void *owner;
};
struct parties *parties_new(const struct parties_options *options);
void parties_free(struct parties **parties); /* after all are given back */

/* The party of this name, new or old; given back by party_give(). NULL: nothing limits it. Of the limits, `connections` are
 * transactions under way, which is sessions in use, and `connect_rate` is of sessions that are opened for its mail. */
struct party *party_take(struct parties *parties, const char *name, bool is_shared,
			 const struct limits *limits);

/* All of these do nothing for NULL. */
void party_give(struct party **party);
void party_wait(struct party *party,
		int change); /* so many more of its transactions wait, or fewer */
/* 0: one may go now. TEMPO_UNKNOWN: `changed` tells. */
int64_t party_wait_ms(struct party *party);
/* One goes: a hold of its own on the party, given back by party_end(). */
struct party *party_begin(struct party *party);
void party_end(struct party **party);

bool party_limits_connects(const struct party *party);
/* 0: one more session may be opened for its mail now. TEMPO_UNKNOWN, also when as many are being opened as it has use for: `changed` tells. */
int64_t party_connect_wait_ms(struct party *party);
/* One is: a hold of its own on the party, given back by party_opened() when the session is ready, or is none. */
struct party *party_open(struct party *party);
void party_opened(struct party **party);
/* Its mail goes on a session that has carried fewer transactions. */
int64_t party_messages_max(const struct party *party);

#endif
