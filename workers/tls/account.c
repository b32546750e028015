#include "workers/tls/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/base/memory.h"

#define TLSA_TEXT_MAX 200 /* bytes of a record that are told, in hexadecimal twice as many */

/* ---- the policy, as it is told ---- */

static struct bytes text_in(struct arena *arena, const char *text)
{
	return arena_copy(arena, bytes_of(text));
}

/* "3 1 1 8A9F...", as in a zone (RFC 6698 2.2). */
static struct bytes tlsa_text(struct arena *arena, const struct tlsa_record *record)
{
	size_t len = record->len < TLSA_TEXT_MAX ? record->len : TLSA_TEXT_MAX;
	char hex[2 * TLSA_TEXT_MAX + 1] = "";
	for (size_t i = 0; i < len; i++)
		(void)snprintf(&hex[2 * i], 3, "%02X", record->data[i]);
	return bytes_of(arena_printf(arena, "%u %u %u %s", (unsigned)record->usage,
				     (unsigned)record->selector, (unsigned)record->matching, hex));
}

static void tell_tlsa(struct tls_account *account, const struct tls_case *c)
{
	struct tls_tally *tally = &account->tally;
	size_t count = c->tlsa->outcome == TLSA_FOUND ? c->tlsa->count : 0;
	tally->policy_type = TLS_POLICY_TLSA;
	tally->policy_string = arena_zalloc(account->arena, count, sizeof *tally->policy_string);
	for (size_t i = 0; i < count; i++)
		tally->policy_string[tally->policy_string_count++] =
			tlsa_text(account->arena, &c->tlsa->records[i]);
	tally->mx_patterns = arena_zalloc(account->arena, 1, sizeof *tally->mx_patterns);
	tally->mx_patterns[tally->mx_pattern_count++] = text_in(account->arena, c->host);
}

static void tell_sts(struct tls_account *account, const struct sts_policy *policy)
{
	static const char *const modes[] = {"none", "testing", "enforce"};
	struct tls_tally *tally = &account->tally;
	struct arena *arena = account->arena;
	tally->policy_type = TLS_POLICY_STS;
	tally->mx_patterns = arena_zalloc(arena, policy->mx_count, sizeof *tally->mx_patterns);
	tally->policy_string =
		arena_zalloc(arena, policy->mx_count + 3, sizeof *tally->policy_string);
	struct bytes *line = tally->policy_string;
	*line++ = BYTES("version: STSv1");
	*line++ = bytes_of(arena_printf(arena, "mode: %s", modes[policy->mode]));
	for (size_t i = 0; i < policy->mx_count; i++) {
		tally->mx_patterns[tally->mx_pattern_count++] = text_in(arena, policy->mx[i]);
		*line++ = bytes_of(arena_printf(arena, "mx: %s", policy->mx[i]));
	}
	*line++ = bytes_of(arena_printf(arena, "max_age: %lld", (long long)policy->max_age_s));
	tally->policy_string_count = (size_t)(line - tally->policy_string);
}

/* ---- what is wrong already ---- */

static enum tls_result result_of_fault(enum sts_fault fault)
{
	switch (fault) {
	case STS_FAULT_NONE:
		return TLS_SUCCESS;
	case STS_FAULT_FETCH:
		return TLS_STS_POLICY_FETCH_ERROR;
	case STS_FAULT_INVALID:
		return TLS_STS_POLICY_INVALID;
	case STS_FAULT_WEBPKI:
		break;
	}
	return TLS_STS_WEBPKI_INVALID;
}

static void judge_sts(struct tls_account *account, const struct tls_case *c)
{
	tell_sts(account, c->sts);
	if (!sts_policy_names(c->sts, c->host)) {
		account->tally.result = TLS_VALIDATION_FAILURE;
		account->tally.reason = BYTES("the policy names no such MX host");
	}
}

static void judge(struct tls_account *account, const struct tls_account_facts *facts)
{
	const struct tls_case *c = facts->c;
	bool has_sts = c->sts && c->wish.mta_sts && c->sts->mode != STS_NONE;
	bool has_tlsa = c->tlsa && c->tlsa->outcome != TLSA_ABSENT;
	const struct tls_demand *demand = facts->ruling->demand;
	/* TLSA records that are all unusable leave the word to MTA-STS. */
	bool is_tlsa_heeded = !demand || demand->record_count > 0;
	bool is_refused_by_sts = facts->ruling->refusal == TLS_REFUSED_STS;
	account->tally.policy_type = TLS_POLICY_NONE;
	if (has_tlsa && (is_tlsa_heeded || !has_sts) && !is_refused_by_sts) {
		tell_tlsa(account, c);
		if (c->tlsa->outcome == TLSA_FAILED)
			account->tally.result = TLS_DNSSEC_INVALID;
		else if (demand && demand->record_count == 0)
			account->tally.result = TLS_TLSA_INVALID;
	} else if (has_sts) {
		judge_sts(account, c);
	} else if (facts->sts_fault != STS_FAULT_NONE) {
		account->tally.policy_type = TLS_POLICY_STS;
		account->tally.result = result_of_fault(facts->sts_fault);
	}
}

struct tls_account *tls_account_new(const struct tls_account_facts *facts)
{
	const struct tls_case *c = facts->c;
	if (c->wish.level == SMTP_TLS_NONE || !c->domain)
		return NULL;
	struct tls_account *account = memory_new(sizeof *account);
	struct tls_tally *tally = &account->tally;
	account->arena = arena_new();
	account->references = 1;
	tally->domain = text_in(account->arena, c->domain);
	tally->policy_domain = tally->domain;
	tally->mx_host = text_in(account->arena, c->host);
	tally->ruas = arena_zalloc(account->arena, facts->ruas->count, sizeof *tally->ruas);
	tally->rua_count = facts->ruas->count;
	for (size_t i = 0; i < facts->ruas->count; i++)
		tally->ruas[i] = text_in(account->arena, facts->ruas->uris[i]);
	judge(account, facts);
	return account;
}

struct tls_account *tls_account_ref(struct tls_account *account)
{
	if (account)
		account->references++;
	return account;
}

void tls_account_unref(struct tls_account **account)
{
	struct tls_account *leaving = *account;
	*account = NULL;
	if (!leaving || --leaving->references > 0)
		return;
	arena_free(&leaving->arena);
	free(leaving);
}

/* ---- sessions ---- */

static enum tls_result result_of_certificate(const struct tls_account *account,
					     enum tls_fault fault, const char **ret_reason)
{
	switch (fault) {
	case TLS_FAULT_NAME:
		return TLS_CERTIFICATE_HOST_MISMATCH;
	case TLS_FAULT_EXPIRED:
		return TLS_CERTIFICATE_EXPIRED;
	case TLS_FAULT_UNTRUSTED:
		return TLS_CERTIFICATE_NOT_TRUSTED;
	case TLS_FAULT_NONE:
		*ret_reason = "the TLS handshake failed";
		return TLS_VALIDATION_FAILURE;
	case TLS_FAULT_OTHER:
		break;
	}
	if (account->tally.policy_type == TLS_POLICY_TLSA)
		*ret_reason = "no TLSA record names the certificate";
	return TLS_VALIDATION_FAILURE;
}

bool tls_session_result(const struct tls_account *account, const struct tls_session_facts *facts,
			enum tls_result *ret_result, const char **ret_reason)
{
	*ret_reason = "";
	*ret_result = TLS_SUCCESS;
	if (facts->is_secured && facts->fault != TLS_FAULT_NONE)
		*ret_result = result_of_certificate(account, facts->fault, ret_reason);
	else if (facts->is_secured)
		*ret_result = TLS_SUCCESS;
	else if (facts->is_ready || facts->was_refused)
		*ret_result = TLS_STARTTLS_NOT_SUPPORTED;
	else if (facts->failed_in_handshake)
		*ret_result = result_of_certificate(account, facts->fault, ret_reason);
	else
		return false;
	return true;
}
