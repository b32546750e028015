/* The API keys of the settings: who asks, what it may do, and how much. Only hashes are known here. Lives on one loop. */
#ifndef LEVERET_LIB_API_API_KEYS_H
#define LEVERET_LIB_API_API_KEYS_H

#include "lib/conf/conf.h"
#include "lib/crypto/digest.h"

enum api_scope {
	API_SEND = 1,
	API_READ = 2,
	API_RECALL = 4,
	API_SUPPRESS = 8,
	API_EVENTS = 16,
	API_WEBHOOKS = 32,
};

struct api_key_settings { /* one entry of `api_keys:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "lib/api/api_key.def"
#undef X
};
extern const struct conf_section api_keys_section; /* a map of struct api_key_settings */

/* What only the other sections show: pools that do not exist. `pools`: struct pool_settings. */
void api_keys_check(struct conf *conf, const struct conf_items *keys,
		    const struct conf_items *pools);

struct api_key {
	const struct api_key_settings *settings;
	struct digest digest;
	unsigned scopes;  /* enum api_scope */
	double allowance; /* recipients that may be sent now; below 0: in debt */
	int64_t filled_at_ms;
};

struct api_keys;
struct api_keys *api_keys_new(const struct conf_items *settings); /* of struct api_key_settings */
void api_keys_free(struct api_keys **keys);
/* What a request says in Authorization: "Bearer KEY", or KEY alone. NULL: nobody's. Takes the same time whatever is given. */
struct api_key *api_keys_find(struct api_keys *keys, const char *authorization);

/* How long to wait before more may be sent; 0: now. A minute's worth may come at once, and the request that passes the limit is still
 * taken: the next one waits. */
int64_t api_key_wait_ms(struct api_key *key, int64_t now_ms);
void api_key_spend(struct api_key *key, size_t recipient_count);

#endif
