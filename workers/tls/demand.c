/* One block of memory each, but for the key. */
#include "workers/tls/demand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/crypto/digest.h"

static char *key_of(const struct tls_demand *demand)
{
	char hex[DIGEST_HEX_SIZE] = "";
	char *key = NULL;
	if (demand->record_count > 0) {
		struct digest digest = digest_of(bytes_from(
			demand->records, demand->record_count * sizeof *demand->records));
		digest_hex(&digest, hex);
	}
	if (asprintf(&key, "%d %d %d %s %s %s", (int)demand->level, (int)demand->authority,
		     demand->is_observed, demand->host_name, demand->domain ? demand->domain : "",
		     hex) < 0)
		abort();
	return key;
}

/* Field by field into zeroed memory, so that equal records are equal bytes. */
static struct tlsa_record *copy_records(const struct tls_demand *like)
{
	if (like->record_count == 0)
		return NULL;
	struct tlsa_record *records = memory_array(like->record_count, sizeof *records);
	for (size_t i = 0; i < like->record_count; i++) {
		const struct tlsa_record *from = &like->records[i];
		records[i].usage = from->usage;
		records[i].selector = from->selector;
		records[i].matching = from->matching;
		records[i].len = from->len;
		memcpy(records[i].data, from->data, from->len);
	}
	return records;
}

struct tls_demand *tls_demand_new(const struct tls_demand *like)
{
	struct tls_demand *demand = memory_new(sizeof *demand);
	*demand = *like;
	demand->references = 1;
	demand->host_name = memory_text(like->host_name);
	demand->domain = like->domain ? memory_text(like->domain) : NULL;
	demand->records = copy_records(like);
	demand->key = key_of(demand);
	return demand;
}

struct tls_demand *tls_demand_ref(struct tls_demand *demand)
{
	if (demand)
		demand->references++;
	return demand;
}

void tls_demand_unref(struct tls_demand **demand)
{
	struct tls_demand *d = *demand;
	*demand = NULL;
	if (!d || --d->references > 0)
		return;
	free((void *)(uintptr_t)d->host_name);
	free((void *)(uintptr_t)d->domain);
	free((void *)(uintptr_t)d->records);
	free((void *)(uintptr_t)d->key);
	free(d);
}

const char *tls_demand_authentication(const struct tls_demand *demand)
{
	if (demand->record_count > 0)
		return "dane";
	if (demand->level != SMTP_TLS_VERIFIED)
		return "none";
	return demand->authority == TLS_BY_STS ? "mta-sts" : "verified";
}
