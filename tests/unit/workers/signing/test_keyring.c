/* Which keys sign: by domain, by date, and as the files change. */
#include "tests/store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/signing/keyring.h"

#define NOW INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct ring_settings {
	struct dkim_settings dkim;
};
static const struct conf_child children[] = {{&dkim_section, offsetof(struct ring_settings, dkim)}};
static const struct conf_section root = {
	.name = "root",
	.help = "",
	.size = sizeof(struct ring_settings),
	.children = children,
	.child_count = CONF_COUNT(children),
};

static struct {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct conf *conf;
	struct keyring *ring;
} desk;

static const char *path_of(const char *name)
{
	static char path[DIRECTORY_SIZE + 40];
	snprintf(path, sizeof path, "%s/%s.pem", desk.directory, name);
	return path;
}

static void write_text(const char *name, struct bytes text)
{
	FILE *file = fopen(path_of(name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	fclose(file);
}

static void write_key(const char *name, enum signing_kind kind)
{
	struct signing_key *key = signing_key_generate(kind, 1024);
	struct buf pem;
	buf_init(&pem, SIGNING_PEM_MAX);
	assert_int_equal(signing_key_write(key, &pem), OK);
	write_text(name, buf_bytes(&pem));
	buf_done(&pem);
	signing_key_free(&key);
}

static int setup(void **state)
{
	(void)state;
	memset(&desk, 0, sizeof desk);
	directory_make(desk.directory);
	desk.loop = loop_new();
	write_key("k", SIGNING_ED25519);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keyring_free(&desk.ring);
	conf_free(&desk.conf);
	loop_free(&desk.loop);
	directory_remove(desk.directory);
	return 0;
}

/* Rows that end in the file of a key, behind $ for its folder. */
static enum err open_ring(const char *const *rows)
{
	char yaml[4000] = "dkim:\n  domains:\n";
	struct why why = {""};
	for (; *rows; rows++) {
		char row[1000], *at = strstr(*rows, "$");
		assert_non_null(at);
		snprintf(row, sizeof row, "    - {%.*s%s/%s}]}\n", (int)(at - *rows), *rows,
			 desk.directory, at + 1);
		strcat(yaml, row);
	}
	enum err err = conf_load_text(yaml, &root, &desk.conf);
	conf_print_faults(desk.conf, stderr, false);
	assert_int_equal(err, OK);
	const struct ring_settings *settings = conf_root(desk.conf);
	return keyring_open(desk.loop, &settings->dkim, &desk.ring, &why);
}
#define ROWS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* "domain/selector ..." of who signs mail from an address. */
static const char *signers(const char *from, int64_t now_wall_ms)
{
	static char text[500];
	char message[300];
	struct key_choice choice;
	struct why why = {""};
	size_t len = 0;
	snprintf(message, sizeof message, "Subject: x\r\nFrom: %s\r\n\r\n", from);
	text[0] = '\0';
	enum err err = keyring_choose(desk.ring, bytes_of(message), now_wall_ms, &choice, &why);
	if (err != OK)
		return err_text(err);
	for (size_t i = 0; i < choice.count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s/%s", i ? " " : "",
					choice.wishes[i].domain, choice.wishes[i].selector);
	key_choice_drop(&choice);
	return text;
}

static void test_the_nearest_domain_signs(void **state)
{
	(void)state;
	assert_int_equal(
		open_ring(ROWS(
			"domain: a.example, signs: subdomains, keys: [{selector: s1, file: $k.pem",
			"domain: b.a.example, keys: [{selector: s2, file: $k.pem",
			"domain: a.example, keys: [{selector: s3, file: $k.pem")),
		OK);
	assert_string_equal(signers("x@a.example", NOW), "a.example/s1 a.example/s3");
	assert_string_equal(signers("x@A.Example", NOW), "a.example/s1 a.example/s3");
	assert_string_equal(signers("x@c.a.example", NOW), "a.example/s1");
	assert_string_equal(signers("x@d.c.a.example", NOW), "a.example/s1");
	assert_string_equal(signers("x@b.a.example", NOW), "b.a.example/s2");
	assert_string_equal(signers("x@c.b.a.example", NOW), "a.example/s1");
	assert_string_equal(signers("x@example", NOW), "not found");
	assert_string_equal(signers("x@xa.example", NOW), "not found");
	assert_string_equal(signers("nobody", NOW), "malformed");
}

static void test_who_signs_all_mail_comes_second(void **state)
{
	(void)state;
	assert_int_equal(
		open_ring(ROWS("domain: esp.example, signs: all, keys: [{selector: e, file: $k.pem",
			       "domain: a.example, keys: [{selector: s1, file: $k.pem")),
		OK);
	assert_string_equal(signers("x@a.example", NOW), "a.example/s1 esp.example/e");
	assert_string_equal(signers("x@other.example", NOW), "esp.example/e");
	assert_string_equal(signers("x@esp.example", NOW), "esp.example/e");
	assert_string_equal(signers("x@below.esp.example", NOW), "esp.example/e");
}

static void test_keys_keep_to_their_time(void **state)
{
	(void)state;
	assert_int_equal(
		open_ring(ROWS(
			"domain: a.example, keys: [{selector: old, until: 2026-01-01, file: $k.pem",
			"domain: a.example, keys: [{selector: new, from: 2025-12-31T23:59:59Z, "
			"file: $k.pem")),
		OK);
	assert_string_equal(signers("x@a.example", NOW - 2000), "a.example/old");
	assert_string_equal(signers("x@a.example", NOW - 1), "a.example/old a.example/new");
	assert_string_equal(signers("x@a.example", NOW), "a.example/new");
}

static void test_moments(void **state)
{
	static const char *const wrong[] = {"2026-13-01",  "2026-04-31", "2026-01-01T12:00:00",
					    "2026-01-01 ", "tomorrow",	 "2026-01-01T25:00:00Z"};
	int64_t moment = 0;
	(void)state;
	assert_true(dkim_moment("2026-01-01", 7, &moment));
	assert_true(moment == NOW);
	assert_true(dkim_moment("2026-01-01T00:00:01Z", 7, &moment));
	assert_true(moment == NOW + 1000);
	assert_true(dkim_moment("", 7, &moment));
	assert_true(moment == 7);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(dkim_moment(wrong[i], 7, &moment));
}

static struct signing_key *key_in_use(void)
{
	struct key_choice choice;
	struct why why = {""};
	assert_int_equal(
		keyring_choose(desk.ring, BYTES("From: x@a.example\r\n\r\n"), NOW, &choice, &why),
		OK);
	struct signing_key *key = choice.wishes[0].key;
	key_choice_drop(&choice);
	return key;
}

static void test_a_changed_file_is_read_again_and_a_bad_one_is_not(void **state)
{
	(void)state;
	assert_int_equal(open_ring(ROWS("domain: a.example, keys: [{selector: s1, file: $k.pem")),
			 OK);
	struct signing_key *first = key_in_use();
	keyring_reload(desk.ring);
	assert_ptr_equal(key_in_use(), first);
	write_text("k", BYTES("this is longer than a key, but none\n"));
	keyring_reload(desk.ring);
	assert_ptr_equal(key_in_use(), first);
	assert_int_equal(unlink(path_of("k")), 0);
	keyring_reload(desk.ring);
	assert_ptr_equal(key_in_use(), first);

	/* What was chosen stays good while it is in use. */
	struct key_choice choice;
	struct why why = {""};
	assert_int_equal(
		keyring_choose(desk.ring, BYTES("From: x@a.example\r\n\r\n"), NOW, &choice, &why),
		OK);
	write_key("k", SIGNING_ED25519);
	keyring_reload(desk.ring);
	assert_ptr_not_equal(key_in_use(), first);
	assert_int_equal(signing_key_bits(choice.wishes[0].key), 256);
	key_choice_drop(&choice);
}

static struct timespec change_time(void)
{
	struct stat status;
	assert_int_equal(stat(path_of("k"), &status), 0);
	return status.st_mtim;
}

/* A file that could not be read may become readable without a change of its own: of its rights, say. */
static void test_a_file_that_failed_is_tried_again(void **state)
{
	char bad[200];
	struct stat status;
	(void)state;
	assert_int_equal(open_ring(ROWS("domain: a.example, keys: [{selector: s1, file: $k.pem")),
			 OK);
	struct signing_key *first = key_in_use();
	assert_int_equal(stat(path_of("k"), &status), 0);
	memset(bad, '#', sizeof bad);
	write_text("k", bytes_from(bad, (size_t)status.st_size));
	struct timespec times[] = {change_time(), change_time()};
	keyring_reload(desk.ring);
	assert_ptr_equal(key_in_use(), first);
	write_key("k", SIGNING_ED25519); /* of the same size, in the same place, at the same time */
	assert_int_equal(utimensat(AT_FDCWD, path_of("k"), times, 0), 0);
	keyring_reload(desk.ring);
	assert_ptr_not_equal(key_in_use(), first);
}

static void test_a_missing_key_is_a_failure_of_the_start(void **state)
{
	(void)state;
	assert_int_equal(open_ring(ROWS("domain: a.example, keys: [{selector: s1, file: $no.pem")),
			 E_NOT_FOUND);
	assert_null(desk.ring);
}

static void test_a_pool_is_sealed_by_its_domains_rsa_key_of_now(void **state)
{
	struct seal_choice choice;
	(void)state;
	write_key("r", SIGNING_RSA);
	assert_int_equal(
		open_ring(
			ROWS("domain: a.example, signs: none, seals: [lists], keys: [{selector: "
			     "past, until: 2020-01-01, file: $r.pem",
			     "domain: b.example, seals: [other, lists], authserv_id: mx.b.example, "
			     "keys: [{selector: r, file: $r.pem")),
		OK);
	assert_true(keyring_choose_seal(desk.ring, "lists", NOW, &choice));
	assert_string_equal(choice.wish.domain, "b.example");
	assert_string_equal(choice.wish.selector, "r");
	assert_string_equal(choice.authserv_id, "mx.b.example");
	seal_choice_drop(&choice);
	assert_false(keyring_choose_seal(desk.ring, "default", NOW, &choice));
	assert_string_equal(signers("x@a.example", NOW), "not found");
	assert_string_equal(signers("x@b.example", NOW), "b.example/r");
}

static void test_a_domain_that_seals_has_an_rsa_key(void **state)
{
	(void)state;
	assert_int_equal(
		open_ring(ROWS("domain: a.example, seals: [x], keys: [{selector: e, file: $k.pem")),
		E_REFUSED);
	assert_null(desk.ring);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_nearest_domain_signs),
		TEST(test_who_signs_all_mail_comes_second),
		TEST(test_keys_keep_to_their_time),
		TEST(test_moments),
		TEST(test_a_changed_file_is_read_again_and_a_bad_one_is_not),
		TEST(test_a_file_that_failed_is_tried_again),
		TEST(test_a_missing_key_is_a_failure_of_the_start),
		TEST(test_a_pool_is_sealed_by_its_domains_rsa_key_of_now),
		TEST(test_a_domain_that_seals_has_an_rsa_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
