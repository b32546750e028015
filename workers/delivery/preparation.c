/* From a request to the text of one transaction: rendered if it is a skeleton, then signed. As late as can be, so that a request of 100
 * recipients holds one message for each that is under way, and not 100, and so that a signature is young when it is sent. Recipients who
 * get the same bytes share their signature.
 *
 *   raw --> ready                       nothing is to be signed
 *   raw --> signing --> ready, refused  on the signer's threads; the lane waits
 */
#include "lib/mail/repair.h"
#include "workers/delivery/marks.h"
#include "workers/delivery/request_inner.h"

static struct text *text_of(struct bundle *bundle)
{
	struct request *request = bundle->request;
	if (request->rendering || request->is_marked)
		return &bundle->own;
	return bundle->is_seven_bit ? &request->seven_bit : &request->shared;
}

static enum preparation preparation_of(struct bundle *bundle);

/* ---- the end of a text ---- */

static void drop(struct text *text)
{
	signing_drop(&text->signing);
	if (text->is_rendered)
		buf_done(&text->rendered);
	text->is_rendered = false;
	text->state = TEXT_RAW;
}

void bundle_close(struct bundle *bundle)
{
	bundle->is_preparing = false;
	if (bundle->own.state != TEXT_SIGNING) /* else on_signed() does it */
		drop(&bundle->own);
}

void bundle_drop(struct bundle *bundle)
{
	drop(&bundle->own);
}

void request_drop_texts(struct request *request)
{
	drop(&request->shared);
	drop(&request->seven_bit);
}

/* ---- signing ---- */

static void tell_bundle(struct bundle *bundle)
{
	if (bundle->is_open && bundle->is_preparing) {
		bundle->is_preparing = false;
		transaction_prepared(&bundle->transaction, preparation_of(bundle) == PREPARED);
	} else if (!bundle->is_open) {
		drop(&bundle->own);
	}
}

/* The request stays until the end of this: the text counts as unkept. */
static void on_signed(struct signing *signing)
{
	struct text *text = (struct text *)((char *)signing - offsetof(struct text, signing));
	struct request *request = text->request;
	text->state = signing->outcome == SIGNING_DONE ? TEXT_READY : TEXT_REFUSED;
	for (size_t i = 0; i < request->bundle_count; i++)
		if (text_of(request->bundles[i]) == text)
			tell_bundle(request->bundles[i]);
	request_note_kept(request);
}

static void begin_signing(struct text *text, struct bytes message)
{
	struct request *request = text->request;
	struct signer *signer = request->set->options.signer;
	text->state = TEXT_READY;
	if (!signer)
		return;
	text->signing.message = message;
	text->signing.pool = request->pool;
	text->signing.done = on_signed;
	switch (signer_sign(signer, &text->signing)) {
	case SIGNING_UNDER_WAY:
		text->state = TEXT_SIGNING;
		request->unkept_count++;
		break;
	case SIGNING_DONE:
		break;
	default:
		text->state = TEXT_REFUSED;
		break;
	}
}

/* ---- telling ---- */

static void report_all(struct bundle *bundle, const char *step, unsigned code,
		       struct enhanced_code enhanced, const char *why)
{
	struct request *request = bundle->request;
	const char *text = arena_cstr(request->arena, bytes_of(why));
	for (size_t i = 0; i < bundle->transaction.mail.recipient_count; i++)
		if (request->fates[bundle->indexes[i]].kind == FATE_OPEN)
			report_local(request, bundle->indexes[i], step, code, enhanced, text);
}

static void report_refused(struct bundle *bundle, const struct signing *signing)
{
	const char *why = signing->why.text;
	if (signing->outcome == SIGNING_NO_KEY)
		report_all(bundle, "dkim", 451, (struct enhanced_code){4, 7, 20}, why);
	else if (signing->outcome == SIGNING_REFUSED)
		report_all(bundle, "dkim", 554, (struct enhanced_code){5, 6, 0}, why);
	else
		report_all(bundle, "dkim", 451, (struct enhanced_code){4, 3, 0}, why);
}

/* ---- preparing ---- */

static enum err render(struct bundle *bundle, struct why *why)
{
	struct text *text = &bundle->own;
	const struct request *request = bundle->request;
	buf_init(&text->rendered, RENDERED_MAX);
	text->is_rendered = true;
	return rendering_write(request->rendering, &request->mail.recipients[bundle->indexes[0]],
			       &text->rendered, why);
}

/* RFC 6152 3: for a host that takes 7 bits only. Signed parts cannot be written again. */
static enum err write_in_seven_bits(struct bundle *bundle, struct why *why)
{
	struct text *text = text_of(bundle);
	struct bytes content = bundle->request->mail.content;
	if (content.len > REPAIR_SIZE_MAX)
		return fail(why, E_MALFORMED,
			    "the remote host does not offer 8BITMIME, and the mail is too big to "
			    "be written again");
	buf_init(&text->rendered, 4 * REPAIR_SIZE_MAX);
	text->is_rendered = true;
	enum err err =
		repair_write(content, REPAIR_EIGHT_BIT, REPAIR_LINE_MAX, &text->rendered, why);
	if (err)
		drop(text);
	return err;
}

static struct bytes message_of(const struct bundle *bundle, const struct text *text)
{
	return text->is_rendered ? buf_bytes(&text->rendered) : bundle->request->mail.content;
}

/* One more copy, as a signature is over all of it. */
static enum err write_marks(struct bundle *bundle)
{
	const struct request *request = bundle->request;
	struct text *text = &bundle->own;
	struct bytes message = message_of(bundle, text);
	struct buf marked;
	buf_init(&marked, message.len + MARKS_MAX);
	enum err err = marks_write(request->set->options.returns, &request->mail,
				   &request->mail.recipients[bundle->indexes[0]], message,
				   loop_wall_ms(request->set->options.loop), &marked);
	if (!err)
		err = buf_append(&marked, message);
	if (text->is_rendered)
		buf_done(&text->rendered);
	text->rendered = marked;
	text->is_rendered = true;
	return err;
}

static enum preparation preparation_of(struct bundle *bundle)
{
	struct text *text = text_of(bundle);
	struct smtp_transaction *mail = &bundle->transaction.mail;
	if (text->state == TEXT_SIGNING) {
		bundle->is_preparing = true;
		return PREPARED_LATER;
	}
	if (text->state == TEXT_REFUSED) {
		report_refused(bundle, &text->signing);
		return PREPARED_NEVER;
	}
	mail->content = message_of(bundle, text);
	mail->head = text->signing.has_fields ? buf_bytes(&text->signing.fields) : BYTES_NONE;
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
	struct request *request = bundle->request;
	struct text *text = text_of(bundle);
	struct why why = {""};
	if (is_recalled(bundle))
		return PREPARED_NEVER;
	if (text->state == TEXT_RAW) {
		text->request = request;
		if (request->rendering && render(bundle, &why) != OK) {
			report_all(bundle, "body", 554, (struct enhanced_code){5, 6, 0}, why.text);
			return PREPARED_NEVER;
		}
		if (bundle->is_seven_bit && write_in_seven_bits(bundle, &why) != OK) {
			report_all(bundle, "body", 554, (struct enhanced_code){5, 6, 3}, why.text);
			return PREPARED_NEVER;
		}
		if (request->is_marked && write_marks(bundle) != OK) {
			report_all(bundle, "body", 554, (struct enhanced_code){5, 6, 0},
				   "there is no room for the header fields of `returns`");
			return PREPARED_NEVER;
		}
		begin_signing(text, message_of(bundle, text));
	}
	return preparation_of(bundle);
}
