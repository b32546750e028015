/* The OpenAPI document, openapi.json beside this file, as the build took it in. */
#ifndef LEVERET_INGEST_HTTP_OPENAPI_H
#define LEVERET_INGEST_HTTP_OPENAPI_H

extern const unsigned char openapi_document[];
extern const unsigned long openapi_document_size;

#endif
