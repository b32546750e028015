/* The OpenAPI document, openapi.json beside this file, as the build took it in. */
#ifndef LEVERET_BOUNCER_HTTP_OPENAPI_H
#define LEVERET_BOUNCER_HTTP_OPENAPI_H

extern const unsigned char bouncer_openapi[];
extern const unsigned long bouncer_openapi_size;

#endif
