/* Checks passwords on a thread of its own, because a hash takes longer than a loop may. Everything but the hashing happens on the
 * loop's thread. */
#ifndef LEVERET_INGEST_PASSWORD_CHECKER_H
#define LEVERET_INGEST_PASSWORD_CHECKER_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

#define PASSWORD_CHECKS_MAX 64 /* that wait; at 100 ms each the last one waits 6 s */

struct password_checker;
struct password_checker *password_checker_new(struct loop *loop);
void password_checker_free(struct password_checker **checker); /* nobody is told any more */

struct password_check;
typedef void (*password_checked)(void *owner, bool matches);
/* Copies hash and password. `done` comes once, from the loop. E_FULL: too many wait. */
enum err password_check_start(struct password_checker *checker, const char *hash,
			      struct bytes password, password_checked done, void *owner,
			      struct password_check **ret) MUST_USE;
void password_check_forget(struct password_check **check); /* it goes on, without `done` */

#endif
