/* Problem documents (RFC 9457): what every refusal of the API looks like. Pure. */
#ifndef LEVERET_LIB_API_PROBLEM_H
#define LEVERET_LIB_API_PROBLEM_H

#include "lib/base/buf.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"
#define PROBLEM_MAX	     4096

/* One row for each status that the API refuses with, in docs/publishing.md and in the OpenAPI document too. */
#define PROBLEM_TABLE(X)                                                                           \
	X(400, "Bad Request")                                                                      \
	X(401, "Unauthorized")                                                                     \
	X(403, "Forbidden")                                                                        \
	X(404, "Not Found")                                                                        \
	X(405, "Method Not Allowed")                                                               \
	X(409, "Conflict")                                                                         \
	X(413, "Content Too Large")                                                                \
	X(415, "Unsupported Media Type")                                                           \
	X(422, "Unprocessable Content")                                                            \
	X(429, "Too Many Requests")                                                                \
	X(500, "Internal Server Error")                                                            \
	X(503, "Service Unavailable")

/* What status a request gets that failed so. */
unsigned problem_status(enum err err);
/* {"title", "status", "detail"}; `detail` is escaped. */
void problem_write(unsigned status, const char *detail, struct buf *out);
/* The same left open behind its last member, for more of them. */
void problem_begin(unsigned status, const char *detail, struct buf *out);

#endif
