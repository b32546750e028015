/* See fixture_world.h. These definitions stand in for broker, resolver and SMTP client, whose objects are then not linked. Upcalls come
 * from the loop, never from inside the call that asked for them, as their headers say. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "tests/unit/workers/permits_fixture.h"

#include "broker/learned_sites.h"
#include "broker/recalls.h"
#include "broker/suppressions.h"
#include "lib/base/memory.h"
#include "lib/net/resolver.h"

struct world world;

/* ---- settings ---- */

static const struct conf_child children[] = {
	{&sources_section, offsetof(struct world_settings, routing.sources)},
	{&pools_section, offsetof(struct world_settings, routing.pools)},
	{&sites_section, offsetof(struct world_settings, routing.sites)},
	{&routes_section, offsetof(struct world_settings, routing.routes)},
	{&worker_section, offsetof(struct world_settings, workers)},
	{&retry_section, offsetof(struct world_settings, retry)},
	{&dkim_section, offsetof(struct world_settings, dkim)},
};
static const struct conf_section root = {
	.name = "root",
	.help = "",
	.size = sizeof(struct world_settings),
	.children = children,
	.child_count = CONF_COUNT(children),
};

void world_open(const char *settings_yaml)
{
	world = (struct world){.loop = loop_new(), .arena = arena_new()};
	permits_loop = world.loop;
	enum err err = conf_load_text(settings_yaml, &root, &world.conf);
	conf_print_faults(world.conf, stderr, false);
	assert_int_equal(err, OK);
	world.settings = conf_root(world.conf);
	world.routing = routing_new(&world.settings->routing);
}

void world_close(void)
{
	routing_free(&world.routing);
	conf_free(&world.conf);
	arena_free(&world.arena);
	loop_free(&world.loop);
}

/* ---- the loop ---- */

static void stop(void *owner)
{
	loop_stop(owner);
}

void world_turn(int64_t wait_ms)
{
	struct timer *timer = timer_new(world.loop, stop, world.loop);
	timer_start(timer, wait_ms > 0 ? wait_ms : 1);
	loop_run(world.loop);
	timer_free(&timer);
	store_drain(world.loop);
	for (int i = 0; i < 20; i++) {
		loop_post(world.loop, stop, world.loop);
		loop_run(world.loop);
	}
}

/* ---- the resolver ---- */

struct lookup {
	char name[256];
	void (*mx_done)(void *owner, const struct mx_answer *answer);
	void (*addresses_done)(void *owner, const struct address_answer *answer);
	void *owner;
	bool is_cancelled;
};

static enum dns_outcome outcome_of(const char *name)
{
	if (strncmp(name, "gone.", 5) == 0)
		return DNS_NO_NAME;
	return strncmp(name, "sick.", 5) == 0 ? DNS_FAILED : DNS_FOUND;
}

static void answer_mx(const struct lookup *lookup)
{
	struct mx_answer answer = {.outcome = outcome_of(lookup->name)};
	if (answer.outcome == DNS_FOUND) {
		answer.count = 1;
		snprintf(answer.hosts[0].name, sizeof answer.hosts[0].name, "mx.%.200s",
			 lookup->name);
	}
	lookup->mx_done(lookup->owner, &answer);
}

static void answer_addresses(const struct lookup *lookup)
{
	struct address_answer answer = {.outcome = DNS_FOUND, .count = 1};
	assert_true(net_address_parse("203.0.114.1", 0, &answer.addresses[0]));
	lookup->addresses_done(lookup->owner, &answer);
}

static void answer_lookup(void *owner)
{
	struct lookup *lookup = owner;
	if (!lookup->is_cancelled && lookup->mx_done)
		answer_mx(lookup);
	else if (!lookup->is_cancelled)
		answer_addresses(lookup);
	free(lookup);
}

static struct lookup *lookup_new(const char *name, void *owner)
{
	struct lookup *lookup = memory_new(sizeof *lookup);
	snprintf(lookup->name, sizeof lookup->name, "%s", name);
	lookup->owner = owner;
	loop_post(world.loop, answer_lookup, lookup);
	return lookup;
}

struct lookup *resolver_mx(struct resolver *resolver, const char *name,
			   void (*done)(void *owner, const struct mx_answer *answer), void *owner)
{
	(void)resolver;
	struct lookup *lookup = lookup_new(name, owner);
	lookup->mx_done = done;
	return lookup;
}

struct lookup *resolver_addresses(struct resolver *resolver, const char *name,
				  void (*done)(void *owner, const struct address_answer *answer),
				  void *owner)
{
	(void)resolver;
	struct lookup *lookup = lookup_new(name, owner);
	lookup->addresses_done = done;
	return lookup;
}

/* Nothing is proven in this world, so nobody asks for these. */
struct lookup *resolver_tlsa(struct resolver *resolver, const char *name,
			     void (*done)(void *owner, const struct tlsa_answer *answer),
			     void *owner)
{
	(void)resolver, (void)name, (void)done, (void)owner;
	abort();
}

struct lookup *resolver_alias(struct resolver *resolver, const char *name,
			      void (*done)(void *owner, enum dns_outcome outcome,
					   enum dns_security security),
			      void *owner)
{
	(void)resolver, (void)name, (void)done, (void)owner;
	abort();
}

struct lookup *resolver_txt(struct resolver *resolver, const char *name,
			    void (*done)(void *owner, const struct txt_answer *answer), void *owner)
{
	(void)resolver, (void)name, (void)done, (void)owner;
	abort();
}

void lookup_cancel(struct lookup **lookup)
{
	if (!*lookup)
		return;
	(*lookup)->is_cancelled = true;
	*lookup = NULL;
}

struct resolver *world_resolver(void)
{
	return (struct resolver *)&world;
}

void world_others_have(unsigned count)
{
	permits_take_away(count);
}

/* ---- the remote and its connections ---- */

struct smtp_connection {
	const struct smtp_session_handler *handler; /* NULL: nobody holds it */
	void *owner;
	const struct smtp_transaction *transaction;
	bool is_ready, is_idle, is_cut, is_to_answer;
	size_t transaction_count;
	int64_t messages_max; /* 0: no limit */
	int tls;
	char host_name[100], helo[100];
	struct smtp_connection *next;
};
static struct smtp_connection *connections;

struct smtp_client *world_client(void)
{
	return (struct smtp_client *)&world;
}

static void forget(struct smtp_connection *c)
{
	struct smtp_connection **at = &connections;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	world.open_count--;
	free(c);
}

static void end(struct smtp_connection *c, enum smtp_step step, enum err err)
{
	struct smtp_outcome outcome = {.kind = SMTP_NOT_SENT, .step = step, .err = err};
	snprintf(outcome.reply.text, sizeof outcome.reply.text, "%s", err_text(err));
	outcome.reply.text_len = strlen(outcome.reply.text);
	if (c->handler)
		c->handler->ended(c->owner, &outcome);
	forget(c);
}

static void on_opened(void *owner)
{
	struct smtp_connection *c = owner;
	bool fails = world.open_err && (world.fail_count == 0 || world.fail_count-- > 1);
	if (world.open_err && !fails)
		world.open_err = OK;
	if (!c->handler) {
		forget(c);
	} else if (fails) {
		end(c, SMTP_STEP_CONNECT, world.open_err);
	} else if (world.fails_tls && c->tls != SMTP_TLS_NONE) {
		end(c, SMTP_STEP_STARTTLS, E_TLS);
	} else {
		c->is_ready = true;
		c->handler->ready(c->owner);
	}
}

static struct smtp_connection *connection_new(const struct smtp_target *target)
{
	struct smtp_connection *c = memory_new(sizeof *c);
	c->tls = (int)target->tls->level;
	snprintf(c->host_name, sizeof c->host_name, "%s", target->host_name);
	snprintf(c->helo, sizeof c->helo, "%s", target->helo);
	c->next = connections;
	connections = c;
	if (++world.open_count > world.open_max)
		world.open_max = world.open_count;
	return c;
}

struct smtp_connection *smtp_client_open(struct smtp_client *client,
					 const struct smtp_target *target,
					 const struct smtp_session_handler *handler, void *owner)
{
	(void)client;
	struct smtp_connection *c = connection_new(target);
	c->handler = handler;
	c->owner = owner;
	world.opened_count++;
	world.opened_in_clear_count += (int)target->tls->level == SMTP_TLS_NONE;
	loop_post(world.loop, on_opened, c);
	return c;
}

static bool is_like(const struct smtp_connection *c, const struct smtp_target *target)
{
	return c->tls == (int)target->tls->level && strcmp(c->helo, target->helo) == 0 &&
	       (!world.are_hosts_apart || strcmp(c->host_name, target->host_name) == 0);
}

struct smtp_connection *smtp_client_reuse(struct smtp_client *client,
					  const struct smtp_target *target,
					  const struct smtp_session_handler *handler, void *owner)
{
	(void)client;
	for (struct smtp_connection *c = connections; c; c = c->next) {
		if (!c->is_idle || !is_like(c, target))
			continue;
		c->is_idle = false;
		c->handler = handler;
		c->owner = owner;
		world.reused_count++;
		loop_post(world.loop, on_opened, c);
		return c;
	}
	return NULL;
}

static struct smtp_outcome outcome_for(struct bytes recipient)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = SMTP_STEP_RCPT};
	if (bytes_starts_with_nocase(recipient, "later")) {
		outcome.reply.code = 450;
	} else if (bytes_starts_with_nocase(recipient, "no")) {
		outcome.reply.code = 550;
		outcome.reply.enhanced = (struct enhanced_code){5, 1, 1};
	} else if (bytes_starts_with_nocase(recipient, "doubt")) {
		outcome.kind = SMTP_IN_DOUBT;
		outcome.step = SMTP_STEP_BODY;
	} else if (bytes_starts_with_nocase(recipient, "cut")) {
		outcome.kind = SMTP_NOT_SENT;
		outcome.step = SMTP_STEP_MAIL;
	} else {
		outcome.step = SMTP_STEP_BODY;
		outcome.reply.code = 250;
	}
	return outcome;
}

/* As a session answers without asking the host. */
static bool needs_more(const struct smtp_transaction *transaction, struct smtp_outcome *outcome)
{
	bool wants_lines = world.lacks_binarymime && transaction->is_binary;
	bool wants_seven_bit =
		world.lacks_eightbitmime && transaction->needs_eightbitmime && !wants_lines;
	bool is_unknown = world.knows_no_bdat && !transaction->avoids_chunks;
	*outcome = (struct smtp_outcome){.kind = SMTP_REPLIED,
					 .step = SMTP_STEP_MAIL,
					 .wants_lines = wants_lines ||
							(is_unknown && transaction->is_binary),
					 .wants_data = is_unknown,
					 .wants_seven_bit = wants_seven_bit};
	outcome->reply.code = 554;
	outcome->reply.enhanced = (struct enhanced_code){5, 6, 3};
	return wants_lines || wants_seven_bit || is_unknown;
}

static void note_content(const struct smtp_transaction *transaction)
{
	world.last_content = arena_copy(world.arena, transaction->content);
	world.last_was_binary = transaction->is_binary;
	world.last_was_eightbit = transaction->eightbit;
}

static void on_sent(void *owner)
{
	struct smtp_connection *c = owner;
	const struct smtp_transaction *transaction = c->transaction;
	if (!c->handler || !transaction || (world.is_mute && !c->is_to_answer))
		return;
	c->is_to_answer = false;
	bool dies = world.dies_in_use && c->transaction_count > 1;
	c->transaction = NULL;
	struct smtp_outcome unfit;
	bool is_unfit = needs_more(transaction, &unfit);
	if (!is_unfit)
		note_content(transaction);
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		struct smtp_outcome outcome =
			is_unfit ? unfit : outcome_for(transaction->recipients[i]);
		if (dies)
			outcome = (struct smtp_outcome){
				.kind = SMTP_NOT_SENT, .step = SMTP_STEP_MAIL, .err = E_CLOSED};
		c->is_cut |= outcome.kind != SMTP_REPLIED;
		c->handler->recipient_done(c->owner, i, &outcome);
	}
	c->handler->transaction_done(c->owner);
	if (c->is_cut)
		end(c, SMTP_STEP_BODY, E_CLOSED);
}

static void note_head(struct bytes head)
{
	world.head_count += !bytes_is(head, world.last_head);
	assert_true(bytes_to_cstr(head, world.last_head, sizeof world.last_head));
}

void smtp_connection_send(struct smtp_connection *c, const struct smtp_transaction *transaction)
{
	note_head(transaction->head);
	assert_true(smtp_connection_may_go_on(c));
	c->transaction = transaction;
	c->transaction_count++;
	if (c->transaction_count > world.carried_max)
		world.carried_max = c->transaction_count;
	world.sent_count++;
	if (transaction->recipient_count > world.recipients_max)
		world.recipients_max = transaction->recipient_count;
	loop_post(world.loop, on_sent, c);
}

void world_answer_once(void)
{
	for (struct smtp_connection *c = connections; c; c = c->next) {
		c->is_to_answer = c->transaction != NULL;
		if (c->transaction)
			loop_post(world.loop, on_sent, c);
	}
}

void world_answer(void)
{
	world.is_mute = false;
	world_answer_once();
}

void world_hang_up(void)
{
	for (struct smtp_connection *c = connections, *next; c; c = next) {
		next = c->next;
		if (c->is_ready && !c->transaction)
			end(c, SMTP_STEP_QUIT, E_CLOSED);
	}
}

bool smtp_connection_is_for(const struct smtp_connection *c, const struct smtp_target *target)
{
	return is_like(c, target);
}

bool smtp_connection_may_go_on(const struct smtp_connection *c)
{
	return c->is_ready && !c->transaction && !c->is_cut && !world.may_not_go_on &&
	       (c->messages_max == 0 || (int64_t)c->transaction_count < c->messages_max);
}

void smtp_connection_allow(struct smtp_connection *c, int64_t messages_max)
{
	c->messages_max = messages_max;
}

int64_t smtp_connection_message_count(const struct smtp_connection *c)
{
	return (int64_t)c->transaction_count;
}

void smtp_connection_give_back(struct smtp_connection **connection)
{
	(*connection)->handler = NULL;
	(*connection)->is_idle = true;
	*connection = NULL;
}

static void on_quit(void *owner)
{
	forget(owner);
}

void smtp_connection_quit(struct smtp_connection **connection)
{
	(*connection)->handler = NULL;
	loop_post(world.loop, on_quit, *connection);
	*connection = NULL;
}

const char *smtp_connection_esmtp(const struct smtp_connection *c)
{
	(void)c;
	return "PIPELINING,SIZE";
}

const char *smtp_connection_tls(const struct smtp_connection *c)
{
	return c->tls == SMTP_TLS_NONE ? "" : "TLSv1.3";
}

void smtp_connection_watch(struct smtp_connection *c, bool is_watched)
{
	(void)c, (void)is_watched;
}

struct smtp_connection_view smtp_connection_view(const struct smtp_connection *c)
{
	static const struct net_address none;
	(void)c;
	return (struct smtp_connection_view){
		.number = 1, .local = &none, .message_count = 2, .step = SMTP_STEP_RCPT};
}

size_t smtp_client_open_count(const struct smtp_client *client)
{
	(void)client;
	return world.open_count;
}

void smtp_client_free(struct smtp_client **client)
{
	*client = NULL;
	while (connections)
		forget(connections);
}

/* ---- the broker ---- */

struct publishing {
	struct kept kept;
	published done;
	void *owner;
	struct publishing *next;
};
static struct publishing *withheld;

struct broker *world_broker(void)
{
	return (struct broker *)&world;
}

static void on_publishing(void *owner)
{
	struct publishing *publishing = owner;
	if (world.withholds) {
		publishing->next = withheld;
		withheld = publishing;
		return;
	}
	if (!world.publish_err) {
		assert_true(world.kept_count < KEPT_MAX);
		world.kept[world.kept_count++] = publishing->kept;
	}
	publishing->done(publishing->owner, world.publish_err);
	free(publishing);
}

void world_keep(void)
{
	world.withholds = false;
	while (withheld) {
		struct publishing *publishing = withheld;
		withheld = publishing->next;
		on_publishing(publishing);
	}
}

void reply_address_free(struct reply_address **address)
{
	free(*address);
	*address = NULL;
}

void broker_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner)
{
	(void)broker;
	struct publishing *publishing = memory_new(sizeof *publishing);
	struct bytes tail = blob_memory(publication->tail);
	uint8_t *body = arena_alloc(world.arena, publication->head.len + tail.len + 1);
	memcpy(body, publication->head.data, publication->head.len);
	if (tail.len > 0)
		memcpy(body + publication->head.len, tail.data, tail.len);
	publishing->kept.exchange = publication->exchange;
	snprintf(publishing->kept.key, sizeof publishing->kept.key, "%s", publication->key);
	publishing->kept.body = bytes_from(body, publication->head.len + tail.len);
	publishing->kept.not_before_wall_ms = publication->not_before_wall_ms;
	publishing->done = done;
	publishing->owner = owner;
	loop_post(world.loop, on_publishing, publishing);
}

struct bytes lease_body(const struct lease *lease)
{
	return lease->body;
}

const char *lease_key(const struct lease *lease)
{
	return lease->key;
}

const char *lease_message_id(const struct lease *lease)
{
	(void)lease;
	return "";
}

const char *lease_content_encoding(const struct lease *lease)
{
	(void)lease;
	return "";
}

bool lease_is_redelivered(const struct lease *lease)
{
	return lease->is_redelivered;
}

bool lease_is_lost(const struct lease *lease)
{
	return lease->is_lost;
}

static void settle(struct lease **lease, enum settled how)
{
	assert_int_equal((*lease)->settled, HELD);
	(*lease)->settled = how;
	*lease = NULL;
}

void lease_ack(struct lease **lease)
{
	settle(lease, ACKED);
}

void lease_retry(struct lease **lease, int64_t delay_ms)
{
	(*lease)->retry_ms = delay_ms;
	settle(lease, RETRIED);
}

void lease_release(struct lease **lease)
{
	settle(lease, RELEASED);
}

void lease_bury(struct lease **lease, const char *reason)
{
	snprintf((*lease)->reason, sizeof(*lease)->reason, "%s", reason);
	settle(lease, BURIED);
}

struct replica *world_suppressions(void)
{
	return (struct replica *)&world;
}

enum err suppressions_find(struct replica *replica, const struct mail_owner *whose,
			   struct bytes address, int64_t wall_ms, struct arena *arena,
			   struct suppression *ret)
{
	(void)replica, (void)whose, (void)wall_ms, (void)arena;
	if (bytes_find(address, '@') < 0)
		return E_MALFORMED;
	if (!bytes_is(address, world.suppressed))
		return E_NOT_FOUND;
	*ret = (struct suppression){.reason = BYTES("bad_mailbox")};
	return OK;
}

enum err recalls_find(struct replica *replica, const struct labels *labels,
		      int64_t accepted_wall_ms, struct arena *arena)
{
	(void)replica, (void)arena;
	bool is_it = bytes_is(labels->campaign, "spring") && bytes_is(labels->tenant, "acme");
	if (is_it && world.recalls_err)
		return world.recalls_err;
	return is_it && accepted_wall_ms <= world.recalled_until_wall_ms ? OK : E_NOT_FOUND;
}

enum err replica_each(struct replica *replica, struct bytes from, struct arena *arena,
		      bool (*each)(void *owner, const struct table_entry *entry), void *owner)
{
	(void)replica, (void)from, (void)arena, (void)each, (void)owner;
	return OK;
}

/* ---- requests and what became of them ---- */

struct lease *world_lease(uint32_t attempt, const char *const *recipients)
{
	struct lease *lease = arena_zalloc(world.arena, 1, sizeof *lease);
	struct recipient list[20];
	struct delivery_request mail = {
		.id = BYTES("id-1"),
		.sender = BYTES("s@sender.example"),
		.recipients = list,
		.pool = BYTES("default"),
		.site = bytes_of(world.site ? world.site : "x.example"),
		.labels = {.tenant = BYTES("acme"), .campaign = BYTES("spring")},
		.accepted_wall_ms = loop_wall_ms(world.loop),
		.content = bytes_of(world.content ? world.content : "Subject: x\r\n\r\nhello\r\n"),
		.eightbit = world.is_eightbit,
		.bare_line_ends = world.has_bare_line_ends,
	};
	struct buf body;
	for (; recipients[mail.recipient_count]; mail.recipient_count++)
		list[mail.recipient_count] = (struct recipient){
			.address = bytes_of(recipients[mail.recipient_count]), .attempt = attempt};
	if (world.binary.len > 0)
		mail.content = world.binary;
	mail.binary = world.binary.len > 0;
	buf_init(&body, 1 << 20);
	assert_int_equal(delivery_request_encode_head(&mail, mail.content.len, &body), OK);
	assert_int_equal(buf_append(&body, mail.content), OK);
	lease->body = arena_copy(world.arena, buf_bytes(&body));
	lease->key = arena_printf(world.arena, "default.%s", world.site ? world.site : "x.example");
	buf_done(&body);
	return lease;
}

static size_t results_of(const char *recipient, struct result *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < world.kept_count; i++) {
		struct result_batch batch;
		if (world.kept[i].exchange != EXCHANGE_RESULTS)
			continue;
		assert_int_equal(result_batch_decode(world.arena, world.kept[i].body, &batch, NULL),
				 OK);
		for (size_t j = 0; j < batch.count && count < max; j++)
			if (bytes_is(batch.results[j].recipient, recipient))
				out[count++] = batch.results[j];
	}
	return count;
}

const char *world_events(const char *recipient)
{
	struct result results[20];
	size_t count = results_of(recipient, results, 20);
	const char *text = "";
	for (size_t i = 0; i < count; i++)
		text = arena_printf(world.arena, "%s%s%s", text, i > 0 ? " " : "",
				    result_event_name(results[i].event));
	return text;
}

struct result world_result(const char *recipient)
{
	struct result results[20];
	size_t count = results_of(recipient, results, 20);
	assert_true(count > 0);
	return results[count - 1];
}

size_t world_retry_count(void)
{
	size_t count = 0;
	for (size_t i = 0; i < world.kept_count; i++)
		count += world.kept[i].exchange == EXCHANGE_DELIVER;
	return count;
}

struct delivery_request world_retry(size_t index, int64_t *ret_not_before_wall_ms)
{
	struct delivery_request mail = {0};
	for (size_t i = 0; i < world.kept_count; i++) {
		if (world.kept[i].exchange != EXCHANGE_DELIVER || index-- > 0)
			continue;
		assert_int_equal(
			delivery_request_decode(world.arena, world.kept[i].body, &mail, NULL), OK);
		assert_string_equal(world.kept[i].key, "default.x.example");
		*ret_not_before_wall_ms = world.kept[i].not_before_wall_ms;
		return mail;
	}
	assert_true(false);
	return mail;
}

/* ---- what was learned of sites: nothing ---- */

const char *learned_site_find(struct replica *replica, const struct routing *routing,
			      const char *domain, int64_t wall_ms)
{
	(void)replica, (void)routing, (void)domain, (void)wall_ms;
	return NULL;
}

bool learned_site_is_news(struct replica *replica, const char *domain, const char *site,
			  int64_t wall_ms)
{
	(void)replica, (void)domain, (void)site, (void)wall_ms;
	return true;
}
