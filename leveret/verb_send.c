/* leveret send: submits a file or standard input by SMTP, as sendmail does. Uses the worker's SMTP client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/ingest.h"
#include "leveret/program.h"
#include "leveret/recipients.h"
#include "leveret/verbs.h"
#include "lib/base/buf.h"
#include "lib/obs/log.h"
#include "workers/smtp/client.h"

#define MESSAGE_MAX (120u << 20)
#define LIMIT_MS    120000

struct sending {
	struct loop *loop;
	struct smtp_connection *connection;
	struct smtp_transaction transaction;
	struct recipients recipients;
	bool as_json;
	size_t refused_count, deferred_count;
	int code;
};

/* ---- the conversation ---- */

static void on_ready(void *owner)
{
	struct sending *sending = owner;
	smtp_connection_send(sending->connection, &sending->transaction);
}

static void print_outcome(const struct sending *sending, struct bytes recipient,
			  const struct smtp_outcome *outcome)
{
	if (!sending->as_json) {
		(void)fprintf(stderr, "%.*s: %u %s\n", BYTES_ARGS(recipient), outcome->reply.code,
			      outcome->reply.text);
		return;
	}
	char address[2000], text[REPLY_TEXT_MAX * 6];
	(void)log_escape_json(recipient, address, sizeof address);
	(void)log_escape_json(bytes_of(outcome->reply.text), text, sizeof text);
	(void)printf("{\"recipient\":\"%s\",\"code\":%u,\"step\":\"%s\",\"text\":\"%s\"}\n",
		     address, outcome->reply.code, smtp_step_name(outcome->step), text);
}

static void on_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct sending *sending = owner;
	bool is_accepted = outcome->kind == SMTP_REPLIED && reply_is_positive(&outcome->reply);
	if (!is_accepted && outcome->kind == SMTP_REPLIED && reply_is_permanent(&outcome->reply))
		sending->refused_count++;
	else if (!is_accepted)
		sending->deferred_count++;
	if (!is_accepted || sending->as_json || isatty(STDERR_FILENO))
		print_outcome(sending, sending->recipients.items[index], outcome);
}

static void stop(void *owner)
{
	loop_stop(owner);
}

/* The QUIT leaves at the end of this turn. */
static void on_transaction_done(void *owner)
{
	struct sending *sending = owner;
	sending->code = sending->refused_count > 0    ? EXIT_REFUSED
			: sending->deferred_count > 0 ? EXIT_FAILED
						      : EXIT_DONE;
	if (sending->connection)
		smtp_connection_quit(&sending->connection);
	loop_post(sending->loop, stop, sending->loop);
}

static void on_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct sending *sending = owner;
	sending->connection = NULL;
	if (sending->code == EXIT_NO_SERVER)
		(void)fprintf(stderr, "leveret: at %s: %s\n", smtp_step_name(outcome->step),
			      outcome->reply.text);
	loop_stop(sending->loop);
}

static void is_late(void *owner)
{
	struct sending *sending = owner;
	(void)fprintf(stderr, "leveret: the server did not answer in time\n");
	loop_stop(sending->loop);
}

static const struct smtp_session_handler handler = {
	.ready = on_ready,
	.recipient_done = on_recipient_done,
	.transaction_done = on_transaction_done,
	.ended = on_ended,
};

static int converse(struct sending *sending, const struct net_address *server,
		    const struct smtp_timeouts *timeouts, const struct site_settings *site)
{
	struct why why = {""};
	struct smtp_client *client = NULL;
	sending->loop = loop_new();
	sending->code = EXIT_NO_SERVER;
	struct timer *limit = timer_new(sending->loop, is_late, sending);
	timer_start(limit, LIMIT_MS);
	const struct tls_demand in_clear = {.host_name = ""};
	struct tls_demand *demand = tls_demand_new(&in_clear);
	struct smtp_target target = {.address = *server,
				     .host_name = "localhost",
				     .helo = "localhost",
				     .site = site,
				     .tls = demand};
	if (smtp_client_new(sending->loop, &(struct smtp_client_options){.timeouts = timeouts},
			    &client, &why) == OK) {
		sending->connection = smtp_client_open(client, &target, &handler, sending);
		loop_run(sending->loop);
	} else {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
	}
	smtp_client_free(&client);
	tls_demand_unref(&demand);
	timer_free(&limit);
	loop_free(&sending->loop);
	return sending->code;
}

/* ---- what to send, to whom, where ---- */

static bool read_message(const char *path, struct buf *out)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (!in) {
		(void)fprintf(stderr, "leveret: %s: %s\n", path, strerror(errno));
		return false;
	}
	char piece[65536];
	size_t got = 0;
	enum err err = OK;
	while (err == OK && (got = fread(piece, 1, sizeof piece, in)) > 0)
		err = buf_append(out, bytes_from(piece, got));
	bool is_read = err == OK && !ferror(in);
	if (!is_read)
		(void)fprintf(stderr, "leveret: %s: %s\n", path,
			      err == OK ? strerror(errno) : "the message is too large");
	if (in != stdin)
		(void)fclose(in);
	return is_read;
}

static bool collect_recipients(const struct options *options, struct bytes message,
			       struct recipients *recipients)
{
	const char *given[OPTIONS_MAX];
	size_t given_count = options_values(options, "to", given);
	for (size_t i = 0; i < given_count; i++)
		recipients->items[recipients->count++] = bytes_of(given[i]);
	for (size_t i = 0; i < options->argument_count && recipients->count < RECIPIENTS_MAX; i++)
		recipients->items[recipients->count++] = bytes_of(options->arguments[i]);
	if (options_has(options, "extract") && recipients_from_header(message, recipients) != OK) {
		(void)fprintf(stderr, "leveret: the header names too many recipients\n");
		return false;
	}
	if (recipients->count == 0)
		(void)fprintf(stderr, "leveret: no recipient: give --to ADDRESS, or -t to take "
				      "them from the header\n");
	return recipients->count > 0;
}

/* --server, else the first SMTP listener of the settings file, with the loopback address where it listens on any. */
static bool find_server(const struct options *options, const struct settings *settings,
			struct net_address *ret)
{
	const char *text = options_value(options, "server", NULL);
	if (!text && settings->listeners.count > 0)
		text = CONF_ITEM(&settings->listeners, struct listener_settings, 0)->address;
	if (!text || !net_address_parse(text, 25, ret)) {
		(void)fprintf(stderr, "leveret: no server: give --server ADDRESS:PORT, or a "
				      "listener in the settings file\n");
		return false;
	}
	if (ret->sa.any.sa_family == AF_INET && ret->sa.v4.sin_addr.s_addr == htonl(INADDR_ANY))
		ret->sa.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (ret->sa.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ret->sa.v6.sin6_addr))
		ret->sa.v6.sin6_addr = in6addr_loopback;
	return true;
}

static int send_message(const struct options *options, const struct settings *settings)
{
	struct buf raw;
	struct net_address server;
	struct arena *arena = arena_new();
	struct sending *sending = arena_zalloc(arena, 1, sizeof *sending);
	int code = EXIT_USAGE;
	buf_init(&raw, MESSAGE_MAX);
	if (find_server(options, settings, &server) &&
	    read_message(options_value(options, "file", "-"), &raw) &&
	    collect_recipients(options, buf_bytes(&raw), &sending->recipients)) {
		struct routing *routing = routing_new(&settings->routing);
		struct site_settings site = *routing_site_settings(routing, "default");
		site.tls = 0; /* loopback or a server of our own: none */
		sending->as_json = options_has(options, "json");
		sending->transaction = (struct smtp_transaction){
			.sender = bytes_of(options_value(options, "from", "")),
			.recipients = sending->recipients.items,
			.recipient_count = sending->recipients.count,
			.eightbit = true,
			.content = message_for_sending(arena, buf_bytes(&raw)),
		};
		code = converse(sending, &server, &settings->smtp_timeouts, &site);
		routing_free(&routing);
	}
	buf_done(&raw);
	arena_free(&arena);
	return code;
}

static int run_send(const struct options *options)
{
	struct conf *conf = NULL;
	const struct settings *settings = NULL;
	bool has_server = options_has(options, "server");
	log_init(LOG_ERROR, LOG_FORMAT_TEXT, "leveret");
	if (has_server) { /* works on a host without a settings file */
		if (conf_load_text("", &settings_root, &conf) == OK)
			settings = conf_root(conf);
	} else {
		settings = program_settings(options, &conf);
	}
	int code = settings ? send_message(options, settings) : EXIT_USAGE;
	conf_free(&conf);
	return code;
}

static const struct option_row rows[] = {
	{"from", 'f', "ADDRESS", "envelope sender (default: the null sender)"},
	{"to", 'a', "ADDRESS", "recipient; may be given several times, or as arguments"},
	{"extract", 't', NULL, "take recipients from To, Cc and Bcc"},
	{"file", 'F', "FILE", "message to send (default: standard input)"},
	{"server", 's', "ADDRESS", "submit here instead of the settings file's first listener"},
	{"ignore-dots", 'i', NULL, "for sendmail's sake: a dot alone never ends the message here"},
	{"options", 'o', "TEXT", "for sendmail's sake: ignored"},
};

const struct verb verb_send = {
	.name = "send",
	.synopsis = "[ADDRESS...]",
	.argument_max = RECIPIENTS_MAX,
	.summary = "submit a message, like sendmail",
	.text = "Submits a message by SMTP to the local ingest. Lines may end in LF. A link to the "
		"program named `sendmail` is this verb,\n"
		"so that PHP and cron find what they expect.\n\n"
		"  leveret send --from news@example.com --to anna@example.net --file letter.eml\n"
		"  mail-making-script | leveret send -t -i\n\n"
		"Exit code 0 when every recipient was accepted, 4 when one was refused, 1 when one "
		"should be tried later.",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run_send,
};
