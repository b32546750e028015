/* Inside the HTTP door: one request on its way, and the endpoints that it may be for. */
#ifndef LEVERET_INGEST_HTTP_VISIT_H
#define LEVERET_INGEST_HTTP_VISIT_H

#include "ingest/http_door.h"
#include "ingest/http_intake.h"
#include "lib/loop/offload.h"
#include "lib/net/http_service.h"

struct http_door {
	struct http_door_options options;
	struct http_service *service;
	struct offload *offload; /* for bodies that take long to read */
	uint64_t body_bytes;	 /* of all visits */
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
	bool is_answered;
	struct preparation preparation;
	struct work work;
	bool is_at_work; /* the offload has it: nothing else may touch what it works on */
	bool is_gone;	 /* ended meanwhile */
	struct intake intake;
	struct acceptance *acceptance; /* while its answer is waited for */
	struct idempotent *idempotent; /* NULL: no Idempotency-Key */
	struct recall *recall;	       /* the same */
	unsigned kept_status;	       /* of the answer that is being kept, in kept_body */
	struct bytes kept_body;
};

/* Answers of a visit, each once. */
void visit_answer(struct visit *visit, unsigned status, struct bytes json);
void visit_refuse(struct visit *visit, unsigned status, const char *detail);
void visit_refuse_with(struct visit *visit, unsigned status, const char *detail,
		       struct http_field field);			/* its name NULL: none */
void visit_fail(struct visit *visit, enum err err, const char *detail); /* status by the failure */
/* Success: kept first when there is an Idempotency-Key. */
void visit_answer_kept(struct visit *visit, unsigned status, struct bytes json);
/* With what is said of each recipient. */
void visit_refuse_all(struct visit *visit, const char *detail);
/* Is the body gzipped? False: an answer was given, as for any other coding. */
bool visit_coding(struct visit *visit, bool *ret_is_packed);
/* The body as it was before it was packed. On any thread. */
enum err visit_unpack(struct visit *visit, bool is_packed, struct bytes *ret,
		      struct why *why) MUST_USE;
void visit_free(struct visit *visit); /* http_door.c */

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
