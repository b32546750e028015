/* The rows say of each message what its .proto says. */
#include "fixture_schemas.h"
#include "schemas/message.h"

static void assert_rows_agree(const struct message *message)
{
	assert_int_equal(message->field_count, message->pb->n_fields);
	assert_true(message->field_count <= MESSAGE_FIELDS_MAX);
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = &message->fields[i];
		const ProtobufCFieldDescriptor *pb = &message->pb->fields[i];
		assert_string_equal(field->name, pb->name);
		bool is_list = pb->label == PROTOBUF_C_LABEL_REPEATED;
		assert_int_equal(field->count_max > 0, is_list);
		static const ProtobufCType types[] = {
			[FIELD_ID] = PROTOBUF_C_TYPE_BYTES,
			[FIELD_NAME] = PROTOBUF_C_TYPE_BYTES,
			[FIELD_ADDRESS] = PROTOBUF_C_TYPE_BYTES,
			[FIELD_TEXT] = PROTOBUF_C_TYPE_BYTES,
			[FIELD_CONTENT] = PROTOBUF_C_TYPE_BYTES,
			[FIELD_WALL_MS] = PROTOBUF_C_TYPE_INT64,
			[FIELD_UINT32] = PROTOBUF_C_TYPE_UINT32,
			[FIELD_UINT64] = PROTOBUF_C_TYPE_UINT64,
			[FIELD_BOOL] = PROTOBUF_C_TYPE_BOOL,
			[FIELD_ENUM] = PROTOBUF_C_TYPE_ENUM,
			[FIELD_MESSAGE] = PROTOBUF_C_TYPE_MESSAGE,
		};
		assert_int_equal(types[field->kind], pb->type);
		assert_true(field->at + (is_list ? sizeof(void *) : field_item_size(field)) <=
			    message->size);
		if (field->kind == FIELD_CONTENT)
			assert_ptr_equal(field, message_content(message));
		if (field->kind == FIELD_MESSAGE) {
			assert_ptr_equal(field->message->pb, pb->descriptor);
			assert_rows_agree(field->message);
		}
		if (field->kind == FIELD_ENUM) {
			const ProtobufCEnumDescriptor *values = pb->descriptor;
			for (unsigned k = 0; k < values->n_values; k++)
				assert_true(bytes_is_nocase(bytes_of(values->values[k].name),
							    field->names[values->values[k].value]));
			assert_null(field->names[values->n_values + 1]);
		}
	}
}

static void test_the_rows_say_what_the_proto_says(void **state)
{
	(void)state;
	assert_rows_agree(&submission_message);
	assert_rows_agree(&delivery_request_message);
	assert_rows_agree(&result_batch_message);
	assert_rows_agree(&inbound_mail_message);
	assert_rows_agree(&suppression_message);
	assert_rows_agree(&directive_message);
	assert_rows_agree(&skeleton_message);
	assert_rows_agree(&tls_tally_batch_message);
}

static void test_events_are_named_as_in_routing_keys(void **state)
{
	(void)state;
	assert_string_equal(result_event_name(RESULT_DELIVERED), "delivered");
	assert_string_equal(result_event_name(RESULT_SUPPRESSED), "suppressed");
	assert_string_equal(result_event_name(RESULT_CANCELLED), "cancelled");
	assert_string_equal(result_event_name((enum result_event)0), "unknown");
	assert_string_equal(result_event_name((enum result_event)7), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rows_say_what_the_proto_says),
		cmocka_unit_test(test_events_are_named_as_in_routing_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
