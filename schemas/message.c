/* See message.h. The rows are in mail_rows.c, result_rows.c and bouncer_rows.c; one that is missing, misplaced or misnamed is a bug
 * that tests/unit/schemas/test_message.c shows. */
#include "schemas/message.h"

size_t field_item_size(const struct field *field)
{
	switch (field->kind) {
	case FIELD_MESSAGE:
		return field->message->size;
	case FIELD_WALL_MS:
		return sizeof(int64_t);
	case FIELD_UINT32:
		return sizeof(uint32_t);
	case FIELD_UINT64:
		return sizeof(uint64_t);
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_ENUM:
		return sizeof(enum result_event);
	default:
		return sizeof(struct bytes);
	}
}

const struct field *message_content(const struct message *message)
{
	for (size_t i = message->field_count; i-- > 0;)
		if (message->fields[i].kind == FIELD_CONTENT)
			return &message->fields[i];
	return NULL;
}

uint32_t message_content_number(const struct message *message)
{
	const struct field *content = message_content(message);
	return content ? message->pb->fields[content - message->fields].id : 0;
}
