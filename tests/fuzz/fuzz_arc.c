/* What a forwarded message brings along: DKIM-Signature fields and a chain of ARC, read, judged with records that anybody may publish, and sealed.
 * The first byte says which answer DNS gives; the record is the message's first line. A chain that has failed stays failed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dkim/arrival.h"
#include "lib/dkim/record.h"

static struct signing_key *key;
static uint8_t own_record[DKIM_RECORD_MAX];
static size_t own_len;

static void make_key(void)
{
	struct buf out;
	key = signing_key_generate(SIGNING_RSA, 1024);
	buf_init(&out, sizeof own_record);
	assert(dkim_record_write(key, &out) == OK);
	own_len = out.len;
	memcpy(own_record, buf_bytes(&out).data, out.len);
	buf_done(&out);
}

static void answer(struct dkim_keys *keys, uint8_t seed, struct bytes record)
{
	assert(keys->count <= DKIM_KEYS_MAX);
	for (size_t i = 0; i < keys->count; i++) {
		struct dkim_key *one = &keys->items[i];
		assert(memchr(one->name, '\0', sizeof one->name) &&
		       strstr(one->name, "._domainkey."));
		one->state = (enum dkim_key_state)((seed + i) % 3);
		one->record = seed % 2 ? record : bytes_from(own_record, own_len);
	}
}

static enum err seal(struct bytes message, uint8_t seed, struct bytes record, struct buf *out,
		     bool *ret_is_sealed, enum arc_status *ret_status)
{
	static const char *const names[] = {"subject", "dkim-signature"};
	struct dkim_wish wish = {.domain = "fuzz.example",
				 .selector = "s",
				 .key = key,
				 .header_canon = CANON_RELAXED,
				 .body_canon = CANON_RELAXED,
				 .names = {names, 2},
				 .signed_at_s = 1};
	struct arrival_seal wanted = {&wish, "mx.example"};
	struct arrival *arrival = NULL;
	struct why why;
	enum err err = arrival_read(message, 1000, &arrival, &why);
	if (err != OK)
		return err;
	answer(arrival_keys(arrival), seed, record);
	err = arrival_sign(arrival, NULL, 0, &wanted, out, ret_is_sealed, &why);
	*ret_status = arrival_status(arrival);
	arrival_free(&arrival);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, second, message;
	bool is_sealed = false, is_sealed_again = false;
	enum arc_status status = ARC_NONE, again = ARC_NONE;
	if (!key)
		make_key();
	if (size == 0)
		return 0;
	struct bytes in = bytes_from(data + 1, size - 1);
	ptrdiff_t lf = bytes_find(in, '\n');
	struct bytes record = bytes_first(in, lf < 0 ? 0 : (size_t)lf);
	in = bytes_skip(in, (size_t)(lf + 1));
	buf_init(&first, ARRIVAL_FIELDS_MAX);
	buf_init(&second, ARRIVAL_FIELDS_MAX);
	buf_init(&message, ARRIVAL_FIELDS_MAX + size);
	if (seal(in, data[0], record, &first, &is_sealed, &status) == OK && is_sealed) {
		assert(buf_append(&message, buf_bytes(&first)) == OK);
		assert(buf_append(&message, in) == OK);
		assert(seal(buf_bytes(&message), 0, BYTES_NONE, &second, &is_sealed_again,
			    &again) == OK);
		assert(status != ARC_FAIL || (again == ARC_FAIL && !is_sealed_again));
	}
	buf_done(&first);
	buf_done(&second);
	buf_done(&message);
	return 0;
}
