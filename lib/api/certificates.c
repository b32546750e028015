/* One TLS context per listener, made anew when one of its files changed. Files are told apart by time, size and inode: a renewal
 * replaces them, and may write chain and key one after the other, so a failure is tried again at the next look. */
#include "lib/api/certificates.h"

#include <string.h>

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LOOK_MS 60000

struct certificates {
	struct loop *loop;
	const struct conf_items *settings;
	struct certificate_use use;
	struct tls_context *context;
	uint64_t
		fingerprint; /* of the files that `context` was made of; others are tried again at each look */
	struct timer *look;
};

static const struct conf_field certificate_fields[] = {
#define X(...) CONF_ROW(struct certificate_settings, __VA_ARGS__)
#include "lib/api/certificate.def"
#undef X
};
const struct conf_section certificates_section = {
	.name = "certificates",
	.help = "Certificates for TLS, by a name of your own. To a client that asks for a host, "
		"the "
		"one that has its name is shown.",
	.shape = CONF_MAP,
	.size = sizeof(struct certificate_settings),
	.fields = certificate_fields,
	.field_count = CONF_COUNT(certificate_fields),
};

const struct certificate_settings *certificate_find(const struct conf_items *certificates,
						    const char *name)
{
	for (size_t i = 0; i < certificates->count; i++) {
		const struct certificate_settings *certificate =
			CONF_ITEM(certificates, struct certificate_settings, i);
		if (strcmp(certificate->name, name) == 0)
			return certificate;
	}
	return NULL;
}

/* ---- contexts ---- */

/* The named one comes first, the others may be asked for by SNI. */
static struct tls_certificate *in_order(const struct conf_items *settings, const char *first)
{
	struct tls_certificate *list = memory_array(settings->count, sizeof *list);
	size_t count = 1;
	for (size_t i = 0; i < settings->count; i++) {
		const struct certificate_settings *certificate =
			CONF_ITEM(settings, struct certificate_settings, i);
		bool is_first = strcmp(certificate->name, first) == 0;
		list[is_first ? 0 : count++] =
			(struct tls_certificate){certificate->chain, certificate->key};
	}
	return list;
}

enum err certificate_use_open(const struct conf_items *certificates,
			      const struct certificate_use *use, struct tls_context **ret,
			      struct why *why)
{
	if (!certificate_find(certificates, use->certificate))
		return fail(why, E_NOT_FOUND,
			    "listeners.%s.certificate: there is no certificate \"%s\"",
			    use->listener, use->certificate);
	struct tls_certificate *list = in_order(certificates, use->certificate);
	struct tls_server_options options = {
		.certificates = list,
		.certificate_count = certificates->count,
		.session_name = use->listener,
		.client_ca_file = use->client_ca,
		.requires_client_certificate = use->requires_client_certificate,
	};
	enum err err = tls_server_new(&options, ret, why);
	free(list);
	return err;
}

/* ---- files ---- */

static uint64_t fingerprint_of(const struct certificates *certificates)
{
	uint64_t hash = file_fingerprint(HASH_START, certificates->use.client_ca);
	for (size_t i = 0; i < certificates->settings->count; i++) {
		const struct certificate_settings *certificate =
			CONF_ITEM(certificates->settings, struct certificate_settings, i);
		hash = file_fingerprint(file_fingerprint(hash, certificate->chain),
					certificate->key);
	}
	return hash;
}

/* ---- keeping current ---- */

void certificates_reload(struct certificates *certificates)
{
	struct tls_context *context = NULL;
	struct why why = {""};
	uint64_t fingerprint = fingerprint_of(certificates); /* before they are read */
	enum err err =
		certificate_use_open(certificates->settings, &certificates->use, &context, &why);
	if (err == OK) {
		tls_context_free(&certificates->context);
		certificates->context = context;
		certificates->fingerprint = fingerprint;
	}
	log_event(EV_certificates_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
		  F_TEXT("listener", certificates->use.listener), F_TEXT("why", why.text));
}

static void look(void *owner)
{
	struct certificates *certificates = owner;
	if (fingerprint_of(certificates) != certificates->fingerprint)
		certificates_reload(certificates);
	timer_start(certificates->look, LOOK_MS);
}

enum err certificates_open(struct loop *loop, const struct conf_items *settings,
			   const struct certificate_use *use, struct certificates **ret,
			   struct why *why)
{
	struct certificates *certificates = memory_new(sizeof *certificates);
	certificates->loop = loop;
	certificates->settings = settings;
	certificates->use = *use;
	certificates->fingerprint = fingerprint_of(certificates);
	enum err err = certificate_use_open(settings, use, &certificates->context, why);
	if (err != OK) {
		free(certificates);
		return err;
	}
	certificates->look = timer_new(loop, look, certificates);
	timer_start(certificates->look, LOOK_MS);
	*ret = certificates;
	return OK;
}

void certificates_free(struct certificates **certificates)
{
	if (!*certificates)
		return;
	tls_context_free(&(*certificates)->context);
	timer_free(&(*certificates)->look);
	free(*certificates);
	*certificates = NULL;
}

struct tls_context *certificates_context(const struct certificates *certificates)
{
	return certificates->context;
}
