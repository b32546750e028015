/* Answers of a visit: with what is kept for a request that comes again, and what is said of each recipient. */
#include "ingest/http_visit.h"

#include "lib/api/problem.h"

void visit_answer(struct visit *visit, unsigned status, struct bytes json)
{
	api_answer(&visit->api, status, json);
}

void visit_refuse(struct visit *visit, unsigned status, const char *detail)
{
	api_refuse(&visit->api, status, detail);
}

void visit_fail(struct visit *visit, enum err err, const char *detail)
{
	api_fail(&visit->api, err, detail);
}

static void on_kept(void *owner)
{
	struct visit *visit = owner;
	visit->idempotent = NULL;
	visit->is_keeping = false;
	if (visit->kept_detail)
		visit_refuse(visit, visit->kept_status, visit->kept_detail);
	else
		visit_answer(visit, visit->kept_status, visit->kept_body);
	visit_release(visit);
}

void visit_answer_kept(struct visit *visit, unsigned status, struct bytes json)
{
	if (!visit->idempotent) {
		visit_answer(visit, status, json);
		return;
	}
	visit->kept_status = status;
	visit->kept_body = arena_copy(visit->api.arena, json);
	visit->is_keeping = true;
	idempotent_keep(visit->idempotent, status, visit->kept_body, on_kept, visit);
}

void visit_refuse_noted(struct visit *visit, unsigned status, const char *detail,
			struct bytes progress)
{
	visit->kept_status = status;
	visit->kept_detail = detail;
	visit->is_keeping = true;
	idempotent_note(visit->idempotent, progress, on_kept, visit);
}

void visit_refuse_all(struct visit *visit, const char *detail)
{
	struct buf out;
	buf_init(&out, VERDICTS_TEXT_MAX);
	problem_begin(422, detail, &out);
	enum err err = buf_append_text(&out, ",\"recipients\":");
	verdicts_write(visit->intake.verdicts, visit->intake.verdict_count, &out);
	err = err == OK ? buf_append_text(&out, "}\n") : err;
	(void)err;
	api_refuse_document(&visit->api, 422, detail, &out);
	buf_done(&out);
}
