/* The table of `accounting:`. */
#include "bouncer/telling/accounting_settings.h"

#include <stdio.h>

#include "bouncer/telling/accounting_row.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct accounting_settings, __VA_ARGS__)
#include "bouncer/telling/accounting.def"
#undef X
};

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct accounting_settings *settings = section;
	char setting[256];
	for (size_t i = 0; i < settings->records.count; i++) {
		(void)snprintf(setting, sizeof setting, "%s.records[%zu]", path, i);
		if (record_of_name(settings->records.items[i]) == RECORD_NONE)
			conf_fault(conf, setting, "expected d, b, t, rb or f: \"%.60s\"",
				   settings->records.items[i]);
	}
	for (size_t i = 0; i < settings->fields.count; i++) {
		(void)snprintf(setting, sizeof setting, "%s.fields[%zu]", path, i);
		if (!accounting_has_field(settings->fields.items[i]))
			conf_fault(conf, setting, "there is no column \"%.60s\"",
				   settings->fields.items[i]);
	}
}

const struct conf_section accounting_section = {
	.name = "accounting",
	.help = "By name: files that the bouncer writes of what became of mail "
		"(docs/accounting.md).",
	.shape = CONF_MAP,
	.size = sizeof(struct accounting_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
