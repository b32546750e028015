/* A skeleton made into a message for one recipient after the other. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_RENDERING_H
#define LEVERET_WORKERS_DELIVERY_RENDERING_H

#include "schemas/schemas.h"

#define RENDERED_MAX ((size_t)64 << 20) /* bytes of one message */
/* By how much the templates of a message may grow when they are expanded: it is done on the loop. */
#define RENDERED_GROWTH_MAX ((size_t)1 << 20)

bool rendering_is_needed(const struct delivery_request *mail);

struct rendering;
/* Reads the content of a request that needs it. Lives in the arena. E_MALFORMED, E_TOO_BIG: nobody could render it. */
enum err rendering_read(struct arena *arena, const struct delivery_request *mail,
			struct rendering **ret, struct why *why) MUST_USE;
/* Appends the message; its cost is that of the content and of RENDERED_GROWTH_MAX. E_FULL, E_TOO_BIG, E_MALFORMED: it cannot be written for this recipient. */
enum err rendering_write(const struct rendering *rendering, const struct recipient *recipient,
			 struct buf *out, struct why *why) MUST_USE;

#endif
