/* leveret tls report: what is kept of reports on TLS, read from the bouncer's store; sending one now is a directive to the bouncer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bouncer/tlsreports/compose.h"
#include "bouncer/tlsreports/keep.h"
#include "leveret/bouncer_store.h"
#include "leveret/directing.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define LIMIT_MS     20000
#define DOMAIN_ROOM  (255 * 6 + 1)
#define ADDRESS_ROOM (TLS_RUA_SIZE * 6)

/* False: told on standard error. */
static bool parse_day(const struct options *options, uint32_t *ret_day)
{
	const char *text = options_value(options, "day", NULL);
	char time[64];
	int64_t wall_ms = clock_wall_ms(clock_system()) - TLS_DAY_MS;
	(void)snprintf(time, sizeof time, "%.20sT00:00:00Z", text ? text : "");
	if (text && !clock_parse_rfc3339(bytes_of(time), &wall_ms)) {
		(void)fprintf(stderr, "leveret: --day %s: expected a day such as 2026-11-21\n",
			      text);
		return false;
	}
	*ret_day = (uint32_t)(wall_ms / TLS_DAY_MS);
	return true;
}

/* ---- the list ---- */

struct listing {
	const char *domain; /* NULL: all */
	uint32_t day;
	bool has_day, as_json;
};

static const char *state_text(const struct tls_report_state *state)
{
	uint32_t all = (UINT32_C(1) << state->ruas.count) - 1;
	if (state->is_closed)
		return (state->done & all) == all ? "sent" : "given_up";
	return state->tries > 0 ? "failed" : "waits";
}

static void print_state(const struct listing *listing, uint32_t day, struct bytes domain,
			const struct tls_report_state *state)
{
	char name[DOMAIN_ROOM], date[CLOCK_RFC3339_SIZE], next[CLOCK_RFC3339_SIZE] = "";
	(void)log_escape_json(domain, name, sizeof name);
	clock_rfc3339((int64_t)day * TLS_DAY_MS, date);
	date[10] = '\0';
	if (!state->is_closed)
		clock_rfc3339(state->next_wall_ms, next);
	(void)printf(listing->as_json ? "{\"day\":\"%s\",\"domain\":\"%s\",\"state\":\"%s\","
					"\"kinds\":%" PRIu32 ",\"tries\":%" PRIu32
					",\"next\":\"%s\",\"to\":["
				      : "%s\t%s\t%s\t%" PRIu32 " kinds\t%" PRIu32 " tries\t%s\t",
		     date, name, state_text(state), state->kinds, state->tries, next);
	for (size_t i = 0; i < state->ruas.count; i++) {
		char to[ADDRESS_ROOM];
		(void)log_escape_json(bytes_of(state->ruas.uris[i]), to, sizeof to);
		(void)printf(listing->as_json ? "%s\"%s\"" : "%s%s", i > 0 ? "," : "", to);
	}
	(void)printf(listing->as_json ? "]}\n" : "\n");
}

static bool print_one(void *owner, struct bytes key, struct bytes value)
{
	const struct listing *listing = owner;
	struct tls_report_state state;
	struct bytes domain;
	uint32_t day;
	if (tls_report_key_parse(key, &day, &domain) && tls_report_state_parse(value, &state) &&
	    (!listing->domain || bytes_is(domain, listing->domain)) &&
	    (!listing->has_day || listing->day == day))
		print_state(listing, day, domain, &state);
	return true;
}

static int run_list(struct store *store, struct listing *listing)
{
	struct store_txn *txn = store_read_begin(store);
	enum err err = store_each(txn, store_database(store, "tls.reports"), BYTES_NONE, print_one,
				  listing);
	store_read_end(&txn);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* ---- one report ---- */

static int print_report(struct store *store, const struct tls_edition *edition)
{
	struct tls_keep keep;
	struct tls_tally *tallies;
	size_t count = 0;
	struct buf json;
	struct arena *arena = arena_new();
	tls_keep_init(&keep, store, edition->settings);
	buf_init(&json, TLS_REPORT_SIZE_MAX);
	struct store_txn *txn = store_read_begin(store);
	enum err err = tls_keep_read(txn, &keep, edition->day, bytes_of(edition->domain), arena,
				     &tallies, &count);
	store_read_end(&txn);
	if (!err && count > 0)
		err = tls_edition_json(edition, tallies, count, &json);
	if (err)
		(void)fprintf(stderr, "leveret: the report cannot be made: %s\n", err_text(err));
	else if (count == 0)
		(void)fprintf(stderr, "leveret: nothing was counted for %s on that day\n",
			      edition->domain);
	else
		(void)fwrite(buf_bytes(&json).data, 1, buf_bytes(&json).len, stdout);
	buf_done(&json);
	arena_free(&arena);
	return err ? EXIT_FAILED : count > 0 ? EXIT_DONE : EXIT_NOT_FOUND;
}

static int run_look(const struct options *options, uint32_t day)
{
	struct conf *conf = NULL;
	const struct settings *settings = program_settings(options, &conf);
	struct store *store = settings ? bouncer_store_open(settings) : NULL;
	struct listing listing = {
		.domain = options_value(options, "domain", NULL),
		.day = day,
		.has_day = options_has(options, "day"),
		.as_json = options_has(options, "json"),
	};
	int code = settings ? EXIT_NO_SERVER : EXIT_USAGE;
	if (store && options_has(options, "dry-run")) {
		const struct tls_edition edition = {
			.settings = &settings->tls_reports, .day = day, .domain = listing.domain};
		code = print_report(store, &edition);
	} else if (store) {
		code = run_list(store, &listing);
	}
	store_close(&store);
	conf_free(&conf);
	return code;
}

/* ---- sending ---- */

static void tell_sending(const struct directing *directing)
{
	(void)printf("%.*s: the bouncer is asked to send the report\n",
		     BYTES_ARGS(directing->directive.domain));
}

static int run(const struct options *options)
{
	const char *domain = options_value(options, "domain", NULL);
	bool is_now = options_has(options, "now"), is_dry = options_has(options, "dry-run");
	uint32_t day;
	if ((is_now || is_dry) && (!domain || !domain[0] || strlen(domain) > 255)) {
		(void)fprintf(stderr, "leveret: give --domain\n");
		return EXIT_USAGE;
	}
	if (is_now && is_dry) {
		(void)fprintf(stderr, "leveret: give one of --now and --dry-run\n");
		return EXIT_USAGE;
	}
	if (!parse_day(options, &day))
		return EXIT_USAGE;
	if (!is_now)
		return run_look(options, day);
	struct directing sending = {
		.directive = {.kind = DIRECTIVE_TLS_REPORT,
			      .domain = bytes_of(domain),
			      .until_wall_ms = (int64_t)day * TLS_DAY_MS,
			      .by = bytes_of(directing_user())},
		.told = tell_sending,
	};
	struct errand errand = {.begin = directing_begin, .owner = &sending};
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row rows[] = {
	{"day", 'd', "DAY", "of UTC, as 2026-11-21 (default: yesterday; of the list: all)"},
	{"domain", 0, "DOMAIN", "of recipients, as its record is published for"},
	{"dry-run", 0, NULL, "print the report as JSON, and send nothing"},
	{"now", 0, NULL, "send it now, also when it was sent; of a day that is not over, so far"},
};

const struct verb verb_tls_report = {
	.name = "tls report",
	.synopsis = "",
	.summary = "reports on TLS to other domains: list, look at one, send one now",
	.text = "Without --dry-run and --now it lists what is kept, a line each: day, domain, "
		"`waits`, `sent`, `failed`\n(tried again) or `given_up`, kinds of sessions, tries, "
		"when it is sent, to whom. Both of these run on\nthe bouncer's host; --now asks "
		"the bouncer from anywhere.",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run,
};
