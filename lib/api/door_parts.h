/* Inside of lib/api/door.h. */
#ifndef LEVERET_LIB_API_DOOR_PARTS_H
#define LEVERET_LIB_API_DOOR_PARTS_H

#include "lib/api/door.h"
#include "lib/crypto/digest.h"

struct api_door {
	struct api_door_options options;
	struct http_service *service;
	struct timer *look;  /* at the certificate's files; NULL: no TLS */
	struct digest shown; /* of what they held */
	LIST_HEAD(, api_visit) visits;
	uint64_t body_bytes; /* of all visits */
};

bool api_door_has_room(const struct api_door *door, uint64_t more);

#endif
