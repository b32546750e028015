/* A counter keeps the times of its last replies, as many as may be needed: a ring. */
#include "lib/shaping/window.h"

#include "lib/base/memory.h"
#include "lib/shaping/judge.h"

#define WINDOWS_MAX 64

struct window {
	uint64_t key;
	int64_t *at_ms; /* ring of `size` */
	unsigned size, count, next;
	int64_t last_ms;
};

struct shaping_state {
	struct window windows[WINDOWS_MAX];
	size_t count;
};

struct shaping_state *shaping_state_new(void)
{
	return memory_new(sizeof(struct shaping_state));
}

void shaping_state_free(struct shaping_state **state)
{
	struct shaping_state *gone = *state;
	*state = NULL;
	if (!gone)
		return;
	for (size_t i = 0; i < gone->count; i++)
		free(gone->windows[i].at_ms);
	free(gone);
}

static struct window *oldest(struct shaping_state *state)
{
	struct window *found = &state->windows[0];
	for (size_t i = 1; i < state->count; i++)
		if (state->windows[i].last_ms < found->last_ms)
			found = &state->windows[i];
	return found;
}

static struct window *window_of(struct shaping_state *state, uint64_t key, unsigned size)
{
	struct window *window = NULL;
	for (size_t i = 0; i < state->count && !window; i++)
		if (state->windows[i].key == key)
			window = &state->windows[i];
	if (window && window->size == size)
		return window;
	if (!window)
		window = state->count < WINDOWS_MAX ? &state->windows[state->count++]
						    : oldest(state);
	free(window->at_ms);
	*window = (struct window){
		.key = key, .size = size, .at_ms = memory_array(size, sizeof(int64_t))};
	return window;
}

bool windows_count(struct shaping_state *state, uint64_t key, struct window_limit limit,
		   int64_t now_ms)
{
	struct window *window = window_of(state, key, limit.count);
	window->at_ms[window->next] = window->last_ms = now_ms;
	window->next = window->next + 1 < window->size ? window->next + 1 : 0;
	if (window->count < window->size)
		window->count++;
	/* `next` is now the oldest of a full ring. */
	if (window->count < window->size || now_ms - window->at_ms[window->next] > limit.within_ms)
		return false;
	window->count = 0;
	return true;
}
