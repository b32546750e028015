/* Entries of one domain are a chain; look-ups go from the From domain upwards. */
#include "workers/signing/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/mail/address.h"
#include "lib/mail/mailbox.h"
#include "lib/obs/log.h"
#include "lib/routing/names.h"

#define LOOKS 50 /* in which all files are looked at once */

struct held_key { /* counted on the loop only */
	struct signing_key *key;
	size_t use_count;
};

struct ring_key {
	const struct dkim_key_settings *settings;
	int64_t from_wall_ms, until_wall_ms;
	uint64_t fingerprint;
	struct held_key *held;
};

struct ring_domain {
	const struct dkim_domain_settings *settings;
	struct ring_key *keys;
	struct ring_domain *next; /* of the same domain */
};

struct keyring {
	struct loop *loop;
	const struct dkim_settings *settings;
	struct ring_domain *domains;
	size_t domain_count;
	struct names *by_domain;
	struct timer *look;
	size_t look_at; /* the first domain that was not looked at yet */
};

/* ---- files ---- */

static enum err read_pem(int fd, const char *path, struct buf *out, struct why *why)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return fail(why, E_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_size > SIGNING_PEM_MAX)
		return fail(why, E_MALFORMED, "%s is not a file with a private key", path);
	if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		log_event(EV_dkim_key_exposed, F_TEXT("file", path));
	ssize_t len = read(fd, buf_reserve(out, SIGNING_PEM_MAX), SIGNING_PEM_MAX);
	if (len < 0)
		return fail(why, E_IO, "%s: %s", path, strerror(errno));
	buf_commit(out, (size_t)len);
	return OK;
}

enum err keyring_read_file(const char *path, struct signing_key **ret, struct why *why)
{
	struct buf pem;
	struct why fault = {""};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(why, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", path,
			    strerror(errno));
	buf_init(&pem, SIGNING_PEM_MAX);
	enum err err = read_pem(fd, path, &pem, why);
	if (err == OK && (err = signing_key_read(buf_bytes(&pem), ret, &fault)) != OK)
		err = fail(why, err, "%s %s", path, fault.text);
	if (pem.capacity > 0)
		explicit_bzero(pem.data, pem.capacity);
	buf_done(&pem);
	close(fd);
	return err;
}

static int64_t look_wait_ms(const struct keyring *keyring)
{
	size_t looks = keyring->domain_count < LOOKS ? keyring->domain_count : LOOKS;
	return keyring->settings->reload / (int64_t)(looks > 0 ? looks : 1);
}

/* ---- keys ---- */

static void held_drop(struct held_key **held)
{
	struct held_key *h = *held;
	*held = NULL;
	if (!h || --h->use_count > 0)
		return;
	signing_key_free(&h->key);
	free(h);
}

static enum err read_key(struct ring_key *key, struct why *why)
{
	struct signing_key *read = NULL;
	uint64_t fingerprint =
		file_fingerprint(HASH_START, key->settings->file); /* before it is read */
	enum err err = keyring_read_file(key->settings->file, &read, why);
	if (err != OK)
		return err;
	held_drop(&key->held);
	key->held = memory_new(sizeof *key->held);
	key->held->key = read;
	key->held->use_count = 1;
	key->fingerprint = fingerprint; /* a file that cannot be read is tried again at each look */
	return OK;
}

static void reread(const struct ring_domain *domain, struct ring_key *key)
{
	struct why why = {""};
	if (file_fingerprint(HASH_START, key->settings->file) == key->fingerprint)
		return;
	enum err err = read_key(key, &why);
	log_event(EV_dkim_key_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
		  F_TEXT("domain", domain->settings->domain),
		  F_TEXT("selector", key->settings->selector), F_TEXT("why", why.text));
}

static void look_at(const struct ring_domain *domain)
{
	for (size_t i = 0; i < domain->settings->keys.count; i++)
		reread(domain, &domain->keys[i]);
}

void keyring_reload(struct keyring *keyring)
{
	for (size_t i = 0; i < keyring->domain_count; i++)
		look_at(&keyring->domains[i]);
}

/* Some at a time, so that the loop does not stand still for thousands of files. */
static void on_look(void *owner)
{
	struct keyring *keyring = owner;
	size_t end = keyring->look_at + keyring->domain_count / LOOKS + 1;
	for (; keyring->look_at < end && keyring->look_at < keyring->domain_count;
	     keyring->look_at++)
		look_at(&keyring->domains[keyring->look_at]);
	if (keyring->look_at == keyring->domain_count)
		keyring->look_at = 0;
	timer_start(keyring->look, look_wait_ms(keyring));
}

/* ---- opening ---- */

static enum err open_domain(struct ring_domain *domain, struct why *why)
{
	const struct conf_items *keys = &domain->settings->keys;
	enum err err = OK;
	domain->keys = memory_array(keys->count, sizeof *domain->keys);
	for (size_t i = 0; err == OK && i < keys->count; i++) {
		struct ring_key *key = &domain->keys[i];
		key->settings = CONF_ITEM(keys, struct dkim_key_settings, i);
		(void)dkim_moment(key->settings->from, INT64_MIN, &key->from_wall_ms);
		(void)dkim_moment(key->settings->until, INT64_MAX, &key->until_wall_ms);
		err = read_key(key, why);
	}
	return err;
}

/* No other kind of key is defined for ARC (RFC 8617 4.1). */
static bool is_able_to_seal(const struct ring_domain *domain)
{
	for (size_t i = 0; i < domain->settings->keys.count; i++)
		if (signing_key_kind(domain->keys[i].held->key) == SIGNING_RSA)
			return true;
	return domain->settings->seals.count == 0;
}

static void add_domain(struct keyring *keyring, struct ring_domain *domain)
{
	/* The map's values are ours: it only promises not to change them. */
	struct ring_domain *first = (struct ring_domain *)names_add(
		keyring->by_domain, domain->settings->domain, domain);
	while (first && first->next)
		first = first->next;
	if (first)
		first->next = domain;
}

enum err keyring_open(struct loop *loop, const struct dkim_settings *settings, struct keyring **ret,
		      struct why *why)
{
	struct keyring *keyring = memory_new(sizeof *keyring);
	enum err err = OK;
	keyring->loop = loop;
	keyring->settings = settings;
	keyring->by_domain = names_new();
	keyring->domains = memory_array(settings->domains.count, sizeof *keyring->domains);
	for (size_t i = 0; err == OK && i < settings->domains.count; i++) {
		struct ring_domain *domain = &keyring->domains[keyring->domain_count++];
		domain->settings = CONF_ITEM(&settings->domains, struct dkim_domain_settings, i);
		err = open_domain(domain, why);
		if (err == OK && !is_able_to_seal(domain))
			err = fail(why, E_REFUSED, "dkim: %s seals, and has no RSA key",
				   domain->settings->domain);
		add_domain(keyring, domain);
	}
	if (err != OK) {
		keyring_free(&keyring);
		return err;
	}
	keyring->look = timer_new(loop, on_look, keyring);
	timer_start(keyring->look, look_wait_ms(keyring));
	*ret = keyring;
	return OK;
}

void keyring_free(struct keyring **keyring)
{
	struct keyring *k = *keyring;
	if (!k)
		return;
	*keyring = NULL;
	for (size_t i = 0; i < k->domain_count; i++) {
		for (size_t j = 0; j < k->domains[i].settings->keys.count; j++)
			held_drop(&k->domains[i].keys[j].held);
		free(k->domains[i].keys);
	}
	names_free(&k->by_domain);
	timer_free(&k->look);
	free(k->domains);
	free(k);
}

/* ---- choosing ---- */

static enum err domain_of_message(struct bytes message, char out[ADDRESS_DOMAIN_MAX + 1],
				  struct why *why)
{
	struct header_field from;
	struct bytes domain;
	enum err err = header_field_find(message, "from", &from);
	if (err == E_NOT_FOUND)
		return fail(why, E_MALFORMED, "it has no From field");
	if (err != OK)
		return fail(why, E_MALFORMED, "a line of its header is no field");
	if (!mailbox_domain(from.value, &domain) || domain_canonical(domain, out) != OK)
		return fail(why, E_MALFORMED, "its From field has no address with a domain");
	return OK;
}

static bool is_its_time(const struct ring_key *key, int64_t now_wall_ms)
{
	return now_wall_ms >= key->from_wall_ms && now_wall_ms < key->until_wall_ms;
}

static void add_key(const struct dkim_domain_settings *domain, const struct ring_key *key,
		    int64_t now_wall_ms, struct key_choice *choice)
{
	if (choice->count == KEYRING_WISHES_MAX || !is_its_time(key, now_wall_ms))
		return;
	int64_t now_s = now_wall_ms / 1000, life_s = domain->expires_after / 1000;
	choice->wishes[choice->count] = (struct dkim_wish){
		.domain = domain->domain,
		.selector = key->settings->selector,
		.key = key->held->key,
		.header_canon = dkim_header_canon(domain),
		.body_canon = dkim_body_canon(domain),
		.oversigned = {domain->oversign.items, domain->oversign.count},
		.names = {domain->headers.items, domain->headers.count},
		.signed_at_s = now_s,
		.expires_at_s = life_s > 0 ? now_s + life_s : 0,
	};
	key->held->use_count++;
	choice->held[choice->count++] = key->held;
}

static void add_keys(const struct ring_domain *domain, int64_t now_wall_ms,
		     struct key_choice *choice)
{
	for (size_t i = 0; i < domain->settings->keys.count; i++)
		add_key(domain->settings, &domain->keys[i], now_wall_ms, choice);
}

/* The entries of this domain that sign for it, or for one below it. */
static bool add_entries(const struct ring_domain *entry, bool is_below, int64_t now_wall_ms,
			struct key_choice *choice)
{
	bool is_any = false;
	for (; entry; entry = entry->next) {
		int signs = entry->settings->signs;
		if (signs == DKIM_SIGNS_NONE || (is_below && signs == DKIM_SIGNS_OWN))
			continue;
		add_keys(entry, now_wall_ms, choice);
		is_any = true;
	}
	return is_any;
}

/* Returns the domain whose entries were taken: this one or the nearest above it; "" for none. */
static const char *add_nearest(const struct keyring *keyring, const char *from, int64_t now_wall_ms,
			       struct key_choice *choice)
{
	const char *domain = from;
	while (!add_entries(names_find(keyring->by_domain, domain), domain != from, now_wall_ms,
			    choice)) {
		domain = strchr(domain, '.');
		if (!domain)
			return "";
		domain++;
	}
	return domain;
}

enum err keyring_choose(const struct keyring *keyring, struct bytes message, int64_t now_wall_ms,
			struct key_choice *ret, struct why *why)
{
	char from[ADDRESS_DOMAIN_MAX + 1];
	ret->count = 0;
	enum err err = domain_of_message(message, from, why);
	if (err != OK)
		return err;
	const char *taken = add_nearest(keyring, from, now_wall_ms, ret);
	for (size_t i = 0; i < keyring->domain_count; i++) {
		const struct ring_domain *domain = &keyring->domains[i];
		if (domain->settings->signs == DKIM_SIGNS_ALL &&
		    strcmp(domain->settings->domain, taken) != 0)
			add_keys(domain, now_wall_ms, ret);
	}
	if (ret->count == 0)
		return fail(why, E_NOT_FOUND, "there is no DKIM key for %s", from);
	return OK;
}

void key_choice_drop(struct key_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++)
		held_drop(&choice->held[i]);
	choice->count = 0;
}

/* ---- sealing ---- */

static bool seals_pool(const struct dkim_domain_settings *domain, const char *pool)
{
	for (size_t i = 0; i < domain->seals.count; i++)
		if (strcmp(domain->seals.items[i], pool) == 0)
			return true;
	return false;
}

static const struct ring_key *sealing_key(const struct ring_domain *domain, int64_t now_wall_ms)
{
	for (size_t i = 0; i < domain->settings->keys.count; i++) {
		const struct ring_key *key = &domain->keys[i];
		if (is_its_time(key, now_wall_ms) &&
		    signing_key_kind(key->held->key) == SIGNING_RSA)
			return key;
	}
	return NULL;
}

bool keyring_choose_seal(const struct keyring *keyring, const char *pool, int64_t now_wall_ms,
			 struct seal_choice *ret)
{
	const struct dkim_domain_settings *domain = NULL;
	const struct ring_key *key = NULL;
	for (size_t i = 0; !key && i < keyring->domain_count; i++) {
		domain = keyring->domains[i].settings;
		if (seals_pool(domain, pool))
			key = sealing_key(&keyring->domains[i], now_wall_ms);
	}
	if (!key)
		return false;
	*ret = (struct seal_choice){
		.wish = {.domain = domain->domain,
			 .selector = key->settings->selector,
			 .key = key->held->key,
			 .header_canon = CANON_RELAXED,
			 .body_canon = CANON_RELAXED,
			 .names = {domain->seal_headers.items, domain->seal_headers.count},
			 .signed_at_s = now_wall_ms / 1000},
		.authserv_id = domain->authserv_id[0] ? domain->authserv_id : domain->domain,
		.held = key->held,
	};
	key->held->use_count++;
	return true;
}

void seal_choice_drop(struct seal_choice *choice)
{
	held_drop(&choice->held);
}
