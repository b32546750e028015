/* Names to values by uthash. Out of memory aborts. */
#include "lib/routing/names.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

static unsigned seeded_hash(const void *key, size_t len);

#define HASH_FUNCTION(key, len, hash) (hash) = seeded_hash((key), (len))
#define uthash_fatal(message)	      abort()
#include <uthash.h>

struct name {
	const char *text;
	const void *value;
	UT_hash_handle hh;
};

struct names {
	struct name *table;
};

static unsigned seeded_hash(const void *key, size_t len)
{
	static _Atomic uint64_t seed; /* 0: not drawn yet; the first thread's draw stays */
	uint64_t none = 0;
	if (!seed)
		atomic_compare_exchange_strong(&seed, &none, random_u64() | 1);
	uint64_t hash = hash_bytes(seed, bytes_from(key, len));
	return (unsigned)(hash ^ hash >> 32);
}

struct names *names_new(void)
{
	return memory_new(sizeof(struct names));
}

void names_free(struct names **names)
{
	if (!*names)
		return;
	struct name *name = (*names)->table;
	HASH_CLEAR(hh, (*names)->table); /* frees the index; the names stay chained */
	while (name) {
		struct name *next = name->hh.next;
		free(name);
		name = next;
	}
	free(*names);
	*names = NULL;
}

const void *names_add(struct names *names, const char *text, const void *value)
{
	struct name *name;
	HASH_FIND_STR(names->table, text, name);
	if (name)
		return name->value;
	name = memory_new(sizeof(*name));
	name->text = text;
	name->value = value;
	HASH_ADD_KEYPTR(hh, names->table, name->text, strlen(text), name);
	return NULL;
}

const void *names_find(const struct names *names, const char *text)
{
	struct name *name;
	HASH_FIND_STR(names->table, text, name);
	return name ? name->value : NULL;
}
