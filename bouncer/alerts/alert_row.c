/* How a group is kept: a version, flags, times and window length, the window, the key. */
#include <string.h>

#include "bouncer/alerts/group_key.h"
#include "bouncer/alerts/rates.h"
#include "lib/base/little.h"

#define VERSION	   1
#define HEAD_BYTES 27
enum { FLAG_RAISED = 1, FLAG_ACTED = 2 };

size_t alert_row_write(const struct alert_group *group, uint8_t out[ALERT_ROW_MAX])
{
	uint8_t *at = out;
	*at++ = VERSION;
	*at++ = (uint8_t)((group->is_raised ? FLAG_RAISED : 0) |
			  (group->has_acted ? FLAG_ACTED : 0));
	*at++ = group->todo;
	at = little_put64(at, (uint64_t)group->since_wall_ms);
	at = little_put64(at, (uint64_t)group->acts_until_wall_ms);
	at = little_put64(at, (uint64_t)group->rule->window_ms);
	alert_window_write(&group->window, at);
	at += ALERT_WINDOW_BYTES;
	memcpy(at, group->key.data, group->key.len);
	return (size_t)(at - out) + group->key.len;
}

static const struct alert_rule *rule_of(const struct alert_rules *rules, struct bytes name)
{
	for (size_t i = 0; i < rules->count; i++)
		if (bytes_is(name, rules->items[i].name))
			return &rules->items[i];
	return NULL;
}

/* Buckets of a window of another length say nothing: the settings have changed. */
enum err alert_row_read(const struct alert_rules *rules, struct bytes in, int64_t wall_ms,
			struct alert_row *ret)
{
	const size_t fixed = HEAD_BYTES + ALERT_WINDOW_BYTES;
	if (in.len < fixed || in.len > fixed + ALERT_KEY_MAX || in.data[0] != VERSION)
		return E_MALFORMED;
	struct bytes key = bytes_skip(in, fixed);
	const struct alert_rule *rule = rule_of(rules, group_key_name(key));
	if (!rule)
		return E_NOT_FOUND;
	*ret = (struct alert_row){
		.name = group_key_name(key),
		.group = {.rule = rule,
			  .id = group_key_id(key),
			  .is_raised = in.data[1] & FLAG_RAISED,
			  .has_acted = in.data[1] & FLAG_ACTED,
			  .todo = in.data[2] & (TODO_TELL_RAISED | TODO_TELL_CLEARED | TODO_ACT),
			  .since_wall_ms = (int64_t)little_get64(in.data + 3),
			  .acts_until_wall_ms = (int64_t)little_get64(in.data + 11),
			  .key = key},
	};
	if (little_get64(in.data + 19) == (uint64_t)rule->window_ms)
		alert_window_read(in.data + HEAD_BYTES, &ret->group.window);
	alert_window_sum(&ret->group.window, rule->window_ms, wall_ms, &ret->matched, &ret->total);
	return group_key_read(rule, key, ret->group.by);
}
