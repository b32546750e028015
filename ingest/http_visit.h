/* Inside the HTTP door: one request on its way, and the endpoints that it may be for. */
#ifndef LEVERET_INGEST_HTTP_VISIT_H
#define LEVERET_INGEST_HTTP_VISIT_H

#include <sys/queue.h>

#include "ingest/http_door.h"
#include "ingest/http_intake.h"
#include "lib/base/random.h"
#include "lib/loop/offload.h"
#include "lib/net/http_service.h"

struct http_door {
	struct http_door_options options;
	struct http_service *service;
	struct timer *look;	 /* at the certificate's files; NULL: no TLS */
	struct digest shown;	 /* of what they held */
	struct offload *offload; /* for bodies that take long to read */
	LIST_HEAD(, visit) visits;
	uint64_t body_bytes; /* of all visits */
};

struct visit;
struct recall;

struct endpoint {
	const char *method;
	const char *path; /* "/v1/messages/{id}": the last part may be one of the client's */
	unsigned scope;	  /* enum api_scope; 0: for everybody */
	bool sends;	  /* takes mail: refused while none can be kept */
	bool spends;	  /* refused when the key's limit is reached */
	void (*run)(struct visit *visit); /* the body is complete; answers now or later */
};

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
	struct http_door *door;
	struct http_exchange *exchange;
	const struct endpoint *endpoint;
	struct api_key *key;  /* NULL where none is needed */
	const char *argument; /* what stands for {id} */
	struct arena *arena;
	struct buf body;
	size_t unpacked_bytes; /* counted with the body */
	bool is_answered;
	struct preparation preparation;
	struct work work;
	bool is_at_work; /* the offload has it: nothing else may touch what it works on */
	bool is_gone;	 /* the client has its answer, or has left: exchange is NULL */
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
	LIST_ENTRY(visit) next;
};

/* Answers of a visit, each once. */
void visit_answer(struct visit *visit, unsigned status, struct bytes json);
void visit_refuse(struct visit *visit, unsigned status, const char *detail);
void visit_refuse_with(struct visit *visit, unsigned status, const char *detail,
		       struct http_field field);			/* its name NULL: none */
void visit_fail(struct visit *visit, enum err err, const char *detail); /* status by the failure */
/* Refused with `detail`, when it is on disk what was done all the same: for a visit with an Idempotency-Key. */
void visit_refuse_noted(struct visit *visit, unsigned status, const char *detail,
			struct bytes progress);
/* Success: kept first when there is an Idempotency-Key. */
void visit_answer_kept(struct visit *visit, unsigned status, struct bytes json);
/* With what is said of each recipient. */
void visit_refuse_all(struct visit *visit, const char *detail);
/* Is the body gzipped? False: an answer was given, as for any other coding. */
bool visit_coding(struct visit *visit, bool *ret_is_packed);
/* Room for what the body unpacks to, under max_request_memory. False: an answer was given. */
bool visit_has_room_to_unpack(struct visit *visit); /* http_door.c */
/* The body as it was before it was packed. On any thread. */
enum err visit_unpack(struct visit *visit, bool is_packed, struct bytes *ret,
		      struct why *why) MUST_USE;
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
