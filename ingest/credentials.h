/* Who may log in: a file with one line for each user,
 *
 *   name:hash[:tenant[:pool[:domains]]]
 *
 * hash: crypt(3) or Argon2 (lib/crypto/password.h); tenant: whose mail it is; pool: what it is sent from; domains: what the
 * envelope sender and the addresses of From and Sender may be of, separated by commas, `*.example.com` for all below, absent for any.
 * Empty lines and lines that begin with `#` say nothing. Immutable once read; counted references on one thread. */
#ifndef LEVERET_INGEST_CREDENTIALS_H
#define LEVERET_INGEST_CREDENTIALS_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/conf/conf.h"

#define CREDENTIALS_FILE_MAX ((size_t)16 << 20)
#define CREDENTIALS_LINE_MAX 4096
#define CREDENTIAL_NAME_MAX  255

#define CREDENTIAL_DOMAINS_MAX 1000

struct credentials;
struct credential {				 /* lives as long as its table */
	const char *name, *hash, *tenant, *pool; /* "" when absent */
	struct conf_text_list domains;		 /* canonical; none: any */
	struct credentials *table;
};
/* Pure. E_MALFORMED with the number of the line: nothing of a file with a fault is taken. */
enum err credentials_parse(struct bytes text, struct credentials **ret, struct why *why) MUST_USE;
enum err credentials_read(const char *path, struct credentials **ret, struct why *why) MUST_USE;
/* One user whom somebody else knows: without a hash. E_MALFORMED: what is told of it cannot be. */
struct credential_facts {
	struct bytes name, tenant, pool;
	const struct bytes *domains;
	size_t domain_count;
};
enum err credentials_of_one(const struct credential_facts *facts, struct credentials **ret,
			    struct why *why) MUST_USE;
struct credentials *credentials_ref(struct credentials *credentials);
void credentials_unref(struct credentials **credentials); /* NULL is accepted */

size_t credentials_count(const struct credentials *credentials);
const struct credential *
credentials_only(const struct credentials *credentials); /* of credentials_of_one() */
const struct credential *credentials_find(const struct credentials *credentials,
					  struct bytes name); /* NULL: there is none */
/* For a name that is not there: one that is, always the same for the same name, so that refusing costs the same time. NULL: the
 * table is empty. */
const struct credential *credentials_decoy(const struct credentials *credentials,
					   struct bytes name);
/* May mail be sent as this canonical domain? "" is the null sender, which is nobody's. */
bool credential_may_send_as(const struct credential *credential, const char *domain);

#endif
