/* See shaping_talk.h. */
#include "workers/shaping_talk.h"

#include <stdio.h>

#include "broker/rows_answer.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "lib/shaping/word.h"

#define WORDS_MAX  64 /* on their way, and so the most in WORD_MS */
#define WORD_MS	   1000
#define ANSWER_MAX 4096
#define LIST_MAX   1000 /* entries that one worker tells of */

struct shaping_talk {
	struct shaping_talk_options options;
	char teller[32]; /* who we are in words */
	struct asking *words[WORDS_MAX];
	size_t word_count;
	struct timer *said; /* what was said is forgotten */
	struct shaping_word word;
	struct asking *start; /* what was in force when we began */
};

/* ---- telling ---- */

static void on_answered(void *owner, struct bytes answer)
{
	(void)owner, (void)answer;
}

static void forget_words(void *owner)
{
	struct shaping_talk *talk = owner;
	for (size_t i = 0; i < talk->word_count; i++)
		asking_free(&talk->words[i]);
	talk->word_count = 0;
}

static void tell(void *owner, const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	struct shaping_talk *talk = owner;
	struct buf text;
	if (talk->word_count == WORDS_MAX)
		return;
	buf_init(&text, SHAPING_WORD_MAX);
	enum err err = buf_append_text(&text, SHAPING_FIRED_KIND "\n");
	if (!err)
		err = shaping_word_write(talk->teller, fired, facts, &text);
	if (!err)
		talk->words[talk->word_count++] =
			broker_ask(talk->options.broker, buf_bytes(&text), on_answered, talk);
	buf_done(&text);
	if (!timer_is_running(talk->said))
		timer_start(talk->said, WORD_MS);
}

static void on_fired(void *owner, const struct question *question)
{
	struct shaping_talk *talk = owner;
	struct shaping_word *word = &talk->word;
	int64_t now = loop_now_ms(talk->options.loop);
	if (shaping_word_read(question->rest, now, word) && strcmp(word->teller, talk->teller) != 0)
		shaper_heard(talk->options.shaper, &word->fired, &word->facts);
}

/* ---- a worker that starts ---- */

static void on_told(void *owner, struct bytes answer)
{
	struct shaping_talk *talk = owner;
	struct shaping_word *word = &talk->word;
	struct bytes rows, key, text;
	uint32_t number;
	bool is_last;
	if (rows_answer_read(answer, &number, &is_last, &rows))
		return;
	while (rows_answer_next(&rows, &key, &text))
		if (shaping_word_read(text, loop_now_ms(talk->options.loop), word))
			shaper_told(talk->options.shaper, &word->fired, &word->facts);
}

static void ask_others(struct shaping_talk *talk)
{
	char text[100];
	(void)snprintf(text, sizeof text, SHAPING_TELL_KIND "\n%s", talk->teller);
	talk->start = broker_ask(talk->options.broker, bytes_of(text), on_told, talk);
}

/* ---- answering ---- */

struct listing {
	struct shaping_talk *talk;
	const struct question *question;
	unsigned count;
	uint32_t number; /* of the answer that is being filled */
	struct buf rows;
};

/* One by one, a thousand would be more answers than an asker is kept: those that come too fast are dropped. */
static void listing_add(struct listing *listing, struct bytes row)
{
	if (rows_answer_add(&listing->rows, BYTES_NONE, row) != E_FULL)
		return;
	(void)question_answer(listing->question, buf_bytes(&listing->rows));
	rows_answer_begin(&listing->rows, ++listing->number);
	enum err err = rows_answer_add(&listing->rows, BYTES_NONE, row);
	(void)err; /* one that is too big was not told before either */
}

static void answer_each(struct shaping_talk *talk, const struct question *question,
			const char *site,
			void (*each)(void *owner, const struct shaping_entry *entry))
{
	struct listing listing = {.talk = talk, .question = question};
	buf_init(&listing.rows, ROWS_ANSWER_MAX);
	rows_answer_begin(&listing.rows, 0);
	shaper_each(talk->options.shaper, site, each, &listing);
	rows_answer_close(&listing.rows, true);
	if (listing.count > 0)
		(void)question_answer(question, buf_bytes(&listing.rows));
	buf_done(&listing.rows);
}

static enum err put_field(struct buf *out, const char *name, const char *text)
{
	char escaped[1024];
	(void)log_escape_json(bytes_of(text), escaped, sizeof escaped);
	return buf_printf(out, ",\"%s\":\"%s\"", name, escaped);
}

static void tell_entry(void *owner, const struct shaping_entry *entry)
{
	struct listing *listing = owner;
	struct buf out;
	if (listing->count++ >= LIST_MAX)
		return;
	int64_t now = loop_now_ms(listing->talk->options.loop);
	const char *texts[][2] = {
		{"worker", listing->talk->options.worker},
		{"action", shaping_action_name(entry->action)},
		{"site", entry->site},
		{"source", entry->source},
		{"subject", entry->subject},
		{"tenant", entry->tenant},
		{"rule", entry->rule},
		{"argument", entry->text},
		{"reply", entry->reply},
	};
	buf_init(&out, ANSWER_MAX);
	enum err err =
		buf_printf(&out, "{\"id\":\"%llx\"", (unsigned long long)shaper_entry_id(entry));
	for (size_t i = 0; !err && i < sizeof texts / sizeof *texts; i++)
		err = put_field(&out, texts[i][0], texts[i][1]);
	if (!err)
		err = buf_printf(&out,
				 ",\"value\":%lld,\"percent_now\":%u,\"left_ms\":%lld,"
				 "\"since_ms\":%lld,\"replies\":%u}",
				 (long long)entry->value, shaping_entry_percent(entry, now),
				 (long long)(entry->over_ms - now),
				 (long long)(now - entry->since_ms), entry->reply_count);
	if (!err)
		listing_add(listing, buf_bytes(&out));
	buf_done(&out);
}

static void tell_word(void *owner, const struct shaping_entry *entry)
{
	struct listing *listing = owner;
	struct shaping_talk *talk = listing->talk;
	struct shaping_fired fired;
	struct shaping_facts facts;
	struct buf word;
	if (listing->count++ >= LIST_MAX)
		return;
	shaping_entry_again(entry, loop_now_ms(talk->options.loop), &fired, &facts);
	buf_init(&word, SHAPING_WORD_MAX);
	if (shaping_word_write(talk->teller, &fired, &facts, &word) == OK)
		listing_add(listing, buf_bytes(&word));
	buf_done(&word);
}

static void on_tell(void *owner, const struct question *question)
{
	struct shaping_talk *talk = owner;
	if (!bytes_is(question->rest, talk->teller))
		answer_each(talk, question, NULL, tell_word);
}

static void on_list(void *owner, const struct question *question)
{
	struct shaping_talk *talk = owner;
	char site[SHAPER_NAME_MAX];
	shaper_name(question->rest, site);
	answer_each(talk, question, site[0] ? site : NULL, tell_entry);
}

static void on_cancel(void *owner, const struct question *question)
{
	struct shaping_talk *talk = owner;
	char text[24];
	if (!bytes_to_cstr(question->rest, text, sizeof text))
		return;
	if (shaper_cancel(talk->options.shaper, strtoull(text, NULL, 16)))
		(void)question_answer(question, BYTES("cancelled"));
}

/* ---- birth and end ---- */

struct shaping_talk *shaping_talk_new(const struct shaping_talk_options *options)
{
	struct shaping_talk *talk = memory_new(sizeof *talk);
	talk->options = *options;
	(void)snprintf(talk->teller, sizeof talk->teller, "%016llx",
		       (unsigned long long)random_u64());
	talk->said = timer_new(options->loop, forget_words, talk);
	questions_add(options->questions, SHAPING_FIRED_KIND, on_fired, talk);
	questions_add(options->questions, SHAPING_TELL_KIND, on_tell, talk);
	questions_add(options->questions, SHAPING_LIST_KIND, on_list, talk);
	questions_add(options->questions, SHAPING_CANCEL_KIND, on_cancel, talk);
	shaper_tell(options->shaper, tell, talk);
	ask_others(talk);
	return talk;
}

void shaping_talk_free(struct shaping_talk **talk)
{
	struct shaping_talk *t = *talk;
	if (!t)
		return;
	*talk = NULL;
	shaper_tell(t->options.shaper, NULL, NULL);
	forget_words(t);
	asking_free(&t->start);
	timer_free(&t->said);
	free(t);
}
