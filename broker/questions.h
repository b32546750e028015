/* What other processes ask this one (broker_listen), by kind: a question is the name of its kind, a line's end, and the rest. A kind
 * that nobody here knows is not answered. Lives on the broker's loop. */
#ifndef LEVERET_BROKER_QUESTIONS_H
#define LEVERET_BROKER_QUESTIONS_H

#include "broker/broker.h"

#define QUESTION_KINDS_MAX 16

struct questions;
struct question {
	struct bytes rest; /* borrowed, as all of it */
	/* for question_answer(), within the upcall */
	struct questions *questions;
	struct reply_address **address;
};

struct questions *questions_new(struct broker *broker);
void questions_free(struct questions **questions); /* after broker_close() */
/* The kind is borrowed. At most QUESTION_KINDS_MAX. */
void questions_add(struct questions *questions, const char *kind,
		   void (*heard)(void *owner, const struct question *question), void *owner);
/* Any number of times. False as broker_answer(). */
bool question_answer(const struct question *question, struct bytes answer);
/* To answer later: broker_answer(). The caller frees it. Once, and nothing is answered by question_answer() after it. */
struct reply_address *question_take_address(const struct question *question);

/* The name of a question's kind, and what is left of it; false: there is no line's end. Pure. */
bool question_split(struct bytes text, struct bytes *ret_kind, struct bytes *ret_rest);

#endif
