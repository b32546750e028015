/* See rewriter.h. The thread is there from the first large mail on: most workers never need it. */
#include "workers/delivery/rewriter.h"

#include "lib/base/memory.h"

#define GROWTH	   4 /* quoted-printable of nothing but 8-bit bytes has 3.1 times as many */
#define FIELDS_MAX ((size_t)64 << 10)

struct rewriter {
	struct loop *loop;
	struct offload *offload; /* NULL: nothing large has come yet */
	bool is_closing;
};

static void run(void *owner)
{
	struct rewriting *rewriting = owner;
	buf_init(&rewriting->text, GROWTH * rewriting->message.len + FIELDS_MAX);
	rewriting->err = repair_write(rewriting->message, rewriting->kinds, REWRITER_LINE_MAX,
				      &rewriting->text, &rewriting->why);
	if (rewriting->err != OK)
		buf_done(&rewriting->text);
	else
		rewriting->is_8bit = !bytes_is_ascii(buf_bytes(&rewriting->text));
}

static void on_done(void *owner)
{
	struct rewriting *rewriting = owner;
	if (!rewriting->rewriter->is_closing)
		rewriting->done(rewriting);
	else if (rewriting->err == OK)
		buf_done(&rewriting->text);
}

bool rewriter_write(struct rewriter *rewriter, struct rewriting *rewriting)
{
	rewriting->rewriter = rewriter;
	rewriting->is_8bit = false;
	rewriting->err = E_CANCELLED; /* of what never begins, when the rewriter goes */
	if (rewriting->message.len <= REWRITER_AT_ONCE_MAX) {
		run(rewriting);
		return true;
	}
	if (!rewriter->offload)
		rewriter->offload = offload_new(rewriter->loop, 1);
	rewriting->work = (struct work){.run = run, .done = on_done, .owner = rewriting};
	offload_ask(rewriter->offload, &rewriting->work);
	return false;
}

struct rewriter *rewriter_new(struct loop *loop)
{
	struct rewriter *rewriter = memory_new(sizeof *rewriter);
	rewriter->loop = loop;
	return rewriter;
}

void rewriter_free(struct rewriter **rewriter)
{
	struct rewriter *r = *rewriter;
	if (!r)
		return;
	*rewriter = NULL;
	r->is_closing = true;
	offload_free(&r->offload);
	free(r);
}
