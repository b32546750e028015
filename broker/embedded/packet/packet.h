/* What goes between a client of the embedded engine (a struct broker on a role's loop) and the core that keeps the queues (on a
 * loop of its own, in this process or another). Both directions use one shape; the table says which field means what.
 *
 *   client -> core    tag                      text         more      value[0..3]                          record
 *   HELLO             -                        role         -         PACKET_VERSION                       -
 *   PUBLISH           publication              -            -         not before (wall ms), 0: at once     the message
 *   CONSUME           consumer                 queue        -         prefetch, prefetch_bytes             -
 *   PAUSE             consumer                 -            -         1 paused, 0 goes on                  -
 *   CANCEL            consumer                 -            -         -                                    -
 *   SETTLE            lease                    reason       -         enum settlement, delay_ms            -
 *   SUBSCRIBE         request                  queue        pattern   -                                    -
 *   UNSUBSCRIBE       request                  queue        -         1: with its messages                 -
 *   FOLLOW            follower                 table        -         position, how many entries of the past (0: all)   -
 *   UNFOLLOW          follower                 -            -         -                                    -
 *   APPEND            request                  table        -         version, length of the key, 1: forget it   key, then value
 *   INSPECT           request                  -            -         -                                    -
 *   PERMIT            permit                   name         -         limit, round, 1: keeps its place     -
 *   UNPERMIT          permit                   -            -         -                                    -
 *   LISTEN            -                        -            -         -                                    -
 *   ASK               asking                   -            -         -                                    the question
 *   UNASK             asking                   -            -         -                                    -
 *   ANSWER            -                        -            -         question                             the answer
 *   TAKEN             -                        -            -         bytes of a QUESTION or ANSWERED      -
 *   PONG              -                        -            -         - (over the socket only: at once, to a PING)    -
 *
 *   core -> client
 *   STATE             -                        -            -         enum broker_state                    -
 *   DONE              publication or request   -            -         enum err                             -
 *   LEASE             consumer                 -            -         lease, 1 if redelivered, due (wall ms, 0: not waiting)   the message
 *   ENTRY             follower                 -            -         position, version, length of key     key, then value
 *   CAUGHT_UP         follower                 -            -         -                                    -
 *   QUESTION          -                        -            -         question                             the question
 *   ANSWERED          asking                   -            -         -                                    the answer
 *   GRANTED           permit                   -            -         place, round                         -
 *   PING              -                        -            -         - (over the socket only)             -
 *   QUEUE             request (of INSPECT)     name         -         ready, unacked, consumers, age (ms)  -
 *
 * Tags are the client's own numbers, never 0; publications and requests share one count, so DONE has one meaning. A removed key
 * (APPEND, ENTRY) has no value behind its key; one that is forgotten is
 * dropped without a word, where it has that version or an older one. A FOLLOW
 * of a tag that follows already allows so many more. A lease is settled once; its number is the core's. After CANCEL a LEASE may still
 * come: the client gives it back (SETTLE, release). Packets arrive in the order they were sent.
 *
 * PERMIT is sent again with the next round for another limit, or to give a place back and ask anew (value[2] 0). A GRANTED of an
 * earlier round is void: the core had not heard of the later one. One who keeps a place below the limit is granted it again. */
#ifndef LEVERET_BROKER_EMBEDDED_PACKET_PACKET_H
#define LEVERET_BROKER_EMBEDDED_PACKET_PACKET_H

#include "broker/embedded/packet/shared.h"
#include "lib/base/buf.h"

#define PACKET_VERSION	4 /* 2: PING and PONG; 3: permits; 4: control */
#define PACKET_TEXT_MAX 4096
#define PACKET_SIZE_MAX (1024 * 1024) /* of one encoded packet; a larger one is E_TOO_BIG */

/* These numbers are on the socket. A new one in between changes those behind it: raise PACKET_VERSION with it. */
enum packet_kind {
	PACKET_HELLO = 1,
	PACKET_PUBLISH,
	PACKET_CONSUME,
	PACKET_PAUSE,
	PACKET_CANCEL,
	PACKET_SETTLE,
	PACKET_SUBSCRIBE,
	PACKET_FOLLOW,
	PACKET_UNFOLLOW,
	PACKET_APPEND,
	PACKET_INSPECT,
	PACKET_UNSUBSCRIBE,
	PACKET_STATE,
	PACKET_DONE,
	PACKET_LEASE,
	PACKET_ENTRY,
	PACKET_CAUGHT_UP,
	PACKET_QUEUE,
	PACKET_PING,
	PACKET_PONG,
	PACKET_PERMIT,
	PACKET_UNPERMIT,
	PACKET_GRANTED,
	PACKET_LISTEN,
	PACKET_ASK,
	PACKET_UNASK,
	PACKET_ANSWER,
	PACKET_TAKEN,
	PACKET_QUESTION,
	PACKET_ANSWERED,
	PACKET_KIND_COUNT,
};

struct packet {
	enum packet_kind kind;
	uint64_t tag;
	int64_t value[4];
	char *text, *more;     /* owned; NULL: none */
	struct shared *record; /* a reference is owned; NULL: none */
	struct packet *next;   /* for whoever owns it */
};

struct packet *packet_new(enum packet_kind kind, uint64_t tag);
void packet_free(struct packet **packet);

/* A queue of packets. */
struct packets {
	struct packet *first, **end;
	size_t count;
};
void packets_init(struct packets *packets);
void packets_add(struct packets *packets, struct packet *packet); /* takes it */
struct packet *packets_take(struct packets *packets);		  /* NULL when empty */
void packets_move_all(struct packets *from, struct packets *to);  /* behind what is there */
void packets_free_all(struct packets *packets);

/* For the socket: u32 size of what follows | u8 kind | u64 tag | i64 value[4] | u16 length, text | u16 length, more | record.
 * Little-endian; length 0xffff: no text; the record is what is left, and none when nothing is. */
enum err packet_write(const struct packet *packet,
		      struct buf *out) MUST_USE; /* E_FULL, E_TOO_BIG */
size_t packet_size(const struct packet *packet); /* of what packet_write() would add */
/* Takes one packet from the front of `in`: OK; E_NOT_FOUND: not all of it is there yet (*ret_len 0); E_MALFORMED. */
enum err packet_read(struct bytes in, struct packet **ret, size_t *ret_len) MUST_USE;

#endif
