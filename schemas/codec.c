/* The messages of schemas.h as Protocol Buffers: each is decoded and encoded by its row (decode.c, encode.c). */
#include "schemas/message.h"

enum err submission_decode(struct arena *arena, struct bytes in, struct submission *ret,
			   struct why *why)
{
	return message_decode(&submission_message, arena, in, ret, why);
}

enum err submission_encode(const struct submission *submission, struct buf *out)
{
	return message_encode(&submission_message, submission, submission->content, out);
}

enum err delivery_request_decode(struct arena *arena, struct bytes in, struct delivery_request *ret,
				 struct why *why)
{
	return message_decode(&delivery_request_message, arena, in, ret, why);
}

enum err delivery_request_encode_head(const struct delivery_request *request,
				      uint64_t content_bytes, struct buf *out)
{
	return message_encode_head(&delivery_request_message, request, content_bytes, 0, out);
}

enum err skeleton_decode(struct arena *arena, struct bytes in, struct skeleton *ret,
			 struct why *why)
{
	return message_decode(&skeleton_message, arena, in, ret, why);
}

enum err skeleton_encode(const struct skeleton *skeleton, struct buf *out)
{
	return message_encode(&skeleton_message, skeleton, BYTES_NONE, out);
}

enum err result_batch_decode(struct arena *arena, struct bytes in, struct result_batch *ret,
			     struct why *why)
{
	return message_decode(&result_batch_message, arena, in, ret, why);
}

enum err result_batch_encode(const struct result_batch *batch, struct buf *out)
{
	return message_encode(&result_batch_message, batch, BYTES_NONE, out);
}

enum err inbound_mail_decode(struct arena *arena, struct bytes in, struct inbound_mail *ret,
			     struct why *why)
{
	return message_decode(&inbound_mail_message, arena, in, ret, why);
}

enum err inbound_mail_encode_head(const struct inbound_mail *mail, uint64_t content_bytes,
				  struct buf *out)
{
	return message_encode_head(&inbound_mail_message, mail, content_bytes, 0, out);
}

enum err inbound_mail_encode(const struct inbound_mail *mail, struct buf *out)
{
	return message_encode(&inbound_mail_message, mail, mail->content, out);
}

enum err suppression_decode(struct arena *arena, struct bytes in, struct suppression *ret,
			    struct why *why)
{
	return message_decode(&suppression_message, arena, in, ret, why);
}

enum err suppression_encode(const struct suppression *suppression, struct buf *out)
{
	return message_encode(&suppression_message, suppression, BYTES_NONE, out);
}

enum err bouncer_event_batch_decode(struct arena *arena, struct bytes in,
				    struct bouncer_event_batch *ret, struct why *why)
{
	return message_decode(&bouncer_event_batch_message, arena, in, ret, why);
}

enum err bouncer_event_batch_encode(const struct bouncer_event_batch *batch, struct buf *out)
{
	return message_encode(&bouncer_event_batch_message, batch, BYTES_NONE, out);
}

enum err webhook_row_decode(struct arena *arena, struct bytes in, struct webhook_row *ret,
			    struct why *why)
{
	return message_decode(&webhook_row_message, arena, in, ret, why);
}

enum err webhook_row_encode(const struct webhook_row *row, struct buf *out)
{
	return message_encode(&webhook_row_message, row, BYTES_NONE, out);
}

enum err directive_decode(struct arena *arena, struct bytes in, struct directive *ret,
			  struct why *why)
{
	return message_decode(&directive_message, arena, in, ret, why);
}

enum err directive_encode(const struct directive *directive, struct buf *out)
{
	return message_encode(&directive_message, directive, BYTES_NONE, out);
}
