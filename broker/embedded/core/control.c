/* Words to every client that listens, and their answers, in memory only. Each client tells when it has taken one (TAKEN); to one that
 * is far behind nothing is sent, so that it cannot fill this process's memory. */
#include <assert.h>
#include <uthash.h>

#include "broker/embedded/core/core_parts.h"
#include "lib/base/memory.h"

#define QUESTIONS_MAX	  1000 /* of one client, at a time */
#define UNTAKEN_COUNT_MAX 1000
#define UNTAKEN_BYTES_MAX ((size_t)8 << 20)

struct question {
	uint64_t number, tag;
	struct session *session;
	LIST_ENTRY(question) session_next;
	UT_hash_handle by_number;
};

struct control {
	uint64_t last_number;
	struct question *by_number;
};

/* Shares the record. */
static void send_word(struct session *session, struct packet *packet, struct shared *record)
{
	size_t len = shared_bytes(record).len;
	if (session->untaken_count >= UNTAKEN_COUNT_MAX ||
	    session->untaken_bytes > UNTAKEN_BYTES_MAX) {
		packet_free(&packet);
		return;
	}
	session->untaken_count++;
	session->untaken_bytes += len;
	packet->record = shared_ref(record);
	session_send(session, packet);
}

enum err control_taken(struct session *session, int64_t bytes)
{
	if (bytes < 0 || session->untaken_count == 0 || (size_t)bytes > session->untaken_bytes)
		return E_MALFORMED;
	session->untaken_count--;
	session->untaken_bytes -= (size_t)bytes;
	return OK;
}

enum err control_ask(struct session *session, uint64_t tag, struct shared *question)
{
	struct control *control = session->core->control;
	if (tag == 0 || shared_bytes(question).len > CONTROL_SIZE_MAX ||
	    session->question_count >= QUESTIONS_MAX)
		return E_MALFORMED;
	struct question *asked = memory_new(sizeof *asked);
	asked->number = ++control->last_number;
	asked->tag = tag;
	asked->session = session;
	LIST_INSERT_HEAD(&session->questions, asked, session_next);
	session->question_count++;
	HASH_ADD(by_number, control->by_number, number, sizeof asked->number, asked);
	for (struct session *to = session->core->sessions; to; to = to->next) {
		if (!to->is_listening)
			continue;
		struct packet *packet = packet_new(PACKET_QUESTION, 0);
		packet->value[0] = (int64_t)asked->number;
		send_word(to, packet, question);
	}
	return OK;
}

static void question_free(struct control *control, struct question *question)
{
	LIST_REMOVE(question, session_next);
	question->session->question_count--;
	assert(control->by_number); /* it is in there */
	HASH_DELETE(by_number, control->by_number, question);
	free(question);
}

void control_unask(struct session *session, uint64_t tag)
{
	struct question *next;
	for (struct question *question = LIST_FIRST(&session->questions); question;
	     question = next) {
		next = LIST_NEXT(question, session_next);
		if (tag == 0 || question->tag == tag)
			question_free(session->core->control, question);
	}
}

/* Who asked may have gone meanwhile. */
enum err control_answer(struct session *session, uint64_t number, struct shared *answer)
{
	struct question *question;
	if (shared_bytes(answer).len > CONTROL_SIZE_MAX)
		return E_MALFORMED;
	HASH_FIND(by_number, session->core->control->by_number, &number, sizeof number, question);
	if (question)
		send_word(question->session, packet_new(PACKET_ANSWERED, question->tag), answer);
	return OK;
}

struct control *control_new(void)
{
	return memory_new(sizeof(struct control));
}

void control_free(struct control **control)
{
	free(*control);
	*control = NULL;
}
