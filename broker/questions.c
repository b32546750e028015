/* See questions.h. */
#include "broker/questions.h"

#include <assert.h>
#include <string.h>

#include "lib/base/memory.h"

struct kind {
	const char *name;
	void (*heard)(void *owner, const struct question *question);
	void *owner;
};

struct questions {
	struct broker *broker;
	struct kind kinds[QUESTION_KINDS_MAX];
	size_t kind_count;
};

bool question_split(struct bytes text, struct bytes *ret_kind, struct bytes *ret_rest)
{
	const uint8_t *end = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
	if (!end)
		return false;
	size_t len = (size_t)(end - text.data);
	*ret_kind = bytes_first(text, len);
	*ret_rest = bytes_from(end + 1, text.len - len - 1);
	return true;
}

static void on_heard(void *owner, struct bytes text, struct reply_address *address)
{
	struct questions *questions = owner;
	struct question question = {.questions = questions, .address = &address};
	struct bytes kind;
	bool is_whole = question_split(text, &kind, &question.rest);
	for (size_t i = 0; is_whole && i < questions->kind_count; i++) {
		const struct kind *known = &questions->kinds[i];
		if (address && bytes_equal(kind, bytes_of(known->name)))
			known->heard(known->owner, &question);
	}
	reply_address_free(&address);
}

bool question_answer(const struct question *question, struct bytes answer)
{
	return broker_answer(question->questions->broker, *question->address, answer);
}

struct reply_address *question_take_address(const struct question *question)
{
	struct reply_address *address = *question->address;
	*question->address = NULL;
	return address;
}

void questions_add(struct questions *questions, const char *kind,
		   void (*heard)(void *owner, const struct question *question), void *owner)
{
	assert(questions->kind_count < QUESTION_KINDS_MAX);
	questions->kinds[questions->kind_count++] = (struct kind){kind, heard, owner};
}

struct questions *questions_new(struct broker *broker)
{
	struct questions *questions = memory_new(sizeof *questions);
	questions->broker = broker;
	broker_listen(broker, on_heard, questions);
	return questions;
}

void questions_free(struct questions **questions)
{
	free(*questions);
	*questions = NULL;
}
