/* Webhooks made by the HTTP API: rows of the table "webhooks", checked and read as the settings of one. Pure. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_ROWS_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_ROWS_H

#include "bouncer/telling/webhook_settings.h"
#include "bouncer/telling/webhook_state.h"
#include "lib/base/arena.h"

#define WEBHOOKS_TABLE	      "webhooks"
#define WEBHOOK_ROW_NAME_MAX  64
#define WEBHOOK_ROW_BYTES_MAX 6000 /* encoded */

struct webhook_place { /* what all of them share; borrowed */
	const conf_cidrs *allow_networks;
	const char *ca_file;
};

/* Letters, digits, '-' and '_', as it is part of a queue's name. */
bool webhook_name_is_good(struct bytes name);
/* E_MALFORMED with the reason; E_REFUSED: a special address stands in the URL. */
enum err webhook_row_check(const struct webhook_row *row, const struct webhook_place *place,
			   struct why *why) MUST_USE;
/* What was checked; what the row has not is as the settings have it. In the arena. */
const struct webhook_settings *webhook_row_settings(struct arena *arena,
						    const struct webhook_row *row,
						    const struct webhook_place *place);
/* Would they do the same? Mode, times and version are not looked at. */
bool webhook_row_same(const struct webhook_row *a, const struct webhook_row *b);
/* "whsec_" and 32 random bytes. */
#define WEBHOOK_SECRET_SIZE 64
void webhook_secret_new(char out[WEBHOOK_SECRET_SIZE]);

enum webhook_row_mode webhook_row_mode_of(enum webhook_mode mode);
enum webhook_mode webhook_mode_of(enum webhook_row_mode mode);

#endif
