/* See siting.h. */
#include "leveret/siting.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"

#define TEXT_ROOM (SCHEMA_NAME_MAX * 6 + 1)

bool siting_find(const struct errand *errand, const char *asked, char out[ROUTING_NAME_MAX + 2])
{
	const struct conf_items *sites = &errand->settings->routing.sites;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	for (size_t i = 0; i < sites->count; i++)
		if (strcmp(CONF_ITEM(sites, struct site_settings, i)->name, asked) == 0) {
			(void)snprintf(out, ROUTING_NAME_MAX + 2, "%s", asked);
			return true;
		}
	if (!strchr(asked, '.') || domain_canonical(bytes_of(asked), domain)) {
		(void)fprintf(stderr, "leveret: there is no site \"%s\"\n", asked);
		return false;
	}
	routing_site_key(errand->routing, domain, out);
	return true;
}

void siting_json_text(const char *name, struct bytes value)
{
	char text[TEXT_ROOM];
	(void)log_escape_json(value, text, sizeof text);
	(void)printf("\"%s\":\"%s\"", name, text);
}

void siting_json_time(const char *name, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_rfc3339(wall_ms, text);
	if (wall_ms > 0)
		(void)printf("\"%s\":\"%s\"", name, text);
	else
		(void)printf("\"%s\":null", name);
}

void site_limit_print(const struct site_limit *limit)
{
	const struct directive *directive = &limit->directive;
	char until[CLOCK_RFC3339_SIZE] = "it is lifted";
	if (directive->until_wall_ms)
		clock_rfc3339(directive->until_wall_ms, until);
	(void)printf("site %.*s: %.*s: by %.*s, until %s%s%.*s\n", BYTES_ARGS(directive->site),
		     BYTES_ARGS(directive->limits), BYTES_ARGS(directive->by), until,
		     directive->reason.len ? ": " : "", BYTES_ARGS(directive->reason));
}

/* "a=1 b=2" as {"a":"1","b":"2"}. */
static void print_words(struct bytes words)
{
	const char *between = "";
	(void)printf("\"limits\":{");
	while (words.len > 0) {
		ptrdiff_t space = bytes_find(words, ' ');
		size_t len = space < 0 ? words.len : (size_t)space;
		struct bytes word = bytes_from(words.data, len);
		ptrdiff_t equals = bytes_find(word, '=');
		size_t used = space < 0 ? len : len + 1;
		words = bytes_from(words.data + used, words.len - used);
		if (equals <= 0)
			continue;
		(void)printf("%s\"%.*s\":\"%.*s\"", between, (int)equals, (const char *)word.data,
			     (int)(word.len - (size_t)equals - 1),
			     (const char *)word.data + equals + 1);
		between = ",";
	}
	(void)printf("}");
}

void site_limit_print_json(const struct site_limit *limit)
{
	const struct directive *directive = &limit->directive;
	(void)printf("{");
	siting_json_text("site", directive->site);
	(void)printf(",");
	print_words(directive->limits);
	(void)printf(",");
	siting_json_text("by", directive->by);
	(void)printf(",");
	siting_json_text("reason", directive->reason);
	(void)printf(",");
	siting_json_time("since", (int64_t)limit->version);
	(void)printf(",");
	siting_json_time("until", directive->until_wall_ms);
	(void)printf("}");
}
