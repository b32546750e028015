/* The table of `bouncer:`. */
#include "bouncer/bouncer.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct bouncer_settings, __VA_ARGS__)
#include "bouncer/bouncer.def"
#undef X
};

static const struct conf_child children[] = {
	{&policies_section, offsetof(struct bouncer_settings, policies)},
	{&safety_section, offsetof(struct bouncer_settings, safety)},
	{&bouncer_listeners_section, offsetof(struct bouncer_settings, listeners)},
};

const struct conf_section bouncer_section = {
	.name = "bouncer",
	.help = "What becomes of results and returned mail.",
	.shape = CONF_ONE,
	.size = sizeof(struct bouncer_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.children = children,
	.child_count = CONF_COUNT(children),
};
