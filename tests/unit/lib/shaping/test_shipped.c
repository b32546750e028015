/* The built-in rules, by replies as providers give them. */
#include "tests/check.h"

#include <string.h>

#include "tests/unit/lib/shaping/fixture_shaping.h"

static const struct {
	const char *host, *step, *reply, *said;
} cases[] = {
	{"gmail-smtp-in.l.google.com", "body",
	 "421 4.7.28 [192.0.2.1] Gmail has detected an unusual rate of unsolicited "
	 "mail\noriginating from "
	 "your IP address.",
	 "slow_by 50 by google-rate"},
	{"gmail-smtp-in.l.google.com.", "body",
	 "421 4.7.0 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail",
	 "slow_by 50 by google-rate"},
	{"aspmx.l.google.com", "body",
	 "550 5.7.1 Our system has detected an unusual rate of unsolicited mail",
	 "park_source 1 by google-blocked; retry_after 14400000 by google-blocked; notify 1 by "
	 "google-blocked"},
	{"aspmx.l.google.com", "rcpt",
	 "450 4.2.1 The user you are trying to contact is receiving mail at a rate that",
	 "retry_after 3600000 by google-recipient-rate; classify policy-related by "
	 "google-recipient-rate"},
	{"aspmx.l.google.com", "rcpt", "452 4.2.2 The recipient's inbox is out of storage space.",
	 "retry_after 14400000 by google-full; classify quota-issues by google-full"},
	{"hotmail-com.olc.protection.outlook.com", "mail",
	 "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network "
	 "is on our "
	 "block list (S3150).",
	 "park_source 1 by microsoft-blocked; retry_after 14400000 by microsoft-blocked; notify 1 "
	 "by "
	 "microsoft-blocked"},
	{"hotmail-com.olc.protection.outlook.com", "mail",
	 "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP "
	 "reputation. "
	 "(S775)",
	 "slow_by 50 by microsoft-reputation"},
	{"hotmail-com.olc.protection.outlook.com", "greeting",
	 "421 RP-003 exceeded the connection limit allowed.",
	 "connections_by 50 by microsoft-connections"},
	{"example-com.mail.protection.outlook.com", "rcpt",
	 "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
	 "park_source 1 by microsoft-banned; notify 1 by microsoft-banned"},
	{"mta5.am0.yahoodns.net", "mail",
	 "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume "
	 "or user "
	 "complaints - 4.16.55.1",
	 "slow_by 50 by yahoo-deferred"},
	{"mta5.am0.yahoodns.net", "mail",
	 "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred",
	 "park_source 1 by yahoo-permanent; notify 1 by yahoo-permanent"},
	{"mta5.am0.yahoodns.net", "mail",
	 "421 Max message per connection reached, closing transmission channel",
	 "retry_after 10000 by yahoo-messages-per-connection"},
	{"mx01.mail.icloud.com", "rcpt",
	 "421 4.7.1 Messages to a@icloud.com deferred due to excessive volume. Try again later",
	 "learn_rate 1 by rate; retry_after 3600000 by apple-recipient-rate; classify "
	 "policy-related "
	 "by "
	 "apple-recipient-rate"},
	{"mx1.comcast.net", "greeting", "421 RL000003 Throttled", "slow_by 50 by comcast-rate"},
	{"mx1.comcast.net", "greeting", "554 192.0.2.1 BL000000 blocked",
	 "park_source 1 by comcast-blocked; retry_after 14400000 by comcast-blocked; notify 1 by "
	 "comcast-blocked"},
	{"smtp-in.orange.fr", "greeting",
	 "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. OFR004_104 "
	 "[104]",
	 "connections_by 50 by orange-connections"},
	{"smtp-in.orange.fr", "greeting",
	 "421 mwinf5c04 ME Service refuse. Veuillez essayer plus tard. OFR_999 [999]",
	 "slow_by 50 by orange-refused"},
	{"mx00.gmx.net", "greeting",
	 "421 gmx.net Nemesis ESMTP Service not available\nRate limit reached.",
	 "slow_by 50 by gmx-rate"},
	{"mx-ha02.web.de", "greeting", "554 web.de No SMTP service\nIP address is block listed.",
	 "park_source 1 by gmx-listed; retry_after 14400000 by gmx-listed; notify 1 by gmx-listed"},
	{"mx3.qq.com", "mail", "550 Ip frequency limited. http://service.mail.qq.com/",
	 "park_source 1 by qq-address-rate; retry_after 3600000 by qq-address-rate; notify 1 by "
	 "qq-address-rate"},
	{"163mx01.mxmail.netease.com", "greeting", "421 HL:ICC 163 mx",
	 "connections_by 50 by "
	 "netease-connections"},
	{"mxa-0001.gslb.pphosted.com", "rcpt",
	 "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
	 "park_source 1 by proofpoint-listed; retry_after 7200000 by proofpoint-listed; notify 1 "
	 "by "
	 "proofpoint-listed"},
	{"eu-smtp-inbound-1.mimecast.com", "rcpt",
	 "451 Internal resource temporarily unavailable - [abc.uk1]",
	 "retry_after 120000 by mimecast-greylist"},
	{"mx.example.com", "rcpt",
	 "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted",
	 "retry_after 360000 by greylist"},
	{"mx.example.com", "greeting", "421 4.7.0 mx Error: too many connections from 192.0.2.1",
	 "learn_connections 1 by connections"},
	{"mx.example.com", "greeting", "421 4.3.2 MAX connections exceeded: - message rejected",
	 "learn_connections 1 by connections"},
	{"mx.example.com", "greeting",
	 "450 4.7.1 Error: connection rate limit exceeded from unknown[192.0.2.1]",
	 "learn_rate 1 by connection-rate; learn_connections 1 by connection-rate"},
	{"mx.example.com", "mail", "421 too many messages in this connection",
	 "retry_after 10000 by messages-per-connection"},
	{"mx.example.com", "mail", "450 4.7.1 Error: too much mail from 192.0.2.1",
	 "learn_rate 1 by rate"},
	{"mx.example.com", "mail", "452 4.3.1 Insufficient system storage",
	 "skip_mx 1 by host-overloaded"},
	{"mx.example.com", "rcpt", "452 4.2.2 Mailbox full",
	 "retry_after 7200000 by mailbox-full; classify quota-issues by mailbox-full"},
	{"mx.example.com", "rcpt",
	 "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown", ""},
	{"mx.example.com", "rcpt", "250 2.1.5 Ok", ""},
	{"mx.example.com", "rcpt",
	 "450 4.1.8 <a@b.example>: Sender address rejected: Domain not found", ""},
	/* One provider's words mean nothing in another's mouth. */
	{"mx.example.com", "rcpt", "550 5.7.1 our block list (S3150)", ""},
	{"notgoogle.com", "rcpt", "550 5.7.1 an unusual rate of unsolicited mail", ""},
};

static void test_known_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shaping_fixture f = fixture_with("");
		struct shaping_facts facts = fixture_facts(cases[i].reply, 0);
		facts.site = "example.com";
		facts.host = cases[i].host;
		facts.step = cases[i].step;
		fixture_reply(&f, facts);
		assert_string_equal(fixture_said(&f), cases[i].said);
		fixture_done(&f);
	}
}

static void test_a_provider_is_known_by_the_name_of_its_site(void **state)
{
	struct shaping_fixture f = fixture_with("");
	struct shaping_facts facts = fixture_facts("421 4.7.0 [TSS04] deferred", 0);
	(void)state;
	facts.site = "yahoo";
	facts.host = "relay.example.com";
	for (int i = 0; i < 5; i++)
		fixture_reply(&f, facts);
	assert_string_equal(fixture_said(&f),
			    "slow_by 50 by yahoo-deferred; park_source 1 by "
			    "yahoo-deferred-often; notify 1 by yahoo-deferred-often");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_replies),
		cmocka_unit_test(test_a_provider_is_known_by_the_name_of_its_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
