/* Numbers in their order, then the text. */
#include "bouncer/telling/webhook_state.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/little.h"

#define NUMBERS 9

const char *webhook_mode_name(enum webhook_mode mode)
{
	static const char *const names[] = {"on", "paused", "disabled", "left"};
	return names[mode];
}

size_t webhook_state_write(const struct webhook_state *state, uint8_t out[WEBHOOK_STATE_MAX])
{
	const uint64_t numbers[NUMBERS] = {
		(uint64_t)state->mode,
		(uint64_t)state->mode_since_wall_ms,
		state->events,
		state->requests,
		state->failures,
		state->failures_in_row,
		state->buried,
		(uint64_t)state->ok_at_wall_ms,
		(uint64_t)state->fail_at_wall_ms,
	};
	uint8_t *at = out;
	for (size_t i = 0; i < NUMBERS; i++)
		at = little_put64(at, numbers[i]);
	size_t len = strlen(state->why);
	memcpy(at, state->why, len);
	return (size_t)(at - out) + len;
}

enum err webhook_state_read(struct bytes in, struct webhook_state *ret)
{
	uint64_t numbers[NUMBERS];
	*ret = (struct webhook_state){.mode = WEBHOOK_ON};
	if (in.len < sizeof numbers)
		return E_MALFORMED;
	for (size_t i = 0; i < NUMBERS; i++)
		numbers[i] = little_get64(in.data + i * sizeof numbers[0]);
	struct bytes why = bytes_skip(in, sizeof numbers);
	if (numbers[0] > WEBHOOK_LEFT || why.len >= sizeof ret->why)
		return E_MALFORMED;
	*ret = (struct webhook_state){
		.mode = (enum webhook_mode)numbers[0],
		.mode_since_wall_ms = (int64_t)numbers[1],
		.events = numbers[2],
		.requests = numbers[3],
		.failures = numbers[4],
		.failures_in_row = numbers[5],
		.buried = numbers[6],
		.ok_at_wall_ms = (int64_t)numbers[7],
		.fail_at_wall_ms = (int64_t)numbers[8],
	};
	if (!bytes_to_cstr(why, ret->why, sizeof ret->why))
		ret->why[0] = '\0';
	return OK;
}
