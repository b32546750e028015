/* Return paths and claims as the settings want them: made by workers, known again by the bouncer. Immutable once open: any thread. */
#ifndef LEVERET_LIB_RETURNPATH_RETURNS_H
#define LEVERET_LIB_RETURNPATH_RETURNS_H

#include "lib/returnpath/claim.h"
#include "lib/returnpath/settings.h"

#define RETURN_ID_SIZE	    27
#define RETURN_ADDRESS_SIZE 320

struct returns;
/* Settings are borrowed, NULL: none. *ret is NULL where no keys are given. E_NOT_FOUND, E_MALFORMED: the file of keys. Reads a file: before the loop. */
enum err returns_open(const struct returns_settings *settings, struct returns **ret,
		      struct why *why) MUST_USE;
void returns_close(struct returns **returns); /* forgets the keys */
const struct returns_settings *returns_settings(const struct returns *returns);
const struct return_keys *returns_keys(const struct returns *returns);

/* What a token calls a message: its id where Leveret gave it, else 26 characters of its digest. */
void return_id(struct bytes message_id, char out[RETURN_ID_SIZE]);
/* The envelope sender for a message and a recipient, in canonical form; false where the settings want none. */
bool returns_address(const struct returns *returns, struct bytes message_id, struct bytes recipient,
		     int64_t wall_ms, char out[RETURN_ADDRESS_SIZE]);
/* The token in an address that looks like such a sender; false when it does not. */
bool returns_find_token(const struct returns *returns, struct bytes address,
			struct bytes *ret_token);

/* Lines of `number secret`; `#` begins a comment. Secrets live in the arena. E_MALFORMED with the line. Pure. */
enum err return_keys_read(struct arena *arena, struct bytes text, struct return_keys *ret,
			  struct why *why) MUST_USE;

#endif
