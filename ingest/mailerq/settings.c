/* The table of `mailerq:`, and what its rows cannot check. */
#include "ingest/mailerq/settings.h"

#include <stdio.h>

#include "ingest/mailerq/translate.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct mailerq_settings, __VA_ARGS__)
#include "ingest/mailerq/mailerq.def"
#undef X
};

/* A result in the outbox would be sent as mail. */
static void check(struct conf *conf, const void *section, const char *path)
{
	const struct mailerq_settings *settings = section;
	const struct {
		const char *name, *queue;
	} queues[] = {{"results", settings->results},
		      {"success", settings->success},
		      {"failure", settings->failure},
		      {"retry", settings->retry}};
	for (size_t i = 0; i < CONF_COUNT(queues); i++) {
		char setting[256];
		(void)snprintf(setting, sizeof setting, "%s.%s", path, queues[i].name);
		if (queues[i].queue[0] &&
		    !mailerq_may_publish_to(settings, bytes_of(queues[i].queue)))
			conf_fault(conf, setting,
				   "cannot be the outbox, nor named as a queue of Leveret's");
	}
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
