/* How fast returned mail is read and classified, on one core.
 *
 *   bench_reports FILE...        mails, each read again and again for two seconds; then mails made to be slow
 *
 * The median and the slowest are of single mails; hostile ones are as large as the bouncer would take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/memory.h"
#include "lib/report/classifier.h"

#define SECONDS	     2.0
#define FILES_MAX    4000
#define HOSTILE_SIZE ((size_t)10 << 20)
#define SAMPLES_MAX  1000000

struct bench {
	struct classifier *classifier;
	struct arena *arena;
	struct bytes mails[FILES_MAX];
	size_t mail_count;
	size_t recipients;
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Seconds for one mail. */
static double read_once(struct bench *bench, struct bytes mail)
{
	struct report report;
	double start = now();
	report_read(bench->arena, mail, &report);
	for (size_t i = 0; i < report.count; i++) {
		struct bounce_verdict verdict;
		struct reply_facts facts = report_facts(&report.recipients[i]);
		classifier_ask(bench->classifier, &facts, &verdict);
	}
	bench->recipients += report.count;
	arena_reset(bench->arena);
	return now() - start;
}

static void load(struct bench *bench, const char *path)
{
	FILE *in = fopen(path, "rb");
	if (!in || bench->mail_count == FILES_MAX)
		return;
	uint8_t *data = memory_new(HOSTILE_SIZE);
	size_t len = fread(data, 1, HOSTILE_SIZE, in);
	uint8_t *copy = memory_new(len);
	memcpy(copy, data, len);
	free(data);
	(void)fclose(in);
	bench->mails[bench->mail_count++] = bytes_from(copy, len);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void run_files(struct bench *bench)
{
	double *samples = memory_array(SAMPLES_MAX, sizeof(double));
	size_t count = 0;
	double start = now();
	while (now() - start < SECONDS && count < SAMPLES_MAX)
		samples[count] = read_once(bench, bench->mails[count % bench->mail_count]), count++;
	double seconds = now() - start;
	qsort(samples, count, sizeof(double), by_value);
	printf("%zu mails of %zu kinds, %zu recipients: %.0f mails/s, median %.3f ms, slowest %.3f "
	       "ms\n",
	       count, bench->mail_count, bench->recipients, (double)count / seconds,
	       samples[count / 2] * 1e3, samples[count - 1] * 1e3);
	free(samples);
}

#define DAEMON "From: MAILER-DAEMON@mx.test\nSubject: failure notice\n"

static const struct {
	const char *name, *head, *line;
} hostile[] = {
	{"addresses", DAEMON "\n", "a%zu@there.test:\n"},
	{"one address", DAEMON "\n", "<a@there.test>: 550 no%zu\n"},
	{"recipients", DAEMON "Content-Type: message/delivery-status\n\n",
	 "Final-Recipient: rfc822;a%zu@b.test\nAction: failed\nStatus: 5.1.1\n\n"},
	{"parts", DAEMON "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n%zu\n"},
	{"boundaries", DAEMON "Content-Type: multipart/mixed; boundary=b\n\n", "--bb%zu\n"},
	{"depth", DAEMON, "Content-Type: message/rfc822\nX: %zu\n\n"},
	{"header", DAEMON, "X-Field%zu: x\n"},
	{"folds", DAEMON "X:", " x%zu\n"},
	{"words", DAEMON "Subject: ", "=?utf-8?Q?%zu?= "},
	{"codes", DAEMON "\na@b.test:\n", "550-5.1.1 %zu "},
	{"at signs", DAEMON "\n", "@%zu@@ "},
	{"phrases", DAEMON "\na@b.test: 550 ", "mailbox of user%zu unknown is "},
	{"quotes", DAEMON "\n", "\"%zu\"@"},
	{"json", "From: a@b.test\n\n{\"notificationType\":\"Bounce\",",
	 "\"emailAddress\":\"%zu@b.test\","},
	{"base64", DAEMON "Content-Transfer-Encoding: base64\n\n", "QUFB%zu\n"},
	{"zeros", DAEMON "\n", "%zu           \n"},
};

static void run_hostile(struct bench *bench)
{
	char *mail = memory_new(HOSTILE_SIZE + 200);
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		size_t len = strlen(hostile[i].head), n = 0;
		memcpy(mail, hostile[i].head, len);
		for (; len < HOSTILE_SIZE; n++)
			len += (size_t)snprintf(mail + len, 200, hostile[i].line, n);
		printf("hostile %-12s %4zu MiB %8.3f ms\n", hostile[i].name, len >> 20,
		       read_once(bench, bytes_from(mail, len)) * 1e3);
	}
	free(mail);
}

int main(int argc, char **argv)
{
	struct bench *bench = memory_new(sizeof *bench);
	struct why why = {""};
	double start = now();
	if (argc < 2 || classifier_new(NULL, stderr, &bench->classifier, &why) != OK) {
		(void)fprintf(stderr, "usage: bench_reports FILE...\n%s\n", why.text);
		return 2;
	}
	printf("rules loaded in %.1f ms\n", (now() - start) * 1e3);
	bench->arena = arena_new();
	for (int i = 1; i < argc; i++)
		load(bench, argv[i]);
	if (bench->mail_count > 0)
		run_files(bench);
	run_hostile(bench);
	return 0;
}
