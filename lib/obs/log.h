/* Log events, one per line. One call feeds the log line and the counter of the event, so they cannot disagree.
 *
 *   log_event(EV_ATTEMPT_FINISHED, F_TEXT("message", id), F_TEXT("event", "delivered"), F_INT("code", 250));
 *
 * Rows are in lib/obs/events.def. Remote text is escaped and cut; secrets are never passed here. May be called from any thread:
 * a line is one write(2) to standard error. Format: key=value, or JSON lines. */
#ifndef LEVERET_LIB_OBS_LOG_H
#define LEVERET_LIB_OBS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format {
	LOG_FORMAT_AUTO,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON
}; /* auto: text on a terminal, JSON in a pipe */

enum event {
#define X(name, level, labels, help) EV_##name,
#include "lib/obs/events.def"
#undef X
	EV_COUNT
};

struct log_field {
	const char *name; /* NULL ends the list */
	enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL } type;
	struct bytes text;
	int64_t number;
};

#define F_TEXT(name, cstr) ((struct log_field){(name), LOG_FIELD_TEXT, bytes_of(cstr), 0})
#define F_BYTES(name, b)   ((struct log_field){(name), LOG_FIELD_TEXT, (b), 0})
#define F_INT(name, n)	   ((struct log_field){(name), LOG_FIELD_INT, BYTES_NONE, (int64_t)(n)})
#define F_BOOL(name, n)	   ((struct log_field){(name), LOG_FIELD_BOOL, BYTES_NONE, (n) ? 1 : 0})

/* What every line of this process starts with; called once, before other threads. */
void log_init(enum log_level lowest, enum log_format format, const char *role);
/* The role of this thread's lines, when one process runs several roles. Borrowed for ever. */
void log_set_role(const char *role);
void log_event_fields(enum event event, const struct log_field *fields);
#define log_event(event, ...)                                                                      \
	log_event_fields((event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

const char *event_name(enum event event);

/* Write b as the inside of a JSON string: quotes, backslash, controls and malformed UTF-8 escaped or replaced.
 * Returns the length written, at most size - 1; out is NUL-terminated, cut at a character. */
size_t log_escape_json(struct bytes b, char *out, size_t size);

#endif
