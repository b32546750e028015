/* The data scanner.
 *
 *   LINE_START --"."--> DOT --CR--> DOT_CR --LF--> end
 *        ^               | else: the dot was added     | else: a CR of its own
 *        |               v                             v
 *        +---CR LF----- LINE <-------------------------+
 *
 * A dot that begins a line never belongs to the content: it ends the message or was added. So
 * content can be handed on as it comes, in runs that are cut only at such dots, and nothing is held
 * back between two pieces. LINE_CR is LINE after a CR that was the last byte of its piece. */
#include "ingest/smtp/data.h"

#include <string.h>

struct run { /* one call of smtpd_data_feed */
	struct smtpd_data *data;
	const uint8_t *at, *end;
	const uint8_t *start; /* of the content that was not handed on yet */
	smtpd_data_span span;
	void *owner;
};

void smtpd_data_init(struct smtpd_data *data, uint64_t bytes_max, size_t line_max,
		     bool may_be_binary)
{
	*data = (struct smtpd_data){
		.bytes_max = bytes_max, .line_max = line_max, .may_be_binary = may_be_binary};
	header_scan_init(&data->header);
}

bool smtpd_data_is_binary(const struct smtpd_data *data)
{
	return data->has_bare_cr || data->has_bare_lf || data->has_nul ||
	       (data->may_be_binary && data->has_long_line);
}

struct smtpd_reply smtpd_data_objection(const struct smtpd_data *data)
{
	bool is_strict = !data->may_be_binary;
	if (is_strict && (data->has_bare_cr || data->has_bare_lf))
		return (struct smtpd_reply){550,
					    "5.5.2 lines end in CR LF, and neither stands alone"};
	if (is_strict && data->has_nul)
		return (struct smtpd_reply){550, "5.6.0 the message holds a NUL"};
	if (data->is_too_big)
		return (struct smtpd_reply){552, "5.3.4 the message is too big"};
	if (is_strict && data->has_long_line)
		return (struct smtpd_reply){550, "5.6.0 a line of the message is too long"};
	return SMTPD_NO_OBJECTION;
}

/* Hand on the content between the run's start and `to`. */
static void hand_on(struct run *run, const uint8_t *to)
{
	struct smtpd_data *data = run->data;
	struct bytes content = bytes_from(run->start, (size_t)(to - run->start));
	if (content.len == 0)
		return;
	data->bytes += content.len;
	if (data->bytes > data->bytes_max)
		data->is_too_big = true;
	if (smtpd_objects(smtpd_data_objection(data)))
		return;
	if (!data->header.is_done)
		header_scan_feed(&data->header, content);
	run->span(run->owner, content);
}

static void count_line_bytes(struct smtpd_data *data, size_t count)
{
	data->line_bytes += count;
	if (data->line_bytes > data->line_max)
		data->has_long_line = true;
}

static void end_line(struct smtpd_data *data)
{
	data->state = DATA_LINE_START;
	data->line_bytes = 0;
}

/* The rest of a line, as far as it is there. */
static void take_line(struct run *run)
{
	struct smtpd_data *data = run->data;
	const uint8_t *at = run->at;
	const uint8_t *lf = memchr(at, '\n', (size_t)(run->end - at));
	const uint8_t *stop = lf ? lf : run->end;
	bool has_cr_last = stop > at && stop[-1] == '\r';
	size_t text_len = (size_t)(stop - at) - has_cr_last;
	if (memchr(at, '\r', text_len))
		data->has_bare_cr = true;
	count_line_bytes(data, text_len);
	run->at = lf ? lf + 1 : run->end;
	if (lf && has_cr_last) {
		end_line(data);
		return;
	}
	if (lf)
		data->has_bare_lf =
			true; /* and no line ends here: ".CRLF" behind it ends nothing */
	data->state = has_cr_last ? DATA_LINE_CR : DATA_LINE;
}

static void take_after_cr(struct run *run)
{
	if (*run->at == '\n') {
		run->at++;
		end_line(run->data);
		return;
	}
	run->data->has_bare_cr = true;
	run->data->state = DATA_LINE;
}

static void take_dot(struct run *run)
{
	hand_on(run, run->at);
	run->start = ++run->at;
	run->data->state = DATA_DOT;
}

static void take_after_dot(struct run *run)
{
	if (*run->at != '\r') {
		run->data->state = DATA_LINE;
		return;
	}
	run->start = ++run->at;
	run->data->state = DATA_DOT_CR;
}

/* True at the end of the message. */
static bool take_after_dot_cr(struct run *run)
{
	if (*run->at == '\n') {
		run->start = ++run->at;
		return true;
	}
	run->data->has_bare_cr = true;
	run->data->state = DATA_LINE;
	return false;
}

/* One step by the state; true at the end of the message. */
static bool step(struct run *run)
{
	switch (run->data->state) {
	case DATA_LINE_START:
		if (*run->at == '.')
			take_dot(run);
		else
			take_line(run);
		return false;
	case DATA_LINE:
		take_line(run);
		return false;
	case DATA_LINE_CR:
		take_after_cr(run);
		return false;
	case DATA_DOT:
		take_after_dot(run);
		return false;
	case DATA_DOT_CR:
		return take_after_dot_cr(run);
	}
	return false;
}

static bool has_8bit(struct bytes b)
{
	uint8_t all = 0; /* no early end: so the compiler makes it 16 bytes at a time */
	for (size_t i = 0; i < b.len; i++)
		all |= b.data[i];
	return all >= 0x80;
}

static void note_bytes(struct smtpd_data *data, struct bytes taken)
{
	if (taken.len > 0 && memchr(taken.data, '\0', taken.len))
		data->has_nul = true;
	if (!data->has_8bit)
		data->has_8bit = has_8bit(taken);
}

size_t smtpd_data_feed(struct smtpd_data *data, struct bytes in, smtpd_data_span span, void *owner,
		       bool *ret_ended)
{
	struct run run = {data, in.data, in.data + in.len, in.data, span, owner};
	bool has_ended = false;
	while (!has_ended && run.at < run.end)
		has_ended = step(&run);
	struct bytes taken = bytes_first(in, (size_t)(run.at - in.data));
	note_bytes(data, taken);
	hand_on(&run, run.at);
	*ret_ended = has_ended;
	return taken.len;
}

void smtpd_data_feed_chunk(struct smtpd_data *data, struct bytes in, smtpd_data_span span,
			   void *owner)
{
	struct run run = {data, in.data, in.data + in.len, in.data, span, owner};
	while (run.at < run.end)
		if (data->state == DATA_LINE_CR)
			take_after_cr(&run);
		else
			take_line(&run);
	note_bytes(data, in);
	hand_on(&run, run.at);
}

void smtpd_data_end_chunks(struct smtpd_data *data, smtpd_data_span span, void *owner)
{
	static const uint8_t line_end[] = {'\r', '\n'};
	struct run run = {data, line_end, line_end + 2, line_end, span, owner};
	if (data->state == DATA_LINE_CR)
		data->has_bare_cr = true;
	else if (data->state == DATA_LINE && !smtpd_data_is_binary(data))
		hand_on(&run, run.end);
	end_line(data);
}
