/* What one struct broker keeps about itself: what it asked of the core and has no answer to, what it consumes, holds and follows.
 * The core forgets all of it when the line is lost; the client then tells those who wait, and asks anew when the line opens again.
 * This header is between embedded.c and the files of the single nouns. */
#ifndef LEVERET_BROKER_EMBEDDED_CLIENT_H
#define LEVERET_BROKER_EMBEDDED_CLIENT_H

#include <sys/queue.h>

#include "broker/embedded/bodies.h"
#include "broker/embedded/embedded.h"
#include "broker/embedded/line/line.h"
#include "broker/embedded/tagged.h"

struct client;

/* Something that waits for its DONE. */
struct request {
	struct tagged tagged; /* not in the table while finished */
	TAILQ_ENTRY(request) next;
	published done;
	void (*each)(void *owner, const struct queue_status *status); /* of an inspection */
	void *owner;
	bool is_counted; /* in the unconfirmed */
	uint64_t size;
	int64_t asked_at_ms, deadline_at_ms;
	struct body *body;     /* being written, before `packet` is sent */
	struct packet *packet; /* with the body only */
	enum err err;	       /* once finished */
};
TAILQ_HEAD(request_list, request);

struct requests {
	struct tagged_table table;
	struct request_list waiting;  /* in the order of their deadlines */
	struct request_list finished; /* to be told at the end of the turn */
	struct task finish_task;
	struct timer *deadline_timer;
	uint64_t unconfirmed_bytes;
	size_t unconfirmed_count;
	struct bodies *bodies; /* made with the first large body */
	int64_t written_at_ms; /* the last of these */
};

struct embedded_consumer {
	struct consumer consumer; /* first: what callers hold */
	struct client *client;	  /* NULL: closed */
	struct tagged tagged;
	LIST_ENTRY(embedded_consumer) next;
	char *queue;
	unsigned prefetch;
	size_t prefetch_bytes;
	void (*taken)(void *owner, struct lease *lease);
	void *owner;
	bool is_paused;
	bool is_consuming; /* the core knows of it, on this line */
};

struct embedded_lease {
	struct lease lease;    /* first: what callers hold */
	struct client *client; /* NULL: lost */
	LIST_ENTRY(embedded_lease) next;
	uint64_t number;	     /* the core's */
	struct shared *record, *map; /* map: of a body in a file */
};

struct follower {
	struct table_follower follower; /* first: what callers hold */
	struct client *client;		/* NULL: closed */
	struct tagged tagged;
	LIST_ENTRY(follower) next;
	char *table;
	uint64_t position; /* of the last entry seen */
	size_t unasked;	   /* entries of the past that came since more were asked for */
	bool is_caught_up;
	const struct table_handler *handler;
	void *owner;
};

struct embedded_permit {
	struct permit permit;  /* first: what callers hold */
	struct client *client; /* NULL: closed */
	struct tagged tagged;
	LIST_ENTRY(embedded_permit) next;
	LIST_ENTRY(embedded_permit) next_losing; /* while is_losing */
	char *name;
	unsigned limit, place; /* place: while is_held */
	int64_t round;	       /* of the last PERMIT; what answers an earlier one is void */
	bool is_held;
	bool is_losing; /* held until its owner was told, at the end of the turn */
	const struct permit_handler *handler;
	void *owner;
};
LIST_HEAD(permit_list, embedded_permit);

struct embedded_asking {
	struct asking asking;  /* first: what callers hold */
	struct client *client; /* NULL: closed */
	struct tagged tagged;
	LIST_ENTRY(embedded_asking) next;
	struct shared *question; /* until it was sent; then NULL */
	bool is_sent;
	answered_upcall answered;
	void *owner;
};

struct client {
	struct broker broker; /* first: what callers hold */
	struct engine_start start;
	struct line *line;
	bool is_open;		      /* the line */
	enum broker_state core_state; /* its last word on this line */
	enum broker_state told_state;
	struct task state_task;
	uint64_t last_tag;

	struct requests requests;
	struct tagged_table consumers, followers, permits, askings;
	LIST_HEAD(, embedded_consumer) all_consumers;
	LIST_HEAD(, follower) all_followers;
	struct permit_list all_permits, losing_permits;
	struct task losing_task;
	LIST_HEAD(, embedded_asking) all_askings;
	heard_upcall heard; /* NULL: does not listen */
	void *heard_owner;
	struct question_budget question_budget;
	LIST_HEAD(, embedded_lease) leases; /* held, on this line */
};

/* embedded.c */
enum broker_state client_state(const struct broker *broker);
void client_send(struct client *client, struct packet *packet); /* takes it */
struct packet *client_packet(enum packet_kind kind, uint64_t tag,
			     const char *text); /* text is copied; NULL: none */

/* requests.c */
void requests_init(struct client *client);
void requests_done(struct client *client); /* waiting ones get E_CANCELLED, from here */
void requests_lost(struct client *client);
struct request *request_new(struct client *client, published done, void *owner);
void request_count(struct client *client, struct request *request, uint64_t size);
void request_wait(struct client *client, struct request *request); /* from now on for its DONE */
/* Its body stands in its file, and only now it goes to the core: the time to answer it begins. */
void request_sent(struct client *client, struct request *request);
void request_fail(struct client *client, struct request *request,
		  enum err err); /* told at the end of the turn */
void request_end(struct client *client, struct request *request, enum err err); /* told now */
void request_answered(struct client *client, const struct packet *packet);
void request_shown(struct client *client, const struct packet *packet); /* a QUEUE */
void client_subscribe(struct broker *broker, const char *queue, const char *pattern, published done,
		      void *owner);
void client_need_queue(struct broker *broker, const char *queue, published done, void *owner);
void client_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
			published done, void *owner);
void client_forget(struct broker *broker, const char *table, struct bytes key, uint64_t version,
		   published done, void *owner);
void client_append(struct broker *broker, const char *table, const struct table_entry *entry,
		   published done, void *owner);
void client_inspect(struct broker *broker, bool looks_at_heads,
		    void (*each)(void *owner, const struct queue_status *status), published done,
		    void *owner);

/* publications.c */
void client_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner);

/* consumers.c, leases.c */
struct consumer *client_consumer_new(struct broker *broker, const struct consumer_options *options,
				     void (*taken)(void *owner, struct lease *lease), void *owner);
void client_consumer_free(struct consumer *consumer);
void client_consumer_pause(struct consumer *consumer, bool is_paused);
void consumers_opened(struct client *client);
void consumers_lost(struct client *client); /* with all leases */
void consumers_done(struct client *client);
void client_lease_arrived(struct client *client, struct packet *packet); /* takes it */
void client_leases_lost(struct client *client);
bool client_lease_is_lost(const struct lease *lease);
void client_lease_settle(struct lease *lease, enum settlement how, int64_t delay_ms,
			 const char *reason);

/* followers.c */
struct table_follower *client_follow(struct broker *broker, const char *table, uint64_t position,
				     const struct table_handler *handler, void *owner);
void client_follower_free(struct table_follower *follower);
void followers_opened(struct client *client);
void followers_done(struct client *client);
void entry_arrived(struct client *client, const struct packet *packet);
void caught_up_arrived(struct client *client, const struct packet *packet);

/* permits.c */
struct permit *client_permit_ask(struct broker *broker, const char *name, unsigned limit,
				 const struct permit_handler *handler, void *owner);
void client_permit_limit(struct permit *permit, unsigned limit);
void client_permit_free(struct permit *permit);
void permits_init(struct client *client);
void permits_opened(struct client *client);
void permits_lost(struct client *client);
void permits_done(struct client *client);
void granted_arrived(struct client *client, const struct packet *packet);

/* control.c */
void client_listen(struct broker *broker, heard_upcall heard, void *owner);
bool client_answer(struct broker *broker, const struct reply_address *address, struct bytes answer);
struct asking *client_ask(struct broker *broker, struct bytes question, answered_upcall answered,
			  void *owner);
void client_asking_free(struct asking *asking);
void control_opened(struct client *client);
void control_done(struct client *client);
void question_arrived(struct client *client, const struct packet *packet);
void answer_arrived(struct client *client, const struct packet *packet);

#endif
