/* See judge.h. */
#include "bouncer/classification/judge.h"

#include "lib/mail/reply.h"

#define SHAPING_RULE "shaping" /* what decided, instead of a rule of classification */

/* Does the text name the recipient, in any case of letters? */
static bool names(struct bytes text, struct bytes recipient)
{
	for (size_t i = 0; recipient.len > 0 && i + recipient.len <= text.len; i++)
		if (bytes_equal_nocase(bytes_first(bytes_skip(text, i), recipient.len), recipient))
			return true;
	return false;
}

static bool is_of_content(struct bytes step)
{
	return bytes_is(step, "data") || bytes_is(step, "bdat") || bytes_is(step, "body");
}

static bool is_about_recipient(const struct result *result, enum bounce_class class)
{
	if (bytes_is(result->step, "rcpt"))
		return true;
	if (bytes_is(result->step, "dns"))
		return class == CLASS_BAD_DOMAIN;
	return is_of_content(result->step) && names(result->text, result->recipient);
}

static bool has_reply(const struct result *result)
{
	return result->event == RESULT_DEFERRED || result->event == RESULT_BOUNCED ||
	       result->event == RESULT_EXPIRED;
}

#define SURE	  100
#define OWN_WORDS 90 /* percent: of a rule that knows whose words these are */
#define LIKELY	  75

static bool has_word(struct bytes text, const char *word)
{
	return names(text, bytes_of(word));
}

/* A code that speaks of something else than addressing, or words of the moment or of a policy, beside "user unknown". */
static bool is_contradicted(const struct reply_facts *facts, const struct bounce_verdict *verdict)
{
	if (verdict->confidence >= OWN_WORDS)
		return false;
	if (verdict->enhanced.class != 0 && verdict->enhanced.subject > 1)
		return true;
	if (has_word(facts->text, "temporar") || has_word(facts->text, "policy"))
		return true;
	return verdict->confidence < LIKELY && verdict->enhanced.subject != 1;
}

static bool is_hard(const struct result *result, const struct reply_facts *facts,
		    const struct bounce_verdict *verdict)
{
	if (result->event != RESULT_BOUNCED || !is_about_recipient(result, verdict->class))
		return false;
	return verdict->class != CLASS_BAD_MAILBOX || !is_contradicted(facts, verdict);
}

/* A shaping rule knows what its own site means, and stands above the rules for everybody. */
static void take_rule(const struct result *result, struct bounce_verdict *verdict)
{
	if (!bounce_class_find(result->class, &verdict->class))
		return;
	verdict->family = bounce_class_family(verdict->class);
	verdict->rule = SHAPING_RULE;
	verdict->confidence = SURE;
}

bool judge_result(const struct classifier *classifier, const struct result *result,
		  struct bounce_verdict *ret)
{
	struct enhanced_code enhanced = {0};
	if (!has_reply(result))
		return false;
	if (!enhanced_code_parse(result->enhanced, &enhanced))
		enhanced = (struct enhanced_code){0};
	struct reply_facts facts = {
		.code = result->code,
		.enhanced = enhanced,
		.step = reply_step_of(result->step),
		.text = result->text,
		.host = result->remote_host,
	};
	classifier_ask(classifier, &facts, ret);
	take_rule(result, ret);
	if (result->event == RESULT_EXPIRED && ret->class == CLASS_OTHER) {
		ret->class = CLASS_MESSAGE_EXPIRED;
		ret->family = FAMILY_SOFT;
	}
	if (ret->family == FAMILY_HARD && !is_hard(result, &facts, ret))
		ret->family = result->event == RESULT_BOUNCED ? FAMILY_UNDETERMINED : FAMILY_SOFT;
	return true;
}
