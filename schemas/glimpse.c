/* A look into what does not decode as a submission. Fields that are what they should be are taken one by one from the wire, up to the
 * first byte that makes no sense. */
#include <string.h>

#include "schemas/message.h"
#include "schemas/wire.h"

static const struct field *field_of(uint32_t number)
{
	const ProtobufCMessageDescriptor *pb = submission_message.pb;
	for (size_t i = 0; i < submission_message.field_count; i++)
		if (pb->fields[i].id == number)
			return &submission_message.fields[i];
	return NULL;
}

static bool is_taken(const struct field *field, const struct wire_field *found)
{
	return field && found->type == WIRE_BYTES && field->kind < FIELD_CONTENT &&
	       field_check_bytes(field, found->data, NULL, NULL) == OK;
}

static size_t count_bytes_fields(struct bytes rest)
{
	struct wire_field found;
	size_t count = 0;
	while (rest.len > 0 && wire_next(&rest, &found) == OK)
		count += is_taken(field_of(found.number), &found);
	return count;
}

/* Lists share one piece of memory, so only recipients are read: others are a matter of taste. */
void submission_glimpse(struct arena *arena, struct bytes in, struct submission *ret)
{
	size_t max = count_bytes_fields(in);
	struct wire_field found;
	*ret = (struct submission){0};
	if (max == 0)
		return;
	if (max > SCHEMA_RECIPIENTS_MAX)
		max = SCHEMA_RECIPIENTS_MAX;
	ret->recipients = arena_zalloc(arena, max, sizeof *ret->recipients);
	while (in.len > 0 && wire_next(&in, &found) == OK) {
		const struct field *field = field_of(found.number);
		if (!is_taken(field, &found))
			continue;
		if (strcmp(field->name, "recipients") == 0 && ret->recipient_count < max)
			ret->recipients[ret->recipient_count++] = found.data;
		else if (field->count_max == 0)
			memcpy((uint8_t *)ret + field->at, &found.data, sizeof found.data);
	}
}
