#include "ingest/http/transmission.h"

#include <stddef.h>

#include "ingest/http/content_form.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define AT(member)   offsetof(struct transmission, member)

/* ---- recipients ---- */

static enum err read_address(const struct form *form, json_t *json, void *to,
			     const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"email", form_text, offsetof(struct posted_recipient, address)},
		{"name", form_name, offsetof(struct posted_recipient, name)},
		{"header_to", form_line, offsetof(struct posted_recipient, shown_address)},
	};
	struct posted_recipient *recipient = to;
	struct bytes text = BYTES_NONE;
	if (!json_is_object(json)) {
		enum err err = form_text(form, json, &text, place);
		content_split_mailbox(text, &recipient->name, &recipient->address);
		if (err == OK && recipient->name.len > 0) /* judged as one given by itself is */
			err = form_check_name(form, recipient->name, place);
		return err;
	}
	enum err err = form_object(form, json, rows, COUNT(rows), recipient, place);
	if (err == OK && recipient->shown_address.len > 0)
		err = content_check_shown(form, &recipient->shown_address, place);
	return err;
}

static enum err read_recipient(const struct form *form, json_t *json, void *to,
			       const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"address", read_address, 0},
		{"substitution_data", content_variables,
		 offsetof(struct posted_recipient, variables)},
		{"metadata", form_metadata, offsetof(struct posted_recipient, labels)},
		{"tags", form_tags, offsetof(struct posted_recipient, labels)},
		{"return_path", content_refuse, 0},
	};
	const struct posted_recipient *recipient = to;
	enum err err = form_object(form, json, rows, COUNT(rows), to, place);
	if (err == OK && recipient->address.len == 0)
		err = form_missing(form, place, "address");
	return err;
}

static enum err read_recipients(const struct form *form, json_t *json, void *to,
				const struct form_place *place)
{
	struct posting *posting = to;
	void *items = NULL;
	if (!json_is_array(json))
		return form_fail(form, place, E_MALFORMED, "not a list");
	enum err err = form_list(form, json, SCHEMA_RECIPIENTS_MAX, sizeof(struct posted_recipient),
				 read_recipient, &items, &posting->recipient_count, place);
	posting->recipients = items;
	return err;
}

/* ---- the whole ---- */

static enum err read_options(const struct form *form, json_t *json, void *to,
			     const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"start_time", form_instant, AT(posting.not_before_wall_ms)},
		{"expires", form_instant, AT(posting.expires_wall_ms)},
		{"ip_pool", form_name, AT(posting.pool)},
		{"retry", form_name, AT(posting.retry)},
		{"window", form_name, AT(posting.window)},
		{"priority", form_priority, AT(posting.priority)},
		{"transactional", content_pass_over, 0},
		{"perform_substitutions", content_pass_over, 0},
		{"open_tracking", content_refuse_true, 0},
		{"initial_open", content_refuse_true, 0},
		{"click_tracking", content_refuse_true, 0},
		{"sandbox", content_refuse_true, 0},
		{"skip_suppression", content_refuse_true, 0},
		{"inline_css", content_refuse_true, 0},
	};
	return form_object(form, json, rows, COUNT(rows), to, place);
}

static enum err read_return_path(const struct form *form, json_t *json, void *to,
				 const struct form_place *place)
{
	struct posting *posting = to;
	posting->has_sender = true;
	return form_line(form, json, &posting->sender, place);
}

static enum err complete(const struct form *form, struct transmission *transmission,
			 int64_t wall_ms)
{
	struct posting *posting = &transmission->posting;
	bool is_composed = transmission->composition.from.address.len > 0;
	struct buf out;
	if (posting->recipient_count == 0)
		return fail(form->why, E_MALFORMED, "recipients: missing");
	if (!is_composed && posting->content.len == 0)
		return fail(form->why, E_MALFORMED, "content: missing");
	if (!posting->has_sender && !is_composed)
		return fail(form->why, E_MALFORMED,
			    "return_path: missing, and email_rfc822 is not looked into");
	if (!is_composed)
		return OK;
	if (!posting->has_sender)
		posting->sender = transmission->composition.from.address;
	for (size_t i = 0; i < posting->recipient_count; i++)
		if (posting->recipients[i].variables.len == 0)
			posting->recipients[i].variables = BYTES("{}");
	buf_init(&out, SCHEMA_CONTENT_MAX);
	enum err err = compose(form->arena, &transmission->composition, wall_ms, &out);
	if (err == OK)
		posting->content = arena_copy(form->arena, buf_bytes(&out));
	buf_done(&out);
	posting->is_skeleton = true;
	return err == OK ? OK : fail(form->why, E_TOO_BIG, "content: too large");
}

enum err transmission_read(struct arena *arena, struct bytes in, int64_t wall_ms,
			   struct transmission *ret, struct why *why)
{
	static const struct form_row rows[] = {
		{"recipients", read_recipients, AT(posting)},
		{"content", content_read, 0},
		{"options", read_options, 0},
		{"campaign_id", form_name, AT(posting.labels.campaign)},
		{"return_path", read_return_path, AT(posting)},
		{"metadata", form_metadata, AT(posting.labels)},
		{"tags", form_tags, AT(posting.labels)},
		{"substitution_data", content_variables, AT(composition.variables)},
		{"description", content_pass_over, 0},
	};
	struct form form = {arena, why};
	struct transmission transmission = {0};
	json_t *root = NULL;
	enum err err = form_parse(in, &root, why);
	if (err != OK)
		return err;
	err = form_object(&form, root, rows, COUNT(rows), &transmission, NULL);
	json_decref(root);
	if (err == OK)
		err = complete(&form, &transmission, wall_ms);
	if (err == OK)
		*ret = transmission;
	return err;
}
