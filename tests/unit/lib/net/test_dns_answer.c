/* DNS answers on the wire: what is found, what the outcome is, and that broken ones are only failures. */
#include "lib/net/dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A message under construction: header, the question d.example, then records. */
struct packet {
	uint8_t data[8192];
	size_t len;
};

static void put(struct packet *p, const void *data, size_t len)
{
	assert_true(p->len + len <= sizeof p->data);
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static void put16(struct packet *p, unsigned value)
{
	put(p, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void begin(struct packet *p, unsigned rcode, unsigned type, unsigned answers)
{
	p->len = 0;
	put16(p, 1);
	put16(p, 0x8180 | rcode);
	put16(p, 1);
	put16(p, answers);
	put16(p, 0);
	put16(p, 0);
	put(p, "\001d\007example", 11);
	put16(p, type);
	put16(p, 1);
}

/* A record of d.example (a pointer to the question). */
static void record(struct packet *p, unsigned type, const void *rdata, size_t len)
{
	put16(p, 0xc00c);
	put16(p, type);
	put16(p, 1);
	put(p, "\0\0\0\074", 4);
	put16(p, (unsigned)len);
	put(p, rdata, len);
}

#define RECORD(p, type, rdata) record(p, type, rdata, sizeof(rdata) - 1)

static struct mx_answer read_mx(const struct packet *p)
{
	struct mx_answer answer = {.count = 9};
	dns_answer_mx(bytes_from(p->data, p->len), &answer);
	return answer;
}

enum { A = 1, CNAME = 5, MX = 15, AAAA = 28, TLSA = 52 };

static void test_mx_hosts_are_lower_case_and_keep_their_order(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 2);
	RECORD(&p, MX, "\0\024\003MX1\300\014");
	RECORD(&p, MX, "\0\012\003mx_\004Host\003NET\0");
	struct mx_answer answer = read_mx(&p);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.hosts[0].preference, 20);
	assert_string_equal(answer.hosts[0].name, "mx1.d.example");
	assert_int_equal(answer.hosts[1].preference, 10);
	assert_string_equal(answer.hosts[1].name, "mx_.host.net");
}

static void test_a_null_mx_is_an_empty_name(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 1);
	RECORD(&p, MX, "\0\0\0");
	struct mx_answer answer = read_mx(&p);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.count, 1);
	assert_string_equal(answer.hosts[0].name, "");
}

static void test_records_behind_an_alias_are_found(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 2);
	RECORD(&p, CNAME, "\003www\300\014");
	RECORD(&p, MX, "\0\012\002mx\300\014");
	struct mx_answer answer = read_mx(&p);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.count, 1);
}

static void test_rcodes_become_outcomes(void **state)
{
	(void)state;
	static const struct {
		unsigned rcode;
		enum dns_outcome outcome;
	} cases[] = {{0, DNS_NO_DATA},
		     {1, DNS_FAILED},
		     {2, DNS_FAILED},
		     {3, DNS_NO_NAME},
		     {5, DNS_FAILED}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct packet p;
		begin(&p, cases[i].rcode, MX, 0);
		assert_int_equal(read_mx(&p).outcome, cases[i].outcome);
	}
}

static void test_an_alias_alone_is_no_data(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 1);
	RECORD(&p, CNAME, "\003www\300\014");
	assert_int_equal(read_mx(&p).outcome, DNS_NO_DATA);
}

static void test_broken_mx_records_are_passed_over(void **state)
{
	(void)state;
	static const struct {
		const char *rdata;
		size_t len;
	} broken[] = {
		{"", 0},
		{"\0\012", 2},
		{"\0\012\003mx", 5},	     /* the label is cut */
		{"\0\012\300\377", 4},	     /* points behind the message */
		{"\0\012\002m\n\0", 6},	     /* a line feed in a name */
		{"\0\012\003m.x\0", 7},	     /* a dot inside a label */
		{"\0\012\002m\0\0", 6},	     /* a NUL inside a label */
		{"\0\012\002mx\0extra", 11}, /* more than a name */
		{"\0\012\100mx\0", 6},	     /* an unknown kind of label */
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct packet p;
		begin(&p, 0, MX, 1);
		record(&p, MX, broken[i].rdata, broken[i].len);
		assert_int_equal(read_mx(&p).outcome, DNS_FAILED);

		begin(&p, 0, MX, 2);
		record(&p, MX, broken[i].rdata, broken[i].len);
		RECORD(&p, MX, "\0\012\002mx\300\014");
		struct mx_answer answer = read_mx(&p);
		assert_int_equal(answer.outcome, DNS_FOUND);
		assert_int_equal(answer.count, 1);
		assert_string_equal(answer.hosts[0].name, "mx.d.example");
	}
}

static void test_a_name_that_points_at_itself_ends(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 1);
	uint8_t rdata[] = {0, 10, 0xc0, (uint8_t)(p.len + 12 + 2)};
	record(&p, MX, rdata, sizeof rdata);
	assert_int_equal(read_mx(&p).outcome, DNS_FAILED);
}

static void test_records_past_the_maximum_are_ignored(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, RESOLVER_MX_MAX + 5);
	for (int i = 0; i < RESOLVER_MX_MAX + 5; i++)
		RECORD(&p, MX, "\0\012\002mx\300\014");
	assert_int_equal(read_mx(&p).count, RESOLVER_MX_MAX);

	begin(&p, 0, A, RESOLVER_ADDRESSES_MAX + 5);
	for (int i = 0; i < RESOLVER_ADDRESSES_MAX + 5; i++)
		RECORD(&p, A, "\300\0\002\001");
	struct address_answer answer = {.count = 0};
	assert_int_equal(dns_answer_addresses(bytes_from(p.data, p.len), &answer), DNS_FOUND);
	assert_int_equal(answer.count, RESOLVER_ADDRESSES_MAX);
}

static void test_every_cut_of_a_message_is_a_failure(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, MX, 2);
	RECORD(&p, MX, "\0\012\002mx\300\014");
	RECORD(&p, MX, "\0\024\003mx2\300\014");
	for (size_t len = 0; len < p.len; len++) {
		uint8_t *exact = test_malloc(len > 0 ? len : 1);
		memcpy(exact, p.data, len);
		struct mx_answer answer;
		dns_answer_mx(bytes_from(exact, len), &answer);
		assert_int_equal(answer.outcome, DNS_FAILED);
		test_free(exact);
	}
}

static void test_addresses_of_both_families_are_added_up(void **state)
{
	(void)state;
	struct packet p;
	struct address_answer answer = {.count = 0};
	begin(&p, 0, A, 1);
	RECORD(&p, A, "\300\0\002\001");
	assert_int_equal(dns_answer_addresses(bytes_from(p.data, p.len), &answer), DNS_FOUND);
	begin(&p, 0, AAAA, 2);
	RECORD(&p, AAAA, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001");
	RECORD(&p, AAAA, "\040\001\015\270"); /* too short: passed over */
	assert_int_equal(dns_answer_addresses(bytes_from(p.data, p.len), &answer), DNS_FOUND);
	assert_int_equal(answer.count, 2);
	char text[NET_ADDRESS_SIZE];
	net_address_text(&answer.addresses[0], text);
	assert_string_equal(text, "192.0.2.1:0");
	net_address_text(&answer.addresses[1], text);
	assert_string_equal(text, "[2001:db8::1]:0");
}

static void test_strings_of_a_text_are_joined(void **state)
{
	(void)state;
	static struct txt_answer answer;
	struct packet p;
	begin(&p, 0, 16, 4);
	RECORD(&p, 16, "\003one\000\003two");
	RECORD(&p, 16, "\004one"); /* longer than its record */
	RECORD(&p, 16, "\000");
	RECORD(&p, 1, "\300\000\002\001");
	dns_answer_txt(bytes_from(p.data, p.len), &answer);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.records[0].len, 6);
	assert_memory_equal(answer.records[0].text, "onetwo", 6);
	assert_int_equal(answer.records[1].len, 0);
}

static void test_a_text_that_is_too_long_is_left_out(void **state)
{
	(void)state;
	static struct txt_answer answer;
	static uint8_t rdata[256 * 17];
	struct packet p;
	for (size_t i = 0; i < sizeof rdata; i += 256)
		rdata[i] = 255;
	begin(&p, 0, 16, 1);
	record(&p, 16, rdata, sizeof rdata);
	dns_answer_txt(bytes_from(p.data, p.len), &answer);
	assert_int_equal(answer.outcome, DNS_FAILED);
	assert_int_equal(answer.count, 0);
}

static void test_two_halves_of_a_question_join(void **state)
{
	(void)state;
	static const struct {
		enum dns_outcome a, b, joined;
	} cases[] = {
		{DNS_FOUND, DNS_FAILED, DNS_FOUND},	 {DNS_FOUND, DNS_NO_DATA, DNS_FOUND},
		{DNS_FAILED, DNS_NO_DATA, DNS_FAILED},	 {DNS_FAILED, DNS_NO_NAME, DNS_FAILED},
		{DNS_NO_DATA, DNS_NO_DATA, DNS_NO_DATA}, {DNS_NO_DATA, DNS_NO_NAME, DNS_NO_DATA},
		{DNS_NO_NAME, DNS_NO_NAME, DNS_NO_NAME},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(dns_outcome_join(cases[i].a, cases[i].b), cases[i].joined);
		assert_int_equal(dns_outcome_join(cases[i].b, cases[i].a), cases[i].joined);
	}
}

static void test_tlsa_records_are_read(void **state)
{
	(void)state;
	struct packet p;
	static struct tlsa_answer answer;
	begin(&p, 0, TLSA, 3);
	RECORD(&p, TLSA, "\003\001\001abc");
	RECORD(&p, TLSA, "\002\000");
	RECORD(&p, TLSA, "\002\000\000");
	dns_answer_tlsa(bytes_from(p.data, p.len), &answer);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.records[0].usage, TLSA_DANE_EE);
	assert_int_equal(answer.records[0].len, 3);
	assert_memory_equal(answer.records[0].data, "abc", 3);
	assert_int_equal(answer.records[1].len, 0);
}

static void test_a_tlsa_record_that_is_too_long_counts_without_its_data(void **state)
{
	(void)state;
	struct packet p;
	static struct tlsa_answer answer;
	static char rdata[3 + TLSA_DATA_MAX + 1] = "\003";
	begin(&p, 0, TLSA, 1);
	record(&p, TLSA, rdata, sizeof rdata);
	dns_answer_tlsa(bytes_from(p.data, p.len), &answer);
	assert_int_equal(answer.outcome, DNS_FOUND);
	assert_int_equal(answer.records[0].len, 0);
	assert_false(tlsa_is_usable(&answer.records[0]));
}

static void test_only_fitting_tlsa_records_are_usable(void **state)
{
	static const struct {
		uint8_t usage, selector, matching;
		size_t len;
		bool is_usable;
	} cases[] = {
		{3, 1, 1, 32, true},  {2, 0, 2, 64, true},  {3, 1, 2, 64, true},
		{0, 1, 1, 32, false}, {1, 1, 1, 32, false}, {4, 1, 1, 32, false},
		{3, 2, 1, 32, false}, {3, 1, 3, 32, false}, {3, 1, 1, 31, false},
		{3, 1, 2, 32, false}, {3, 0, 0, 32, false}, {3, 1, 0, 0, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct tlsa_record record;
		record.usage = cases[i].usage;
		record.selector = cases[i].selector;
		record.matching = cases[i].matching;
		record.len = cases[i].len;
		assert_int_equal(tlsa_is_usable(&record), cases[i].is_usable);
	}
}

static void test_an_alias_is_told(void **state)
{
	(void)state;
	struct packet p;
	begin(&p, 0, CNAME, 1);
	RECORD(&p, CNAME, "\001x\300\016");
	assert_int_equal(dns_answer_alias(bytes_from(p.data, p.len)), DNS_FOUND);
	begin(&p, 0, CNAME, 0);
	assert_int_equal(dns_answer_alias(bytes_from(p.data, p.len)), DNS_NO_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx_hosts_are_lower_case_and_keep_their_order),
		cmocka_unit_test(test_a_null_mx_is_an_empty_name),
		cmocka_unit_test(test_records_behind_an_alias_are_found),
		cmocka_unit_test(test_rcodes_become_outcomes),
		cmocka_unit_test(test_an_alias_alone_is_no_data),
		cmocka_unit_test(test_broken_mx_records_are_passed_over),
		cmocka_unit_test(test_a_name_that_points_at_itself_ends),
		cmocka_unit_test(test_records_past_the_maximum_are_ignored),
		cmocka_unit_test(test_every_cut_of_a_message_is_a_failure),
		cmocka_unit_test(test_addresses_of_both_families_are_added_up),
		cmocka_unit_test(test_strings_of_a_text_are_joined),
		cmocka_unit_test(test_a_text_that_is_too_long_is_left_out),
		cmocka_unit_test(test_two_halves_of_a_question_join),
		cmocka_unit_test(test_tlsa_records_are_read),
		cmocka_unit_test(test_a_tlsa_record_that_is_too_long_counts_without_its_data),
		cmocka_unit_test(test_only_fitting_tlsa_records_are_usable),
		cmocka_unit_test(test_an_alias_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
