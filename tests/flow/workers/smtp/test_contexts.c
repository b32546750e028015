/* Certificates that sites want shown, while their files change. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/smtp/contexts.h"

static struct loop *loop;
static char folder[40], chain[100], key[100];

static void make_certificate(const char *name)
{
	char command[1200];
	(void)snprintf(
		command, sizeof command,
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		"-subj /CN=%s -keyout %s.new -out %s.new 2>/dev/null && mv %s.new %s && mv "
		"%s.new %s",
		name, key, chain, chain, chain, key, key);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	(void)snprintf(folder, sizeof folder, "/tmp/leveret-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(chain, sizeof chain, "%s/chain.pem", folder);
	(void)snprintf(key, sizeof key, "%s/key.pem", folder);
	make_certificate("one.test");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(chain);
	(void)unlink(key);
	(void)rmdir(folder);
	loop_free(&loop);
	return 0;
}

static void test_a_renewed_certificate_is_shown_and_a_broken_one_is_not(void **state)
{
	struct site_settings site = {.tls_certificate = chain, .tls_key = key};
	struct site_settings other = {.tls_certificate = "", .tls_key = ""};
	struct conf_items sites = {.items = &site, .count = 1};
	struct contexts *contexts = NULL;
	struct why why = {""};
	(void)state;
	assert_int_equal(contexts_new(loop, &sites, "", &contexts, &why), OK);
	struct tls_context *const *shown = contexts_find(contexts, &site, false);
	struct tls_context *const *none = contexts_find(contexts, &other, false);
	struct tls_context *first = *shown, *without = *none;
	assert_ptr_not_equal(shown, contexts_find(contexts, &site, true));
	assert_ptr_not_equal(first, without);

	contexts_look(contexts);
	assert_ptr_equal(*shown, first); /* nothing changed */
	make_certificate("two.test");
	contexts_look(contexts);
	struct tls_context *second = *shown;
	assert_ptr_not_equal(second, first);
	assert_ptr_equal(*none, without);

	FILE *file = fopen(key, "w");
	assert_non_null(file);
	(void)fprintf(file, "this is no key\n");
	(void)fclose(file);
	contexts_look(contexts);
	assert_ptr_equal(*shown, second);
	make_certificate("three.test");
	contexts_look(contexts);
	assert_ptr_not_equal(*shown, second);
	contexts_free(&contexts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_renewed_certificate_is_shown_and_a_broken_one_is_not, setup,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
