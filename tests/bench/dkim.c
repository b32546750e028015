/* Signatures per second on one core: bench_dkim KEY_FILE MESSAGE_FILE SECONDS. From the bytes of a message to its DKIM-Signature field. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/dkim/signature.h"
#include "workers/signing/keyring.h"

#define MESSAGE_MAX ((size_t)64 << 20)

static double cpu_seconds(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t read_message(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	buf_init(out, MESSAGE_MAX);
	if (!file)
		return 0;
	for (size_t len = 1; len > 0;) {
		len = fread(buf_reserve(out, 65536), 1, 65536, file);
		buf_commit(out, len);
	}
	(void)fclose(file);
	return buf_bytes(out).len;
}

static double run(struct bytes message, const struct dkim_wish *wish, double seconds)
{
	double begin = cpu_seconds(), now = begin;
	unsigned long count = 0;
	struct buf out;
	struct why why = {""};
	buf_init(&out, DKIM_SIGNATURE_FIELD_MAX);
	for (; now - begin < seconds; now = cpu_seconds())
		for (int i = 0; i < 20; i++, count++) {
			buf_clear(&out);
			if (dkim_sign_message(message, wish, 1, &out, &why) != OK) {
				(void)fprintf(stderr, "%s\n", why.text);
				exit(1);
			}
		}
	buf_done(&out);
	return (double)count / (now - begin);
}

int main(int argc, char **argv)
{
	static const char *const oversigned[] = {
		"from", "to", "cc", "subject", "date", "reply-to", "mime-version", "content-type"};
	static const char *const names[] = {"message-id", "list-unsubscribe",
					    "list-unsubscribe-post", "feedback-id"};
	struct dkim_wish wish = {
		.domain = "example.com",
		.selector = "bench",
		.header_canon = CANON_RELAXED,
		.body_canon = CANON_RELAXED,
		.oversigned = {oversigned, 8},
		.names = {names, 4},
		.signed_at_s = 1700000000,
	};
	struct buf message;
	struct why why = {""};
	if (argc != 4 || keyring_read_file(argv[1], &wish.key, &why) != OK ||
	    read_message(argv[2], &message) == 0) {
		(void)fprintf(stderr, "bench_dkim KEY_FILE MESSAGE_FILE SECONDS\n%s\n", why.text);
		return 2;
	}
	(void)printf("%.1f\n", run(buf_bytes(&message), &wish, atof(argv[3])));
	buf_done(&message);
	signing_key_free(&wish.key);
	return 0;
}
