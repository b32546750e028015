/* Who may log in, asked of somebody else: a program of the operator's (ingest.credentials_command) or a service by HTTP
 * (ingest.credentials_url). What is said and answered: ingest/http/login_form.h. Lives on one loop, and never waits. */
#ifndef LEVERET_INGEST_LOGIN_BACKEND_H
#define LEVERET_INGEST_LOGIN_BACKEND_H

#include "ingest/credentials.h"
#include "ingest/http/login_form.h"
#include "ingest/ingest.h"

struct login_backend;
/* NULL when the settings name none. Borrows the settings. */
struct login_backend *login_backend_new(struct loop *loop, const struct ingest_settings *settings);
void login_backend_free(struct login_backend **backend); /* nobody is told any more */

enum login_finding {
	LOGIN_FOUND_RIGHT,
	LOGIN_FOUND_WRONG,
	LOGIN_NOT_FOUND_OUT, /* nobody answered, or not in the way that was asked for; it is in the log */
};
struct login_inquiry;
/* The credentials are of one user, who is the receiver's now; NULL unless right. */
typedef void (*login_found)(void *owner, enum login_finding finding,
			    struct credentials *credentials);
/* `done` comes once, from the loop, later. E_FULL: too many are asked for; E_AWAY: nobody to ask now. E_MALFORMED: nobody can have
 * such a name and password. Then it does not come. */
enum err login_backend_ask(struct login_backend *backend, const struct login_question *question,
			   login_found done, void *owner, struct login_inquiry **ret) MUST_USE;
void login_inquiry_cancel(struct login_inquiry **inquiry); /* NULL is accepted; not from `done` */

#endif
