/* Checks passwords on threads of its own, because a hash takes longer than a loop may. Networks of clients take turns
 * (ingest/password_queue.h). Everything but the hashing happens on the loop's thread. */
#ifndef LEVERET_INGEST_PASSWORD_CHECKER_H
#define LEVERET_INGEST_PASSWORD_CHECKER_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"

struct password_checker;
struct password_checker *password_checker_new(struct loop *loop, size_t thread_count);
void password_checker_free(struct password_checker **checker); /* nobody is told any more */

enum password_verdict {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_NOT_CHECKED, /* others, whose network asked for less, took its place */
};
struct password_question { /* borrowed during the call */
	const struct net_address *client;
	const char *hash;
	struct bytes password;
};
struct password_check;
/* Must not ask for another check. */
typedef void (*password_checked)(void *owner, enum password_verdict verdict);
/* `done` comes once, later: from the loop, or NOT_CHECKED inside of another one's start. E_FULL: too many wait. */
enum err password_check_start(struct password_checker *checker,
			      const struct password_question *question, password_checked done,
			      void *owner, struct password_check **ret) MUST_USE;
void password_check_forget(struct password_check **check); /* it goes on, without `done` */

#endif
