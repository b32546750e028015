/* See shaper.h. */
#include "workers/delivery/shaper.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/routing/replies.h"
#include "workers/delivery/shaper_inner.h"

#define EXPIRE_MS 1000

/* ---- what is in force ---- */

static void on_gone(void *owner, const struct shaping_entry *entry)
{
	struct shaper *shaper = owner;
	log_event(EV_shaping_ended, F_TEXT("action", shaping_action_name(entry->action)),
		  F_TEXT("reason", "time"), F_TEXT("site", entry->site),
		  F_TEXT("source", entry->source), F_TEXT("subject", entry->subject),
		  F_TEXT("rule", entry->rule), F_INT("replies", entry->reply_count));
	shaper_report_end(shaper, entry, "time");
	if (entry->action == SHAPING_PARK_SITE || entry->action == SHAPING_PARK_SOURCE)
		learned_probe(shaper->learned, entry->site, entry->source);
	shaper_kept_drop(shaper->kept, shaper_entry_id(entry));
	shaper->has_ended = true;
}

static void on_expiry(void *owner)
{
	struct shaper *shaper = owner;
	int64_t now = loop_now_ms(shaper->options.loop);
	shaper->has_ended = false;
	if (shaping_force_next_ms(shaper->force) <= now)
		(void)shaping_force_expire(shaper->force, now, on_gone, shaper);
	learned_forget_old(shaper->learned, now);
	shaper_kept_save(shaper->kept, shaper->force, shaper->learned);
	if (shaper->has_ended)
		shaper_changed(shaper, NULL);
	timer_start(shaper->expiry, EXPIRE_MS);
}

void shaper_changed(struct shaper *shaper, const char *site)
{
	if (shaper->watch)
		shaper->watch(shaper->watch_owner, site);
}

bool shaper_is_idle(const struct shaper *shaper)
{
	return shaping_force_count(shaper->force) == 0;
}

void shaper_name(struct bytes name, char out[SHAPER_NAME_MAX])
{
	(void)bytes_to_cstr(bytes_first(name, SHAPER_NAME_MAX - 1), out, SHAPER_NAME_MAX);
}

static struct shaping_answer ask(const struct shaper *shaper, const char *source, const char *site,
				 const char *tenant, const char *campaign)
{
	struct shaping_answer answer;
	struct shaping_question question = {.site = site,
					    .source = source,
					    .tenant = tenant,
					    .campaign = campaign,
					    .now_ms = loop_now_ms(shaper->options.loop)};
	shaping_force_ask(shaper->force, &question, &answer);
	return answer;
}

void shaper_ask(const struct shaper *shaper, const char *source, const char *site,
		struct shaping_answer *ret)
{
	*ret = ask(shaper, source, site, "", "");
}

static int64_t left_ms(const struct shaper *shaper, int64_t until_ms)
{
	int64_t now = loop_now_ms(shaper->options.loop);
	return until_ms > now ? until_ms - now : 0;
}

int64_t shaper_site_closed_ms(const struct shaper *shaper, const char *site)
{
	if (shaper_is_idle(shaper))
		return 0;
	return left_ms(shaper, ask(shaper, "", site, "", "").site_until_ms);
}

int64_t shaper_source_closed_ms(const struct shaper *shaper, const char *source, const char *site)
{
	if (shaper_is_idle(shaper))
		return 0;
	return left_ms(shaper, ask(shaper, source, site, "", "").source_until_ms);
}

int64_t shaper_line_closed_ms(const struct shaper *shaper, const char *site, struct bytes tenant,
			      struct bytes campaign)
{
	char names[2][SHAPER_NAME_MAX];
	if (shaper_is_idle(shaper))
		return 0;
	shaper_name(tenant, names[0]);
	shaper_name(campaign, names[1]);
	struct shaping_answer answer = ask(shaper, "", site, names[0], names[1]);
	bool is_tenant = answer.tenant_until_ms > answer.campaign_until_ms;
	return left_ms(shaper, is_tenant ? answer.tenant_until_ms : answer.campaign_until_ms);
}

int64_t shaper_host_closed_ms(const struct shaper *shaper, const char *host)
{
	if (shaper_is_idle(shaper))
		return 0;
	return left_ms(shaper, shaping_force_host_until(shaper->force, host,
							loop_now_ms(shaper->options.loop)));
}

/* ---- for operators ---- */

uint64_t shaper_entry_id(const struct shaping_entry *entry)
{
	return shaping_entry_name(entry);
}

void shaper_each(const struct shaper *shaper, const char *site,
		 void (*each)(void *owner, const struct shaping_entry *entry), void *owner)
{
	shaping_force_each(shaper->force, site, each, owner);
	if (site && strcmp(site, SHAPING_EVERYWHERE) != 0)
		shaping_force_each(shaper->force, SHAPING_EVERYWHERE, each, owner);
}

struct search {
	uint64_t wanted, own;
	struct shaping_entry found;
};

static void look_for(void *owner, const struct shaping_entry *entry)
{
	struct search *search = owner;
	if (shaper_entry_id(entry) != search->wanted)
		return;
	search->own = entry->id;
	search->found = *entry;
}

bool shaper_cancel(struct shaper *shaper, uint64_t id)
{
	struct search search = {.wanted = id};
	shaping_force_each(shaper->force, NULL, look_for, &search);
	if (search.own == 0)
		return false;
	log_event(EV_shaping_ended, F_TEXT("action", shaping_action_name(search.found.action)),
		  F_TEXT("reason", "cancelled"), F_TEXT("site", search.found.site),
		  F_TEXT("source", search.found.source), F_TEXT("subject", search.found.subject),
		  F_TEXT("rule", search.found.rule));
	shaper_report_end(shaper, &search.found, "cancelled");
	(void)shaping_force_cancel(shaper->force, search.own);
	shaper_kept_drop(shaper->kept, id);
	shaper_changed(shaper, NULL);
	return true;
}

/* ---- what is learned ---- */

struct learned *shaper_learned(struct shaper *shaper, const char *source,
			       const struct site_settings *settings, const char *site)
{
	struct learned *learned = learned_take(shaper->learned, source, settings, site,
					       loop_now_ms(shaper->options.loop));
	if (learned->is_new)
		shaper_kept_recall(shaper->kept, learned);
	learned->is_new = false;
	return learned;
}

void shaper_give_back(struct shaper *shaper, struct learned *learned)
{
	learned_give(shaper->learned, learned, loop_now_ms(shaper->options.loop));
}

/* ---- birth and end ---- */

void shaper_watch(struct shaper *shaper, void (*changed)(void *owner, const char *site),
		  void *owner)
{
	shaper->watch = changed;
	shaper->watch_owner = owner;
}

void shaper_tell(struct shaper *shaper,
		 void (*fired)(void *owner, const struct shaping_fired *fired,
			       const struct shaping_facts *facts),
		 void *owner)
{
	shaper->tell = fired;
	shaper->tell_owner = owner;
}

void shaper_report(struct shaper *shaper, const struct shaper_reporter *reporter, void *owner)
{
	shaper->reporter = reporter;
	shaper->reporter_owner = owner;
}

void shaper_report_end(const struct shaper *shaper, const struct shaping_entry *entry,
		       const char *reason)
{
	if (shaper->reporter && entry->is_own)
		shaper->reporter->ended(shaper->reporter_owner, entry, reason);
}

enum err shaper_new(const struct shaper_options *options, struct shaper **ret, struct why *why)
{
	struct shaper *shaper = memory_new(sizeof *shaper);
	shaper->options = *options;
	shaper->learned = learned_set_new();
	shaper->force = shaping_force_new();
	enum err err = replies_rules_new(shaper->options.settings, shaper->options.sites,
					 &shaper->rules, stderr, why);
	if (err) {
		shaper_free(&shaper);
		return err;
	}
	shaper->scratch = shaping_scratch_new(shaper->rules);
	if (options->store) {
		shaper->kept = shaper_kept_new(options->loop, options->store);
		shaper_kept_load(shaper->kept, shaper->rules, shaper->force);
	}
	shaper->expiry = timer_new(options->loop, on_expiry, shaper);
	timer_start(shaper->expiry, EXPIRE_MS);
	*ret = shaper;
	return OK;
}

void shaper_free(struct shaper **shaper)
{
	struct shaper *s = *shaper;
	if (!s)
		return;
	*shaper = NULL;
	timer_free(&s->expiry);
	if (s->force && s->learned)
		shaper_kept_save(s->kept, s->force, s->learned);
	shaper_kept_free(&s->kept);
	learned_set_free(&s->learned);
	shaping_force_free(&s->force);
	shaping_scratch_free(&s->scratch);
	shaping_rules_free(&s->rules);
	free(s);
}
