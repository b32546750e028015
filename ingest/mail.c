/* A mail and its recipients, routed one by one as they come: so a door can refuse one that has no
 * way out. */
#include "ingest/mail.h"

#include <stdio.h>
#include <string.h>

#include "broker/learned_sites.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/mail/header.h"

#define ROUTING_KEY_MAX 255 /* a short string of AMQP */
#define HEADER_MAX	((size_t)256 << 10)
#define LONGEST_EVENT	"suppressed."
#define SITE_NOWHERE	"nowhere" /* without a dot it is no domain, and no queue is bound to it */

struct mail *mail_new(const char *door, int64_t wall_ms)
{
	struct arena *arena = arena_new();
	struct mail *mail = arena_zalloc(arena, 1, sizeof *mail);
	mail->arena = arena;
	mail->door = door;
	mail->accepted_wall_ms = wall_ms;
	mail->protocol = mail->client_helo = mail->client_ip = mail->user = mail->listener = "";
	id_new(wall_ms, mail->id);
	return mail;
}

void mail_free(struct mail **mail)
{
	struct mail *m = *mail;
	if (!m)
		return;
	*mail = NULL;
	free(m->destinations);
	blob_unref(&m->content);
	struct arena *arena = m->arena;
	arena_free(&arena);
}

enum err mail_set_sender(struct mail *mail, const struct address *sender)
{
	char domain[ADDRESS_DOMAIN_MAX + 1] = "";
	enum err err = sender->is_null ? OK : domain_canonical(sender->domain, domain);
	if (err != OK)
		return err;
	memcpy(mail->sender_domain, domain, sizeof domain);
	mail->sender = arena_copy(mail->arena, sender->text);
	if (sender->needs_smtputf8)
		mail->smtputf8 = true;
	return OK;
}

static const char *choose_pool(struct mail *mail, const struct routing *routing, const char *domain)
{
	char asked[SCHEMA_NAME_MAX + 1];
	if (!bytes_to_cstr(mail->pool_asked, asked, sizeof asked))
		asked[0] = '\0';
	return routing_choose_pool(routing, asked, mail->sender_domain, domain);
}

/* Most recipients of one message share a site with one before them: its text serves again. */
static const char *keep_site(struct mail *mail, const char *site)
{
	size_t count = mail->destination_count;
	if (count > 0 && strcmp(mail->destinations[count - 1].site, site) == 0)
		return mail->destinations[count - 1].site;
	return arena_cstr(mail->arena, bytes_of(site));
}

/* Behind the longest name of an event. */
bool mail_fits_key(const char *pool, const char *site)
{
	return strlen(LONGEST_EVENT) + strlen(pool) + 1 + strlen(site) <= ROUTING_KEY_MAX;
}

enum err mail_reroute(struct mail *mail, const struct routing *routing)
{
	for (size_t i = 0; i < mail->destination_count; i++) {
		struct destination *destination = &mail->destinations[i];
		struct address address;
		char domain[ADDRESS_DOMAIN_MAX + 1];
		if (address_parse(destination->address, true, &address) != OK ||
		    domain_canonical(address.domain, domain) != OK)
			return E_MALFORMED;
		destination->pool = choose_pool(mail, routing, domain);
		if (!mail_fits_key(destination->pool, destination->site))
			return E_MALFORMED;
	}
	return OK;
}

enum err mail_route(struct mail *mail, const struct routing *routing, const struct address *address,
		    struct destination *ret)
{
	char domain[ADDRESS_DOMAIN_MAX + 1];
	char site[ROUTING_NAME_MAX + 2];
	enum err err = domain_canonical(address->domain, domain);
	if (err != OK)
		return err;
	const char *pool = choose_pool(mail, routing, domain);
	routing_site_key(routing, domain, site);
	if (!mail_fits_key(pool, site))
		return E_MALFORMED;
	*ret = (struct destination){
		.address = arena_copy(mail->arena, address->text),
		.pool = pool,
		.site = keep_site(mail, site),
		.fate = FATE_DELIVER,
		.needs_smtputf8 = address->needs_smtputf8,
	};
	return OK;
}

/* A site in the tail is a domain, which has a dot. Recipients of one domain mostly share the text of their site. */
void mail_use_learned(struct mail *mail, const struct routing *routing, struct replica *sites,
		      int64_t wall_ms)
{
	const char *domain = NULL, *learned = NULL;
	for (size_t i = 0; i < mail->destination_count; i++) {
		struct destination *destination = &mail->destinations[i];
		if (destination->fate != FATE_DELIVER || !strchr(destination->site, '.'))
			continue;
		if (destination->site != domain) {
			domain = destination->site;
			learned = learned_site_find(sites, routing, domain, wall_ms);
		}
		if (learned && mail_fits_key(destination->pool, learned))
			destination->site = learned;
	}
}

void mail_route_nowhere(struct mail *mail, const struct routing *routing, struct bytes text,
			struct destination *ret)
{
	*ret = (struct destination){
		.address = arena_copy(mail->arena, text),
		.pool = choose_pool(mail, routing, ""),
		.site = SITE_NOWHERE,
		.fate = FATE_BOUNCED,
	};
}

void mail_add(struct mail *mail, const struct destination *destination)
{
	if (mail->destination_count == mail->destination_capacity) {
		/* its maximum is the door's: recipients of a transaction, or of a submission */
		mail->destination_capacity = mail->destination_capacity * 2 + 4;
		mail->destinations = memory_grow(mail->destinations, mail->destination_capacity,
						 sizeof *mail->destinations);
	}
	mail->destinations[mail->destination_count++] = *destination;
}

/* Content in a spool file is in the page cache still. One that cannot be read cannot be published either. */
struct bytes mail_header(const struct mail *mail, struct arena *scratch)
{
	struct bytes memory = blob_memory(mail->content);
	uint64_t size = blob_size(mail->content);
	size_t len = size < HEADER_MAX ? (size_t)size : HEADER_MAX;
	struct bytes start = bytes_first(memory, len);
	if (memory.len == 0 && len > 0) {
		uint8_t *copy = arena_alloc(scratch, len);
		if (blob_read(mail->content, 0, copy, len, NULL) != OK)
			return BYTES_NONE;
		start = bytes_from(copy, len);
	}
	size_t header_len = header_length(start, 0);
	return header_len > 0 ? bytes_first(start, header_len) : start;
}

size_t mail_count(const struct mail *mail, enum fate fate)
{
	size_t count = 0;
	for (size_t i = 0; i < mail->destination_count; i++)
		count += mail->destinations[i].fate == fate;
	return count;
}
