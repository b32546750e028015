/* A listener that serves an HTTP API: who asks, for what, and whether it may; the body is collected; then the endpoint's turn. Roles
 * give the endpoints, one row each; the keys, refusals (RFC 9457) and limits are the same for all. Lives on one loop.
 *
 *   head --no such path, no key, no scope, too long, no room, the holder's `begun`--> refused at once
 *        --> body --too long, no memory--> refused
 *                 --> endpoint --> answer, now or later */
#ifndef LEVERET_LIB_API_DOOR_H
#define LEVERET_LIB_API_DOOR_H

#include <sys/queue.h>

#include "lib/api/api_keys.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/net/http_service.h"

struct api_visit;
struct api_door;

struct api_endpoint {
	const char *method;
	const char *path; /* "/v1/messages/{id}": one part may be one of the client's */
	unsigned scope;	  /* enum api_scope; 0: for everybody */
	unsigned traits;  /* what they mean is the holder's */
	void (*run)(struct api_visit *visit); /* the body is complete; answers now or later */
};

struct api_handler {	   /* static */
	size_t visit_size; /* of a struct that begins with a struct api_visit */
	void (*begun)(struct api_visit *visit);	   /* the head is good; may refuse. NULL: nothing */
	void (*complete)(struct api_visit *visit); /* NULL: the endpoint's run */
	/* The client has its answer, or has left. Who still works on the visit frees it later by api_visit_free(). NULL: freed now. */
	void (*gone)(struct api_visit *visit);
	void (*freeing)(
		struct api_visit *visit); /* NULL: the holder has nothing of its own in it */
	void (*drained)(void *owner);
};

struct api_door_options {
	struct loop *loop;
	const char *listener; /* its name; borrowed, as all that follows */
	const char *address;
	const struct conf_cidr_list *allow_from;
	const char *certificate; /* of `certificates`; NULL: in the clear */
	const struct conf_items *certificates;
	struct api_keys *api_keys; /* of all doors: one limit for a key, wherever it comes */
	struct http_service_options service; /* limits and times */
	size_t request_max;		     /* bytes of one body, packed and unpacked */
	uint64_t memory_max;		     /* of all bodies together */
	const struct api_endpoint *endpoints;
	size_t endpoint_count;
	const struct api_handler *handler;
	void *owner;
};

/* One request on its way. */
struct api_visit {
	struct api_door *door;
	struct http_exchange *exchange; /* NULL when is_gone */
	const struct api_endpoint *endpoint;
	struct api_key *key;  /* NULL where none is needed */
	const char *argument; /* what stands for {id} */
	struct arena *arena;
	struct buf body;
	size_t unpacked_bytes; /* counted with the body */
	bool is_answered;
	bool is_gone;
	LIST_ENTRY(api_visit) next;
};

enum err api_door_open(const struct api_door_options *options, struct api_door **ret,
		       struct why *why) MUST_USE;
/* Reads the certificate again, now; it is done by itself within a minute when the files change. One that cannot be used changes nothing. */
void api_door_reload(struct api_door *door);
/* No new clients; requests that have begun get their answer. `drained` comes later. */
void api_door_stop(struct api_door *door);
/* Everybody is hung up on; visits that are worked on stay, until api_door_free(), when nobody may work on one any more. */
void api_door_close(struct api_door *door);
void api_door_free(struct api_door **door);
void *api_door_owner(const struct api_door *door);
const struct net_address *api_door_address(const struct api_door *door); /* with its port */

/* ---- answers of a visit, each once ---- */

void api_visit_free(struct api_visit *visit); /* is_gone */

void api_answer(struct api_visit *visit, unsigned status, struct bytes json);
void api_answer_with(struct api_visit *visit, const struct http_reply *reply);
void api_refuse(struct api_visit *visit, unsigned status, const char *detail);
void api_refuse_with(struct api_visit *visit, unsigned status, const char *detail,
		     struct http_field field); /* its name NULL: none */
void api_fail(struct api_visit *visit, enum err err,
	      const char *detail); /* status by the failure */
/* A problem document that is written already (problem_begin()), logged with its detail. */
void api_refuse_document(struct api_visit *visit, unsigned status, const char *detail,
			 const struct buf *document);

/* Is the body gzipped? False: an answer was given, as for any other coding. */
bool api_coding(struct api_visit *visit, bool *ret_is_packed);
/* Room for what the body unpacks to. False: an answer was given. */
bool api_has_room_to_unpack(struct api_visit *visit);
/* The body as it was before it was packed. On any thread. */
enum err api_unpack(struct api_visit *visit, bool is_packed, struct bytes *ret,
		    struct why *why) MUST_USE;

/* The first query parameter of that name, in the visit's arena. False: there is none. */
bool api_query(struct api_visit *visit, const char *name, struct bytes *ret);

#endif
