/* A world without sockets for the worker's delivery: a resolver that answers every name, a remote host that behaves as the recipients'
 * local parts say, and a broker that keeps what it is given. Real loop, real settings, real store. One at a time.
 *
 * Remote: ok@ 250, later@ 450 at RCPT, no@ 550 5.1.1 at RCPT, doubt@ cut after the final dot, cut@ cut at MAIL.
 * DNS: <domain> has MX mx.<domain>, every host has 203.0.114.1; gone.* does not exist, sick.* fails. */
#ifndef LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_WORLD_H
#define LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_WORLD_H

#include "tests/store_fixture.h"

#include "broker/broker.h"
#include "schemas/schemas.h"
#include "workers/delivery/settings.h"
#include "workers/signing/settings.h"
#include "workers/smtp/client.h"

struct world_settings {
	struct routing_settings routing;
	struct worker_settings workers;
	struct conf_items retry;
	struct dkim_settings dkim;
};

enum settled { HELD, ACKED, RELEASED, RETRIED, BURIED };
struct lease {
	struct bytes body;
	const char *key;
	bool is_redelivered, is_lost;
	enum settled settled;
	int64_t retry_ms; /* of RETRIED */
	char reason[200];
};

struct kept { /* what the broker was given */
	enum exchange exchange;
	char key[300];
	struct bytes body;
	int64_t not_before_wall_ms;
};
#define KEPT_MAX 64

struct world {
	struct loop *loop;
	struct arena *arena;
	struct conf *conf;
	const struct world_settings *settings;
	struct routing *routing;

	/* The remote. */
	size_t open_count, opened_count, opened_in_clear_count, reused_count, open_max;
	size_t sent_count;     /* transactions */
	size_t carried_max;    /* transactions of one session */
	size_t recipients_max; /* of one transaction */
	char last_head[8000];  /* of the last transaction */
	size_t head_count;     /* different ones, one after the other */
	enum err open_err;     /* every connection fails so; OK: it opens */
	size_t fail_count;     /* or only so many */
	bool fails_tls;	       /* unless asked without */
	bool dies_in_use; /* a connection takes one transaction, then is cut at the next MAIL */
	bool is_mute;	  /* answers nothing */
	bool may_not_go_on;
	bool lacks_binarymime, lacks_eightbitmime; /* the remote refuses what needs it, unasked */
	bool knows_no_bdat;	   /* it offers CHUNKING, and refuses the first chunk */
	struct bytes last_content; /* of the last transaction that was taken */
	bool last_was_binary, last_was_eightbit;
	bool are_hosts_apart; /* no session is reused for another host name */

	/* The broker. */
	const char *content;	 /* of leases; NULL: a short one */
	const char *site;	 /* the same; NULL: x.example */
	struct bytes binary;	 /* content that is not in lines; none: as above */
	bool has_bare_line_ends; /* of that */
	bool is_eightbit;
	enum err publish_err;
	bool withholds; /* neither kept nor refused yet */
	struct kept kept[KEPT_MAX];
	size_t kept_count;
	char suppressed[100];		/* this address is */
	int64_t recalled_until_wall_ms; /* campaign "spring" of tenant "acme" */
	enum err recalls_err;		/* the recalls cannot be read */
};
extern struct world world;

void world_open(const char *settings_yaml);
void world_close(void);
void world_answer_once(void); /* the mute remote answers what is under way, and is mute again */
void world_answer(void);      /* the mute remote answers, and goes on answering */
void world_hang_up(void);     /* the remote ends every session that is in nobody's use */
void world_keep(void);	      /* the broker keeps what it withheld */
/* Turn the loop until nothing moves, for at least wait_ms. */
void world_turn(int64_t wait_ms);

/* Of every limit that workers share, others have so many places. */
void world_others_have(unsigned count);

struct smtp_client *world_client(void);
struct resolver *world_resolver(void);
struct broker *world_broker(void);
struct replica *world_suppressions(void);

/* A lease of one request from s@sender.example; recipients end with NULL. */
struct lease *world_lease(uint32_t attempt, const char *const *recipients);
/* The results kept for a recipient, as "deferred bounced". */
const char *world_events(const char *recipient);
/* The last result of a recipient. */
struct result world_result(const char *recipient);
/* The i-th delivery request kept, decoded. */
struct delivery_request world_retry(size_t index, int64_t *ret_not_before_wall_ms);
size_t world_retry_count(void);

#endif
