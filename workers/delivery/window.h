/* Hours in which mail may be sent, by days of the week and the clock of a time zone. What asks of them is pure. */
#ifndef LEVERET_WORKERS_DELIVERY_WINDOW_H
#define LEVERET_WORKERS_DELIVERY_WINDOW_H

#include "lib/base/arena.h"
#include "lib/base/zone.h"
#include "lib/conf/conf.h"

struct window_settings { /* one entry of `windows:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "workers/delivery/window.def"
#undef X
};
extern const struct conf_section windows_section; /* a map of struct window_settings */

struct window {
	const char *name;
	unsigned days;		    /* bits: 1 Sunday, 2 Monday ... */
	int from_minute, to_minute; /* of the day; to <= from: on the next day */
	const struct zone *zone;    /* NULL: UTC */
	bool is_of_recipient;	    /* and `zone` is that of recipients of whom none is told */
};
#define WINDOW_NEVER INT64_MAX

bool window_is_open(const struct window *window, int64_t wall_ms);
/* That time if it is open then, else its next opening; WINDOW_NEVER if it has none within two weeks. */
int64_t window_opening_ms(const struct window *window, int64_t wall_ms);

/* "mon-fri", "sun", "fri-mon" into bits; "08:00" to "24:00" into minutes. */
bool window_days_parse(const char *text, unsigned *ret);
bool window_time_parse(const char *text, int *ret_minute);
/* Reads its zone from `directory`, so not on a loop that is at work. */
enum err window_read(struct arena *arena, const struct window_settings *settings,
		     const char *directory, struct window *ret, struct why *why) MUST_USE;
#define WINDOW_ZONES "/usr/share/zoneinfo"

struct windows;
enum err windows_new(const struct conf_items *settings, struct windows **ret,
		     struct why *why) MUST_USE;
void windows_free(struct windows **windows);
const struct window *windows_find(const struct windows *windows,
				  struct bytes name); /* NULL: none */
/* The window as it is for a recipient, whose zone has one of these names: the first that is one. */
#define WINDOW_ZONE_METADATA "time-zone" /* where a message tells it */
struct window windows_for(const struct windows *windows, const struct window *window,
			  const struct bytes *zones, size_t zone_count);

#endif
