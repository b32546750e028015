/* The rows of tallies, as message.c has those of the others. */
#include <stddef.h>

#include "schemas/leveret.pb-c.h"
#include "schemas/message.h"
#include "schemas/tls_report.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define AT(member)   .at = offsetof(struct OF, member)
#define LIST(items, count, most)                                                                   \
	AT(items), .count_at = offsetof(struct OF, count), .count_max = (most)
#define REQUIRED .is_required = true

#define RUAS_MAX  8
#define LINES_MAX 100 /* of a policy string; policies have 64 hosts at the most */

#define OF tls_tally
static const struct field tally_fields[] = {
	{"day", FIELD_UINT32, AT(day)},
	{"domain", FIELD_NAME, AT(domain), REQUIRED},
	{"ruas", FIELD_NAME, LIST(ruas, rua_count, RUAS_MAX)},
	{"policy_type", FIELD_UINT32, AT(policy_type)},
	{"policy_string", FIELD_TEXT, LIST(policy_string, policy_string_count, LINES_MAX)},
	{"policy_domain", FIELD_NAME, AT(policy_domain)},
	{"mx_patterns", FIELD_NAME, LIST(mx_patterns, mx_pattern_count, LINES_MAX)},
	{"result", FIELD_UINT32, AT(result)},
	{"sending_address", FIELD_NAME, AT(sending_address)},
	{"mx_host", FIELD_NAME, AT(mx_host)},
	{"receiving_address", FIELD_NAME, AT(receiving_address)},
	{"reason", FIELD_NAME, AT(reason)},
	{"count", FIELD_UINT64, AT(count)},
};
#undef OF

static const char *tally_problem(const void *decoded)
{
	const struct tls_tally *tally = decoded;
	if (tally->policy_type < TLS_POLICY_TLSA || tally->policy_type > TLS_POLICY_LAST)
		return "policy_type: unknown";
	return tally->result >= TLS_RESULT_COUNT ? "result: unknown" : NULL;
}

const struct message tls_tally_message = {
	.pb = &leveret__v1__tls_tally__descriptor,
	.size = sizeof(struct tls_tally),
	.field_count = COUNT(tally_fields),
	.fields = tally_fields,
	.problem = tally_problem,
};

#define OF tls_tally_batch
static const struct field batch_fields[] = {
	{"id", FIELD_ID, AT(id), REQUIRED},
	{"tallies", FIELD_MESSAGE, REQUIRED, .message = &tls_tally_message,
	 LIST(tallies, count, TLS_TALLIES_MAX)},
};
#undef OF
const struct message tls_tally_batch_message = {
	.pb = &leveret__v1__tls_tally_batch__descriptor,
	.size = sizeof(struct tls_tally_batch),
	.field_count = COUNT(batch_fields),
	.fields = batch_fields,
};

enum err tls_tally_decode(struct arena *arena, struct bytes in, struct tls_tally *ret,
			  struct why *why)
{
	return message_decode(&tls_tally_message, arena, in, ret, why);
}

enum err tls_tally_encode(const struct tls_tally *tally, struct buf *out)
{
	return message_encode(&tls_tally_message, tally, BYTES_NONE, out);
}

enum err tls_tally_batch_decode(struct arena *arena, struct bytes in, struct tls_tally_batch *ret,
				struct why *why)
{
	return message_decode(&tls_tally_batch_message, arena, in, ret, why);
}

enum err tls_tally_batch_encode(const struct tls_tally_batch *batch, struct buf *out)
{
	return message_encode(&tls_tally_batch_message, batch, BYTES_NONE, out);
}

/* The addresses to tell may change within the day. */
enum err tls_tally_kind(const struct tls_tally *tally, struct buf *out)
{
	struct tls_tally kind = *tally;
	kind.count = 0;
	kind.rua_count = 0;
	return tls_tally_encode(&kind, out);
}
