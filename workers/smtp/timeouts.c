/* The table of `smtp_timeouts:`. */
#include "workers/smtp/timeouts.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct smtp_timeouts, __VA_ARGS__)
#include "workers/smtp/timeouts.def"
#undef X
};

const struct conf_section smtp_timeouts_section = {
	.name = "smtp_timeouts",
	.help = "How long each step of a conversation with a remote host may take.",
	.shape = CONF_ONE,
	.size = sizeof(struct smtp_timeouts),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
};
