/* GET /v1/suppressions and /v1/suppressions/export: entries, a page at a time, in the order of the ledger. A page may be shorter than was
 * asked for, even empty, as no request looks at more than so many entries; the last one has no `next`. */
#include <stdio.h>
#include <string.h>

#include "bouncer/http/walk.h"
#include "lib/base/memory.h"
#include "schemas/suppression_csv.h"

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000
#define EXPORT_LIMIT   10000
#define KEYS_MAX       200000
#define PAGE_MAX       ((size_t)16 << 20)
#define PAGE_ROOM      ((size_t)256 << 10) /* for one entry, and the end */
#define KEY_HEX_MAX    (STORE_KEY_MAX * 2 + 1)

enum form { AS_LIST, AS_NDJSON, AS_CSV };

struct page {
	enum form form;
	uint64_t limit, count;
	struct buf out;
};

static enum err write_entry(struct page *page, const struct suppression *entry)
{
	switch (page->form) {
	case AS_CSV:
		return suppression_csv_write(entry, &page->out);
	case AS_NDJSON:
		if (suppression_to_json(entry, &page->out))
			return E_FULL;
		return buf_append_text(&page->out, "\n");
	default:
		if (page->count > 0 && buf_append_text(&page->out, ","))
			return E_FULL;
		return suppression_to_json(entry, &page->out);
	}
}

static bool on_entry(struct bouncer_visit *visit, const struct suppression *entry)
{
	struct page *page = visit->result;
	if (page->count == page->limit || buf_room(&page->out) < PAGE_ROOM)
		return false;
	size_t before = page->out.len;
	if (write_entry(page, entry)) { /* one that cannot be told is passed over */
		page->out.len = before;
		return true;
	}
	page->count++;
	return true;
}

static void hex_of(struct bytes key, char out[KEY_HEX_MAX])
{
	for (size_t i = 0; i < key.len; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", key.data[i]);
	out[2 * key.len] = '\0';
}

static void answer_list(struct bouncer_visit *visit, struct page *page, const char *next)
{
	enum err err = next[0] ? buf_printf(&page->out, "],\"next\":\"%s\"}\n", next)
			       : buf_append_text(&page->out, "]}\n");
	if (err)
		api_refuse(&visit->api, 500, "the page is too long");
	else
		api_answer(&visit->api, 200, buf_bytes(&page->out));
}

static void answer_lines(struct bouncer_visit *visit, struct page *page, const char *next)
{
	const char *form = page->form == AS_CSV ? "csv" : "ndjson";
	const struct http_field field = {
		"Link", arena_printf(visit->api.arena,
				     "</v1/suppressions/export?format=%s&limit=%llu&after=%s>; "
				     "rel=\"next\"",
				     form, (unsigned long long)page->limit, next)};
	const struct http_reply reply = {
		.status = 200,
		.content_type = page->form == AS_CSV ? "text/csv" : "application/x-ndjson",
		.body = buf_bytes(&page->out),
		.fields = &field,
		.field_count = next[0] ? 1 : 0,
	};
	api_answer_with(&visit->api, &reply);
}

static void on_done(struct bouncer_visit *visit, enum err err, struct bytes next)
{
	struct page *page = visit->result;
	char hex[KEY_HEX_MAX];
	hex_of(next, hex);
	if (err)
		api_fail(&visit->api, err, "the ledger cannot be read now");
	else if (page->form == AS_LIST)
		answer_list(visit, page, hex);
	else
		answer_lines(visit, page, hex);
	buf_done(&page->out);
}

static const struct walk_handler handler = {.each = on_entry, .done = on_done};

/* What `next` was. False: it never was one. */
static bool parse_key(struct bytes hex, uint8_t out[STORE_KEY_MAX], size_t *ret_len)
{
	if (hex.len % 2 != 0 || hex.len / 2 > STORE_KEY_MAX)
		return false;
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = bytes_hex_digit(hex.data[i]), low = bytes_hex_digit(hex.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high * 16 + low);
	}
	*ret_len = hex.len / 2;
	return true;
}

static void give_page(struct bouncer_visit *visit, const struct selection *selection,
		      enum form form, uint64_t limit)
{
	uint8_t from[STORE_KEY_MAX];
	size_t from_len = 0;
	if (!parse_key(selection->after, from, &from_len)) {
		api_refuse(&visit->api, 400, "after is what a page gave as next");
		return;
	}
	struct page *page = arena_zalloc(visit->api.arena, 1, sizeof *page);
	page->form = form;
	page->limit = limit;
	buf_init(&page->out, PAGE_MAX);
	enum err err = OK;
	if (form == AS_LIST)
		err = buf_append_text(&page->out, "{\"suppressions\":[");
	else if (form == AS_CSV && from_len == 0)
		err = buf_printf(&page->out, "%s\r\n", suppression_csv_names);
	(void)err; /* there is room */
	visit->result = page;
	walk_start(visit, selection, bytes_from(from, from_len), KEYS_MAX, &handler);
	if (!visit->is_at_work)
		buf_done(&page->out);
}

void http_suppressions_list(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct selection selection;
	if (!selection_read(visit, &selection))
		return;
	uint64_t limit = selection.limit ? selection.limit : LIST_LIMIT;
	give_page(visit, &selection, AS_LIST, limit < LIST_LIMIT_MAX ? limit : LIST_LIMIT_MAX);
}

void http_suppressions_export(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	struct selection selection;
	if (!selection_read(visit, &selection))
		return;
	if (selection.format.len > 0 && !bytes_is(selection.format, "csv") &&
	    !bytes_is(selection.format, "ndjson")) {
		api_refuse(api, 400, "format is csv or ndjson");
		return;
	}
	give_page(visit, &selection, bytes_is(selection.format, "csv") ? AS_CSV : AS_NDJSON,
		  selection.limit ? selection.limit : EXPORT_LIMIT);
}
