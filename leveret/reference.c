/* docs/reference.md: the tables of settings, log events and metrics, as an operator looks them up. */
#include "leveret/settings.h"
#include "lib/obs/log.h"

static const char *level_name(enum log_level level)
{
	static const char *const names[] = {[LOG_DEBUG] = "debug",
					    [LOG_INFO] = "info",
					    [LOG_WARNING] = "warning",
					    [LOG_ERROR] = "error"};
	return names[level];
}

static void write_event(FILE *out, const char *name, enum log_level level, const char *labels,
			const char *help)
{
	fprintf(out, "| `%s` | %s | ", name, level_name(level));
	if (labels)
		fprintf(out, "`leveret_%s_total%s%s%s`", name, labels[0] ? "{" : "", labels,
			labels[0] ? "}" : "");
	fprintf(out, " | %s |\n", help);
}

static void write_metric(FILE *out, const char *name, const char *type, const char *labels,
			 const char *help)
{
	fprintf(out, "| `leveret_%s` | %s | %s | %s |\n", name, type, labels, help);
}

void settings_write_reference(FILE *out)
{
	conf_write_reference(&settings_root, out);
	fputs("\n# Log events\n\nOne event is one line. An event with a counter adds 1 to it on "
	      "each line.\n\n"
	      "| event | level | counter | meaning |\n|---|---|---|---|\n",
	      out);
#define X(name, level, labels, help) write_event(out, #name, level, labels, help);
#include "lib/obs/events.def"
#undef X
	fputs("\n# Metrics\n\nIn the Prometheus text format at `/metrics` of `node.metrics`, with "
	      "the counters above.\n\n"
	      "| metric | type | labels | meaning |\n|---|---|---|---|\n",
	      out);
#define X(name, type, labels, help) write_metric(out, #name, #type, labels, help);
#include "lib/obs/metrics.def"
#undef X
}
