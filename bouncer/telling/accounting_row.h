/* Lines of accounting files: PowerMTA's CSV (RFC 4180, but without line breaks inside a line) and KumoMTA's JSON. Pure. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_ROW_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_ROW_H

#include "bouncer/telling/accounting_settings.h"
#include "lib/base/buf.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

enum record { RECORD_NONE, RECORD_D, RECORD_B, RECORD_T, RECORD_RB, RECORD_F };
enum record record_of_name(const char *name);
/* RECORD_NONE: files do not tell of it. */
enum record record_of(const struct bouncer_event *event);
bool accounting_wants(const struct accounting_settings *settings,
		      const struct bouncer_event *event);

bool accounting_has_field(const char *name);
/* The first line of a file, with its line end; empty for a format that has none. */
void accounting_header(const struct accounting_settings *settings, struct buf *out);
/* One line with its end. routing (NULL: unknown) tells the addresses of sources. E_FULL. */
enum err accounting_row(const struct accounting_settings *settings, const struct routing *routing,
			const struct bouncer_event *event, struct buf *out) MUST_USE;

#endif
