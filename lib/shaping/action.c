/* Every action is a row of then.def; here rows become switches. */
#include "lib/shaping/action.h"

const char *shaping_action_name(enum shaping_action action)
{
	static const char *const names[] = {
#define X(kind, scope, field, ...) #field,
#include "lib/shaping/then.def"
#undef X
	};
	return names[action];
}

enum shaping_scope shaping_action_scope(enum shaping_action action)
{
	static const enum shaping_scope scopes[] = {
#define X(kind, scope, ...) SCOPE_##scope,
#include "lib/shaping/then.def"
#undef X
	};
	return scopes[action];
}

const char *shaping_scope_name(enum shaping_action action)
{
	static const char *const names[] = {
		[SCOPE_DELIVERY] = "delivery", [SCOPE_LINK] = "source",	      [SCOPE_SITE] = "site",
		[SCOPE_TENANT] = "tenant",     [SCOPE_CAMPAIGN] = "campaign", [SCOPE_HOST] = "host",
	};
	return names[shaping_action_scope(action)];
}

bool shaping_action_goes_back(enum shaping_action action)
{
	return action == SHAPING_SLOW_BY || action == SHAPING_CONNECTIONS_BY;
}

#define IS_TEXT(type)	 IS_TEXT_##type
#define IS_TEXT_text	 true
#define IS_TEXT_rate	 false
#define IS_TEXT_percent	 false
#define IS_TEXT_flag	 false
#define IS_TEXT_duration false

int64_t shaping_action_value(const struct shaping_then *then, enum shaping_action action)
{
	switch (action) {
#define X(kind, scope, field, type, ...)                                                           \
	case SHAPING_##kind:                                                                       \
		return IS_TEXT(type) ? 0 : (int64_t)then->field;
#include "lib/shaping/then.def"
#undef X
	case SHAPING_ACTION_COUNT:
		break;
	}
	return 0;
}

const char *shaping_action_text(const struct shaping_then *then, enum shaping_action action)
{
	if (action == SHAPING_USE_POOL)
		return then->use_pool;
	return action == SHAPING_CLASSIFY ? then->classify : "";
}

bool shaping_action_is_asked(const struct shaping_then *then, enum shaping_action action)
{
	return shaping_action_value(then, action) != 0 || shaping_action_text(then, action)[0];
}
