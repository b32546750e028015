/* See sealing.h. */
#include "workers/signing/sealing.h"

static void on_txt(void *owner, const struct txt_answer *answer);

static struct sealing_lookup *free_lookup(struct sealing *sealing)
{
	for (size_t i = 0; i < SEALING_LOOKUPS_MAX; i++)
		if (!sealing->lookups[i].lookup)
			return &sealing->lookups[i];
	return NULL;
}

static bool is_under_way(const struct sealing *sealing)
{
	for (size_t i = 0; i < SEALING_LOOKUPS_MAX; i++)
		if (sealing->lookups[i].lookup)
			return true;
	return false;
}

static void ask_more(struct sealing *sealing)
{
	struct dkim_keys *keys = arrival_keys(sealing->arrival);
	struct sealing_lookup *lookup;
	if (loop_now_ms(sealing->loop) >= sealing->until_ms)
		sealing->next_key = keys->count; /* the others stay unknown */
	while (sealing->next_key < keys->count && (lookup = free_lookup(sealing))) {
		lookup->sealing = sealing;
		lookup->key = &keys->items[sealing->next_key++];
		lookup->lookup = resolver_txt(sealing->resolver, lookup->key->name, on_txt, lookup);
	}
}

static void take_answer(struct sealing_lookup *lookup, const struct txt_answer *answer)
{
	struct arena *arena = arrival_arena(lookup->sealing->arrival);
	const struct txt_record *record = &answer->records[0];
	switch (answer->outcome) {
	case DNS_FOUND:
		lookup->key->state = answer->count > 0 ? DKIM_KEY_FOUND : DKIM_KEY_MISSING;
		if (answer->count > 0)
			lookup->key->record =
				arena_copy(arena, bytes_from(record->text, record->len));
		break;
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		lookup->key->state = DKIM_KEY_MISSING;
		break;
	case DNS_FAILED:
		lookup->key->state = DKIM_KEY_UNKNOWN;
		break;
	}
}

static void on_txt(void *owner, const struct txt_answer *answer)
{
	struct sealing_lookup *lookup = owner;
	struct sealing *sealing = lookup->sealing;
	lookup->lookup = NULL;
	take_answer(lookup, answer);
	ask_more(sealing);
	if (is_under_way(sealing))
		return;
	sealing_cancel(sealing);
	sealing->answered(sealing->owner);
}

bool sealing_ask(struct sealing *sealing, struct sealing_list *list)
{
	if (!sealing->resolver || arrival_keys(sealing->arrival)->count == 0)
		return false;
	sealing->until_ms = loop_now_ms(sealing->loop) + SEALING_TIME_MS;
	sealing->is_asking = true;
	LIST_INSERT_HEAD(list, sealing, asking);
	ask_more(sealing);
	return true;
}

void sealing_cancel(struct sealing *sealing)
{
	if (!sealing->is_asking)
		return;
	sealing->is_asking = false;
	LIST_REMOVE(sealing, asking);
	for (size_t i = 0; i < SEALING_LOOKUPS_MAX; i++)
		if (sealing->lookups[i].lookup)
			lookup_cancel(&sealing->lookups[i].lookup);
}

void sealing_drop(struct sealing *sealing)
{
	sealing_cancel(sealing);
	arrival_free(&sealing->arrival);
	seal_choice_drop(&sealing->choice);
	sealing->is_wanted = false;
}
