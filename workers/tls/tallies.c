#include "workers/tls/tallies.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/base/memory.h"
#include "lib/obs/metrics.h"

#define KIND_MAX    ((size_t)64 << 10)
#define OTHERS_EACH 5 /* of the kinds, one in so many more are kept for "others" */

struct kind {
	struct bytes key;
	uint64_t count;
	uint8_t *encoded; /* the tally, with whom to tell */
	size_t encoded_len;
	UT_hash_handle hh;
};

struct tls_tallies {
	size_t kinds_max;
	struct kind *kinds;
	struct buf key, encoded;
};

struct tls_tallies *tls_tallies_new(size_t kinds_max)
{
	struct tls_tallies *tallies = memory_new(sizeof *tallies);
	tallies->kinds_max = kinds_max;
	buf_init(&tallies->key, KIND_MAX);
	buf_init(&tallies->encoded, KIND_MAX);
	return tallies;
}

static void drop(struct tls_tallies *tallies, struct kind *kind)
{
	HASH_DEL(tallies->kinds, kind);
	free((void *)kind->key.data);
	free(kind->encoded);
	free(kind);
}

void tls_tallies_free(struct tls_tallies **tallies)
{
	struct tls_tallies *freeing = *tallies;
	*tallies = NULL;
	if (!freeing)
		return;
	while (freeing->kinds)
		drop(freeing, freeing->kinds);
	buf_done(&freeing->key);
	buf_done(&freeing->encoded);
	free(freeing);
}

static uint8_t *copy(struct bytes b)
{
	uint8_t *to = memory_new(b.len);
	memcpy(to, b.data, b.len);
	return to;
}

static bool add(struct tls_tallies *tallies, const struct tls_tally *tally, size_t kinds_max)
{
	struct kind *kind = NULL;
	buf_clear(&tallies->key);
	if (tls_tally_kind(tally, &tallies->key) != OK)
		return false;
	struct bytes key = buf_bytes(&tallies->key);
	HASH_FIND(hh, tallies->kinds, key.data, key.len, kind);
	if (!kind) {
		buf_clear(&tallies->encoded);
		if (HASH_COUNT(tallies->kinds) >= kinds_max ||
		    tls_tally_encode(tally, &tallies->encoded) != OK)
			return false;
		kind = memory_new(sizeof *kind);
		kind->key = bytes_from(copy(key), key.len);
		kind->encoded_len = buf_bytes(&tallies->encoded).len;
		kind->encoded = copy(buf_bytes(&tallies->encoded));
		HASH_ADD_KEYPTR(hh, tallies->kinds, kind->key.data, kind->key.len, kind);
	}
	kind->count++;
	return true;
}

static struct tls_tally others_of(const struct tls_tally *tally)
{
	return (struct tls_tally){
		.day = tally->day,
		.domain = tally->domain,
		.ruas = tally->ruas,
		.rua_count = tally->rua_count,
		.policy_type = tally->policy_type,
		.policy_domain = tally->policy_domain,
		.result = tally->result,
		.reason = tally->result == TLS_SUCCESS ? BYTES_NONE : BYTES(TLS_TALLY_OTHERS),
	};
}

static struct bytes address_text(const struct net_address *address, char out[NET_ADDRESS_SIZE])
{
	if (!address || address->len == 0)
		return BYTES_NONE;
	net_address_ip_text(address, out);
	return bytes_of(out);
}

bool tls_tallies_count(struct tls_tallies *tallies, const struct tls_account *account,
		       const struct tls_session *session)
{
	char from[NET_ADDRESS_SIZE], to[NET_ADDRESS_SIZE];
	struct tls_tally tally = account->tally;
	tally.day = session->day;
	if (session->result != TLS_SUCCESS) {
		tally.result = session->result;
		tally.reason = bytes_of(session->reason);
	}
	if (tally.result == TLS_SUCCESS) {
		tally.mx_host = BYTES_NONE;
	} else {
		tally.sending_address = address_text(session->sending_address, from);
		tally.receiving_address = address_text(session->receiving_address, to);
	}
	const char *outcome = tally.result == TLS_SUCCESS ? "success" : "failure";
	bool is_counted = add(tallies, &tally, tallies->kinds_max);
	if (!is_counted) {
		tally = others_of(&tally);
		is_counted =
			add(tallies, &tally, tallies->kinds_max + tallies->kinds_max / OTHERS_EACH);
	}
	if (!is_counted)
		outcome = "dropped";
	metric_add(M_tls_sessions_counted_total, &outcome, 1);
	return is_counted;
}

size_t tls_tallies_kinds(const struct tls_tallies *tallies)
{
	return HASH_COUNT(tallies->kinds);
}

size_t tls_tallies_take(struct tls_tallies *tallies, struct arena *arena, size_t max,
			struct tls_tally **ret)
{
	size_t count = 0;
	*ret = arena_zalloc(arena, max, sizeof **ret);
	while (tallies->kinds && count < max) {
		struct kind *kind = tallies->kinds;
		struct bytes encoded =
			arena_copy(arena, bytes_from(kind->encoded, kind->encoded_len));
		struct tls_tally *tally = &(*ret)[count];
		if (tls_tally_decode(arena, encoded, tally, NULL) != OK)
			abort(); /* we wrote it */
		tally->count = kind->count;
		count++;
		drop(tallies, kind);
	}
	return count;
}
