/* Inside the HTTP door: one request on its way, and the endpoints that it may be for. */
#ifndef LEVERET_INGEST_HTTP_VISIT_H
#define LEVERET_INGEST_HTTP_VISIT_H

#include "ingest/http_door.h"
#include "ingest/http_intake.h"
#include "lib/api/door.h"
#include "lib/base/random.h"
#include "lib/loop/offload.h"
#include "lib/net/http_service.h"

struct http_door {
	struct http_door_options options;
	struct api_door *api;
	struct offload *offload; /* for bodies that take long to read */
};

struct visit;
struct recall;

/* Traits of endpoints. */
#define TAKES_MAIL   1u /* refused while none can be kept */
#define SPENDS	     2u /* refused when the key's limit is reached */
#define AS_SPARKPOST 4u /* its answers */

/* From a body to a mail: pure, so that it may happen on the offload's thread. */
struct preparation {
	enum err (*read)(struct visit *visit, struct bytes body, struct posting *ret,
			 struct why *why);
	bool is_packed;
	struct intake_rules rules;
	struct posting posting; /* may hold what the query told */
	enum err err;
	bool is_forbidden; /* to this API key */
	struct why why;
};

struct visit {
	struct api_visit api; /* first */
	struct http_door *door;
	struct preparation preparation;
	struct work work;
	bool is_at_work; /* the offload has it: nothing else may touch what it works on */
	struct intake intake;
	struct acceptance *acceptance; /* while its answer is waited for */
	struct idempotent *idempotent; /* NULL: no Idempotency-Key */
	char idempotent_id[ID_SIZE];   /* of its mail */
	struct progress progress;      /* of an earlier try; */
	bool has_progress;
	struct recall *recall; /* NULL: none under way */
	bool is_keeping; /* the answer, kept_body, or that there is none but progress, is on its way to the disk */
	unsigned kept_status;
	struct bytes kept_body;
	const char *kept_detail; /* of the refusal, when it is progress */
};

/* Answers of a visit, each once. */
void visit_answer(struct visit *visit, unsigned status, struct bytes json);
void visit_refuse(struct visit *visit, unsigned status, const char *detail);
void visit_fail(struct visit *visit, enum err err, const char *detail); /* status by the failure */
/* Refused with `detail`, when it is on disk what was done all the same: for a visit with an Idempotency-Key. */
void visit_refuse_noted(struct visit *visit, unsigned status, const char *detail,
			struct bytes progress);
/* Success: kept first when there is an Idempotency-Key. */
void visit_answer_kept(struct visit *visit, unsigned status, struct bytes json);
/* With what is said of each recipient. */
void visit_refuse_all(struct visit *visit, const char *detail);
/* Frees it when nothing more can come of it: the client is gone, and nobody works for it any more. A visit with an Idempotency-Key waits
 * for what becomes of its mail even without a client, who will ask again. */
void visit_release(struct visit *visit); /* http_door.c */

/* http_replay.c: what Idempotency-Key asks for. True when the request has its answer already. */
bool http_replay(struct visit *visit);

/* http_send.c */
void http_send_message(struct visit *visit);
void http_send_transmission(struct visit *visit);

/* http_recall.c */
void http_recall_campaign(struct visit *visit);
void http_recall_forget(struct recall *recall); /* NULL: nothing */

/* http_look_up.c */
void http_look_up_message(struct visit *visit);

#endif
