/* One message with its envelope on its way in, whatever door it came by: what a door collects, and
 * acceptance publishes. Owned by one of them at a time; everything it holds dies with it. */
#ifndef LEVERET_INGEST_MAIL_H
#define LEVERET_INGEST_MAIL_H

#include "broker/replica.h"
#include "lib/base/blob.h"
#include "lib/mail/address.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

/* What becomes of a recipient: a delivery request, or a result at once. FATE_REFUSED: with the whole mail.
 * FATE_INBOUND: kept for the bouncer; its `site` is the routing key. */
enum fate { FATE_DELIVER, FATE_SUPPRESSED, FATE_BOUNCED, FATE_EXPIRED, FATE_REFUSED, FATE_INBOUND };

struct destination { /* texts live in the mail's arena, or longer */
	struct bytes address;
	size_t place;	      /* in the request of an HTTP client */
	struct bytes id;      /* told in its results; none: the mail's */
	struct labels labels; /* tags and metadata of its own, beside the mail's */
	struct bytes variables, name, shown_address; /* of a skeleton */
	const char *pool, *site;		     /* site: what stands in routing keys */
	enum fate fate;
	bool needs_smtputf8;
	bool is_kept;	       /* the broker has confirmed what was published for it */
	unsigned notify;       /* NOTIFY_... bits; 0: not told */
	struct bytes original; /* ORCPT, decoded; none: not told */
};

struct mail {
	struct arena *arena;
	const char *door; /* "smtp", "amqp", "http": static */
	char id[SCHEMA_ID_MAX + 1];
	struct bytes sender;
	char sender_domain[ADDRESS_DOMAIN_MAX + 1]; /* canonical; "" for the null sender */
	struct destination *destinations;
	size_t destination_count, destination_capacity;
	struct bytes pool_asked; /* none: by rule */
	struct bytes retry;	 /* name of a retry schedule; none: the site's */
	struct bytes window;	 /* name of a sending window; none: the site's and the pool's */
	struct labels labels;
	int64_t accepted_wall_ms, not_before_wall_ms, expires_wall_ms;
	bool is_skeleton; /* the content is one: every recipient has variables */
	bool smtputf8, eightbit;
	bool is_binary, has_bare_line_ends; /* as in struct delivery_request */
	struct mail_wishes wishes;
	unsigned hops;	      /* Received fields it came with */
	const char *user;     /* who handed it in; "" when nobody logged in */
	const char *listener; /* it came by; "" when by none */
	/* for our own Received field */
	const char *protocol, *client_helo, *client_ip;
	struct blob *content; /* NULL until it is complete */
	/* Why it is not accepted: then it is published for its results only. NULL: it is accepted. */
	const char *refusal;
};

/* A new mail with a new id, accepted at wall_ms. */
struct mail *mail_new(const char *door, int64_t wall_ms);
void mail_free(struct mail **mail);

/* Copies. E_MALFORMED when its domain cannot be one. Before recipients, since routes may look at
 * the sender. */
enum err mail_set_sender(struct mail *mail, const struct address *sender) MUST_USE;
/* Where a recipient goes; nothing is added yet. E_MALFORMED when its domain cannot be one, or
 * cannot be told in a routing key. */
enum err mail_route(struct mail *mail, const struct routing *routing, const struct address *address,
		    struct destination *ret) MUST_USE;
/* The pool was asked for after recipients were added: choose it again for each. E_MALFORMED as above. */
enum err mail_reroute(struct mail *mail, const struct routing *routing) MUST_USE;
/* Recipients in the tail whose domain was learned to belong to a named site go there. */
void mail_use_learned(struct mail *mail, const struct routing *routing, struct replica *sites,
		      int64_t wall_ms);
/* For a recipient that is no address: the pool that would have taken it, and a site that is none.
 */
void mail_route_nowhere(struct mail *mail, const struct routing *routing, struct bytes text,
			struct destination *ret);
/* Do both fit in a routing key? */
bool mail_fits_key(const char *pool, const char *site);
void mail_add(struct mail *mail, const struct destination *destination);
/* The header of its content, read from a file when it is in one; cut where it is very long. */
struct bytes mail_header(const struct mail *mail, struct arena *scratch);
size_t mail_count(const struct mail *mail, enum fate fate);

#endif
