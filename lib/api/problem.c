#include "lib/api/problem.h"

#include "lib/obs/log.h"

#define DETAIL_MAX 1024

static const char *title_of(unsigned status)
{
	switch (status) {
#define X(number, text)                                                                            \
	case number:                                                                               \
		return text;
		PROBLEM_TABLE(X)
#undef X
	default:
		return "Error";
	}
}

unsigned problem_status(enum err err)
{
	switch (err) {
	case E_MALFORMED:
		return 400;
	case E_TOO_BIG:
		return 413;
	case E_REFUSED:
		return 422;
	case E_NOT_FOUND:
		return 404;
	default:
		return 503;
	}
}

void problem_begin(unsigned status, const char *detail, struct buf *out)
{
	char escaped[DETAIL_MAX];
	(void)log_escape_json(bytes_of(detail), escaped, sizeof escaped);
	enum err err = buf_printf(out, "{\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"",
				  title_of(status), status, escaped);
	(void)err; /* PROBLEM_MAX holds the longest */
}

void problem_write(unsigned status, const char *detail, struct buf *out)
{
	problem_begin(status, detail, out);
	enum err err = buf_append_text(out, "}\n");
	(void)err;
}
