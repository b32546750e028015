/* From a request to the text of one transaction: rendered if it is a skeleton, written again where the host does not take it as it came,
 * marked, then signed. As late as can be, so that a request of 100 recipients holds one message for each that is under way, and not 100,
 * and so that a signature is young when it is sent. Recipients who get the same bytes share their text.
 *
 *   raw --> [writing] --> [signing] --> ready, refused       in brackets: on threads; the lane waits
 *
 * Binary mail that no signature fits (binary_policy) comes back from signing to be written again. */
#include "workers/delivery/marks.h"
#include "workers/delivery/request_inner.h"

static bool has_own(const struct bundle *bundle)
{
	return bundle->request->rendering || bundle->request->is_marked;
}

/* NULL: nothing was prepared. */
static struct text *text_of(const struct bundle *bundle)
{
	return has_own(bundle) ? bundle->own : bundle->request->shared[bundle->form];
}

/* Most requests that wait have none. */
static struct text *text_for(struct bundle *bundle)
{
	struct request *request = bundle->request;
	struct text **text = has_own(bundle) ? &bundle->own : &request->shared[bundle->form];
	if (!*text)
		*text = arena_zalloc(request->arena, 1, sizeof **text);
	return *text;
}

static enum preparation preparation_of(struct bundle *bundle);

/* ---- the end of a text ---- */

static void drop(struct text *text)
{
	if (!text)
		return;
	signing_drop(&text->signing);
	if (text->is_rendered)
		buf_done(&text->rendered);
	*text = (struct text){.state = TEXT_RAW};
}

static bool is_under_way(const struct text *text)
{
	return text->state == TEXT_WRITING || text->state == TEXT_SIGNING;
}

void bundle_close(struct bundle *bundle)
{
	const struct request *request = bundle->request;
	struct smtp_transaction *mail = &bundle->transaction.mail;
	mail->content = request->rendering ? BYTES_NONE : request->mail.content;
	mail->head = BYTES_NONE;
	bundle->is_preparing = false;
	if (bundle->own && !is_under_way(bundle->own)) /* else note_step() does it */
		drop(bundle->own);
}

void bundle_drop(struct bundle *bundle)
{
	drop(bundle->own);
}

void request_drop_texts(struct request *request)
{
	for (size_t i = 0; i < TEXT_FORM_COUNT; i++)
		drop(request->shared[i]);
}

/* ---- steps ---- */

static void refuse(struct text *text, const char *step, unsigned code,
		   struct enhanced_code enhanced, const char *why)
{
	text->state = TEXT_REFUSED;
	text->refusal.step = step;
	text->refusal.code = code;
	text->refusal.enhanced = enhanced;
	text->refusal.why = arena_cstr(text->request->arena, bytes_of(why));
}

static void begin_step(struct text *text, enum text_state state)
{
	text->state = state;
	text->request->unkept_count++;
}

static void tell_bundle(struct bundle *bundle)
{
	if (bundle->is_open && bundle->is_preparing) {
		bundle->is_preparing = false;
		transaction_prepared(&bundle->transaction, preparation_of(bundle) == PREPARED);
	} else if (!bundle->is_open) {
		drop(bundle->own);
	}
}

/* At the end of one on a thread. The request stays until the end of this: the text counts as unkept. */
static void note_step(struct text *text)
{
	struct request *request = text->request;
	for (size_t i = 0; !is_under_way(text) && i < request->bundle_count; i++)
		if (text_of(request->bundles[i]) == text)
			tell_bundle(request->bundles[i]);
	request_note_kept(request);
}

static struct bytes message_of(const struct text *text)
{
	return text->is_rendered ? buf_bytes(&text->rendered) : text->request->mail.content;
}

static void replace(struct text *text, struct buf rendered)
{
	if (text->is_rendered)
		buf_done(&text->rendered);
	text->rendered = rendered;
	text->is_rendered = true;
}

/* ---- signing ---- */

static void rewrite(struct text *text, unsigned kinds);

static void take_signing(struct text *text)
{
	const char *why = text->signing.why.text;
	text->state = TEXT_READY;
	if (text->signing.outcome == SIGNING_NO_KEY)
		refuse(text, "dkim", 451, (struct enhanced_code){4, 7, 20}, why);
	else if (text->signing.outcome == SIGNING_REFUSED)
		refuse(text, "dkim", 554, (struct enhanced_code){5, 6, 0}, why);
	else if (text->signing.outcome != SIGNING_DONE)
		refuse(text, "dkim", 451, (struct enhanced_code){4, 3, 0}, why);
}

static void on_signed(struct signing *signing)
{
	struct text *text = (struct text *)((char *)signing - offsetof(struct text, signing));
	take_signing(text);
	note_step(text);
}

static void sign(struct text *text)
{
	struct request *request = text->request;
	const struct requests_options *options = &request->set->options;
	bool has_bare_line_ends = text->is_binary && request->mail.bare_line_ends;
	text->state = TEXT_READY;
	if (!options->signer)
		return;
	text->signing.message = message_of(text);
	text->signing.pool = request->pool;
	text->signing.is_binary = has_bare_line_ends;
	text->signing.refuses_binary =
		has_bare_line_ends && !text->is_for_signing && options->binary != BINARY_SEND;
	text->signing.done = on_signed;
	enum signing_outcome outcome = signer_sign(options->signer, &text->signing);
	if (outcome == SIGNING_UNDER_WAY) {
		begin_step(text, TEXT_SIGNING);
	} else if (outcome == SIGNING_WANTS_LINES) {
		text->is_for_signing = true;
		rewrite(text, REPAIR_BINARY | REPAIR_LONG_LINES);
	} else {
		take_signing(text);
	}
}

/* ---- marking ---- */

/* One more copy, as a signature is over all of it. */
static enum err write_marks(struct text *text)
{
	const struct request *request = text->request;
	struct bytes message = message_of(text);
	struct buf marked;
	buf_init(&marked, message.len + MARKS_MAX);
	enum err err = marks_write(request->set->options.returns, &request->mail,
				   &request->mail.recipients[text->bundle->indexes[0]], message,
				   loop_wall_ms(request->set->options.loop), &marked);
	if (!err)
		err = buf_append(&marked, message);
	replace(text, marked);
	text->is_marked = true;
	return err;
}

static void mark_and_sign(struct text *text)
{
	if (text->request->is_marked && !text->is_marked && write_marks(text) != OK)
		refuse(text, "body", 554, (struct enhanced_code){5, 6, 0},
		       "there is no room for the header fields of `returns`");
	else
		sign(text);
}

/* ---- writing again ---- */

/* RFC 6152 3, RFC 3030 3. What others signed, or encrypted, cannot be: with a signature of our own it goes as it is, where it may. */
static void take_rewriting(struct text *text)
{
	struct rewriting *rewriting = text->rewriting;
	if (rewriting->err == OK) {
		replace(text, rewriting->text);
		text->is_binary = false;
		text->is_8bit = rewriting->is_8bit;
	} else if (!text->is_for_signing) {
		refuse(text, "body", 554, (struct enhanced_code){5, 6, 3}, rewriting->why.text);
		return;
	}
	mark_and_sign(text);
}

static void on_rewritten(struct rewriting *rewriting)
{
	struct text *text = rewriting->owner;
	take_rewriting(text);
	note_step(text);
}

static void rewrite(struct text *text, unsigned kinds)
{
	text->rewriting = arena_zalloc(text->request->arena, 1, sizeof *text->rewriting);
	text->rewriting->message = message_of(text);
	text->rewriting->kinds = kinds;
	text->rewriting->done = on_rewritten;
	text->rewriting->owner = text;
	if (rewriter_write(text->request->set->rewriter, text->rewriting))
		take_rewriting(text);
	else
		begin_step(text, TEXT_WRITING);
}

/* 0: it goes as it came. */
static unsigned kinds_of(const struct bundle *bundle)
{
	const struct request *request = bundle->request;
	bool converts = request->set->options.binary == BINARY_CONVERT;
	unsigned kinds = bundle->form == FORM_SEVEN_BIT ? REPAIR_EIGHT_BIT : 0;
	if (request->mail.binary && (bundle->form != FORM_GIVEN || converts))
		kinds |= REPAIR_BINARY | REPAIR_LONG_LINES;
	return kinds;
}

/* ---- preparing ---- */

static enum err render(struct bundle *bundle, struct why *why)
{
	const struct request *request = bundle->request;
	struct buf rendered;
	buf_init(&rendered, RENDERED_MAX);
	enum err err = rendering_write(
		request->rendering, &request->mail.recipients[bundle->indexes[0]], &rendered, why);
	replace(bundle->own, rendered);
	return err;
}

static void begin(struct bundle *bundle, struct text *text)
{
	struct request *request = bundle->request;
	struct why why = {""};
	unsigned kinds = kinds_of(bundle);
	text->request = request;
	text->bundle = has_own(bundle) ? bundle : NULL;
	text->is_binary = request->mail.binary;
	text->is_8bit = request->mail.eightbit;
	if (request->rendering && render(bundle, &why) != OK)
		refuse(text, "body", 554, (struct enhanced_code){5, 6, 0}, why.text);
	else if (kinds != 0)
		rewrite(text, kinds);
	else
		mark_and_sign(text);
}

static void report_refused(struct bundle *bundle, const struct text *text)
{
	struct request *request = bundle->request;
	for (size_t i = 0; i < bundle->transaction.mail.recipient_count; i++)
		if (request->fates[bundle->indexes[i]].kind == FATE_OPEN)
			report_local(request, bundle->indexes[i], text->refusal.step,
				     text->refusal.code, text->refusal.enhanced, text->refusal.why);
}

static enum preparation preparation_of(struct bundle *bundle)
{
	struct text *text = text_of(bundle);
	struct smtp_transaction *mail = &bundle->transaction.mail;
	if (is_under_way(text)) {
		bundle->is_preparing = true;
		return PREPARED_LATER;
	}
	if (text->state == TEXT_REFUSED) {
		report_refused(bundle, text);
		return PREPARED_NEVER;
	}
	mail->content = message_of(text);
	mail->head = text->signing.has_fields ? buf_bytes(&text->signing.fields) : BYTES_NONE;
	mail->is_binary = text->is_binary;
	mail->eightbit = text->is_8bit;
	mail->needs_eightbitmime =
		text->is_8bit && bundle->request->set->options.eightbit != EIGHTBIT_SEND;
	return PREPARED;
}

/* A lane can be long: what was recalled while it waited there has not left yet. */
static bool is_recalled(struct bundle *bundle)
{
	enum err recall = request_find_recall(bundle->request);
	if (recall == E_NOT_FOUND)
		return false;
	for (size_t i = 0; i < bundle->transaction.mail.recipient_count; i++)
		if (bundle->request->fates[bundle->indexes[i]].kind == FATE_OPEN)
			report_recall(bundle->request, bundle->indexes[i], recall);
	return true;
}

enum preparation bundle_prepare(struct transaction *transaction)
{
	struct bundle *bundle = (struct bundle *)transaction;
	if (is_recalled(bundle))
		return PREPARED_NEVER;
	struct text *text = text_for(bundle);
	if (text->state == TEXT_RAW)
		begin(bundle, text);
	return preparation_of(bundle);
}
