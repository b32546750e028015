/* The table of `mailerq:`, and what its rows cannot check. */
#include "ingest/mailerq/settings.h"

#include <string.h>

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct mailerq_settings, __VA_ARGS__)
#include "ingest/mailerq/mailerq.def"
#undef X
};

/* A result in the outbox would be sent as mail. */
static void check(struct conf *conf, const void *section, const char *path)
{
	const struct mailerq_settings *settings = section;
	const char *const queues[] = {settings->results, settings->success, settings->failure,
				      settings->retry};
	(void)path;
	for (size_t i = 0; i < CONF_COUNT(queues); i++)
		if (strcmp(queues[i], settings->outbox) == 0)
			conf_fault(conf, "mailerq.outbox", "is also a queue for results");
}

const struct conf_section mailerq_section = {
	.name = "mailerq",
	.help = "For publishers and readers of results that were made for MailerQ.",
	.shape = CONF_ONE,
	.size = sizeof(struct mailerq_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
