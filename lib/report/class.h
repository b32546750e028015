/* The classes of bounces: a closed set, with the names that the field knows from PowerMTA, and what other systems call them. */
#ifndef LEVERET_LIB_REPORT_CLASS_H
#define LEVERET_LIB_REPORT_CLASS_H

#include <stdbool.h>

#include "lib/base/bytes.h"

/* What a class says of the address: gone, not now, not from us (source, content, policy), or nothing. */
enum bounce_family { FAMILY_HARD, FAMILY_SOFT, FAMILY_BLOCK, FAMILY_UNDETERMINED };
#define BOUNCE_FAMILIES "hard|soft|block|undetermined"

/* name, text, family, SparkPost's number, KumoMTA's name */
#define BOUNCE_CLASSES(X)                                                                          \
	X(BAD_CONFIGURATION, "bad-configuration", FAMILY_SOFT, 25, "BadConfiguration")             \
	X(BAD_CONNECTION, "bad-connection", FAMILY_SOFT, 20, "BadConnection")                      \
	X(BAD_DOMAIN, "bad-domain", FAMILY_HARD, 21, "BadDomain")                                  \
	X(BAD_MAILBOX, "bad-mailbox", FAMILY_HARD, 10, "InvalidRecipient")                         \
	X(CONTENT_RELATED, "content-related", FAMILY_BLOCK, 52, "ContentRelated")                  \
	X(INACTIVE_MAILBOX, "inactive-mailbox", FAMILY_SOFT, 10, "InactiveMailbox")                \
	X(INVALID_SENDER, "invalid-sender", FAMILY_BLOCK, 50, "InvalidSender")                     \
	X(MESSAGE_EXPIRED, "message-expired", FAMILY_SOFT, 24, "MessageExpired")                   \
	X(NO_ANSWER, "no-answer-from-host", FAMILY_SOFT, 24, "NoAnswerFromHost")                   \
	X(OTHER, "other", FAMILY_UNDETERMINED, 1, "Uncategorized")                                 \
	X(POLICY_RELATED, "policy-related", FAMILY_BLOCK, 50, "PolicyRelated")                     \
	X(PROTOCOL_ERRORS, "protocol-errors", FAMILY_SOFT, 70, "ProtocolErrors")                   \
	X(QUOTA_ISSUES, "quota-issues", FAMILY_SOFT, 22, "QuotaIssues")                            \
	X(RELAYING_ISSUES, "relaying-issues", FAMILY_BLOCK, 54, "RelayingIssues")                  \
	X(ROUTING_ERRORS, "routing-errors", FAMILY_SOFT, 21, "RoutingErrors")                      \
	X(SPAM_RELATED, "spam-related", FAMILY_BLOCK, 51, "SpamRelated")                           \
	X(VIRUS_RELATED, "virus-related", FAMILY_BLOCK, 53, "VirusRelated")

#define CLASS_ENUM(name, text, family, sparkpost, kumomta) CLASS_##name,
enum bounce_class { BOUNCE_CLASSES(CLASS_ENUM) CLASS_COUNT };
#undef CLASS_ENUM

const char *bounce_class_name(enum bounce_class bounce_class);
/* False: there is no class of this name. */
bool bounce_class_find(struct bytes name, enum bounce_class *ret);
enum bounce_family bounce_class_family(enum bounce_class bounce_class);
unsigned bounce_class_sparkpost(enum bounce_class bounce_class);
const char *bounce_class_kumomta(enum bounce_class bounce_class);
const char *bounce_family_name(enum bounce_family family);

/* The step of the SMTP conversation that a reply answered. */
enum reply_step { STEP_ANY, STEP_CONNECT, STEP_HELO, STEP_MAIL, STEP_RCPT, STEP_DATA };
#define REPLY_STEPS "any|connect|helo|mail|rcpt|data"
const char *reply_step_name(enum reply_step step);
/* "rcpt"; "body" and "bdat" are data, "greeting" and "banner" connect, "ehlo" helo; anything else STEP_ANY. */
enum reply_step reply_step_of(struct bytes name);

#endif
