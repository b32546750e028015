/* An SMTP client that measures: many destination domains, a steady rate, the time from each final dot to its reply.
 *
 *   bench_source PORT SESSIONS COUNT BYTES DOMAINS RATE [TIMES_FILE]
 *
 * Sends COUNT messages to user@dN.test from SESSIONS threads, one connection per message as smtp-source does. RATE: messages per second
 * that begin, 0: as fast as they go. TIMES_FILE gets a line per message: its X-Trial-Id, the wall clock at its final dot and at its
 * reply in ns. Prints one JSON object; exit code 1 when a message was not taken. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL

struct timing {
	int64_t dot_ns, reply_ns; /* 0: not taken */
};

static struct {
	uint16_t port;
	size_t sessions, count, bytes, domains;
	double rate;
	atomic_size_t next, failed;
	int64_t start_ns;
	struct timing *timings;
	char *body; /* ends with the final dot */
	size_t body_len;
} job;

static int64_t wall_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void wait_for_turn(size_t number)
{
	if (job.rate <= 0)
		return;
	int64_t at_ns = job.start_ns + (int64_t)((double)number / job.rate * 1e9);
	const struct timespec at = {at_ns / SECOND_NS, at_ns % SECOND_NS};
	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		data += sent;
		len -= (size_t)sent;
	}
	return true;
}

/* The code of the next reply, which is read alone: nothing is pipelined. 0: none. */
static int reply(int fd)
{
	char text[4096];
	size_t len = 0;
	while (len < sizeof text - 1) {
		ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
		if (got <= 0)
			return 0;
		len += (size_t)got;
		text[len] = '\0';
		if (text[len - 1] != '\n')
			continue;
		char *line = text;
		for (char *end = strchr(line, '\n'); end && end[1]; end = strchr(line, '\n'))
			line = end + 1;
		if (len >= 4 && line[3] != '-')
			return atoi(line);
	}
	return 0;
}

static bool ask(int fd, const char *command, int code)
{
	return send_all(fd, command, strlen(command)) && reply(fd) == code;
}

static bool converse(int fd, size_t number)
{
	char rcpt[128], head[256];
	(void)snprintf(rcpt, sizeof rcpt, "RCPT TO:<ok-%zu@d%zu.test>\r\n", number,
		       number % job.domains);
	int head_len = snprintf(head, sizeof head,
				"From: news@sender.test\r\nX-Trial-Id: b%zu\r\n\r\n", number);
	if (reply(fd) != 220 || !ask(fd, "EHLO client.test\r\n", 250) ||
	    !ask(fd, "MAIL FROM:<news@sender.test>\r\n", 250) || !ask(fd, rcpt, 250) ||
	    !ask(fd, "DATA\r\n", 354))
		return false;
	if (!send_all(fd, head, (size_t)head_len) || !send_all(fd, job.body, job.body_len))
		return false;
	struct timing *timing = &job.timings[number];
	timing->dot_ns = wall_ns();
	if (reply(fd) != 250)
		return false;
	timing->reply_ns = wall_ns();
	return ask(fd, "QUIT\r\n", 221);
}

static bool send_one(size_t number)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(job.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bool is_sent =
		connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 && converse(fd, number);
	(void)close(fd);
	return is_sent;
}

static void *session(void *unused)
{
	(void)unused;
	for (size_t number; (number = atomic_fetch_add(&job.next, 1)) < job.count;) {
		wait_for_turn(number);
		if (!send_one(number))
			atomic_fetch_add(&job.failed, 1);
	}
	return NULL;
}

static void make_body(void)
{
	job.body = malloc(job.bytes + 8);
	if (!job.body)
		abort();
	for (size_t i = 0; i < job.bytes; i++)
		job.body[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
	memcpy(job.body + job.bytes, "\r\n.\r\n", 5);
	job.body_len = job.bytes + 5;
	if (job.bytes % 80 == 79) /* no bare CR */
		job.body[job.bytes - 1] = 'x';
}

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static double percentile_ms(const int64_t *sorted, size_t count, double share)
{
	return count ? (double)sorted[(size_t)((double)(count - 1) * share)] / 1e6 : 0;
}

static void print_figures(int64_t end_ns)
{
	int64_t *waits = calloc(job.count, sizeof *waits);
	size_t taken = 0;
	if (!waits)
		abort();
	for (size_t i = 0; i < job.count; i++)
		if (job.timings[i].reply_ns)
			waits[taken++] = job.timings[i].reply_ns - job.timings[i].dot_ns;
	qsort(waits, taken, sizeof *waits, by_value);
	double seconds = (double)(end_ns - job.start_ns) / 1e9;
	(void)printf("{\"taken\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"per_second\": %.0f, "
		     "\"dot_to_250_p50_ms\": %.2f, \"dot_to_250_p99_ms\": %.2f}\n",
		     taken, atomic_load(&job.failed), seconds, (double)taken / seconds,
		     percentile_ms(waits, taken, 0.5), percentile_ms(waits, taken, 0.99));
	free(waits);
}

static int write_times(const char *path)
{
	FILE *file = fopen(path, "w");
	if (!file)
		return 1;
	for (size_t i = 0; i < job.count; i++)
		if (job.timings[i].reply_ns)
			(void)fprintf(file, "b%zu %lld %lld\n", i, (long long)job.timings[i].dot_ns,
				      (long long)job.timings[i].reply_ns);
	return fclose(file) != 0;
}

int main(int argc, char **argv)
{
	if (argc < 7) {
		(void)fprintf(stderr,
			      "usage: %s PORT SESSIONS COUNT BYTES DOMAINS RATE [TIMES_FILE]\n",
			      argv[0]);
		return 2;
	}
	job.port = (uint16_t)strtoul(argv[1], NULL, 10);
	job.sessions = strtoul(argv[2], NULL, 10);
	job.count = strtoul(argv[3], NULL, 10);
	job.bytes = strtoul(argv[4], NULL, 10);
	job.domains = strtoul(argv[5], NULL, 10);
	job.rate = strtod(argv[6], NULL);
	job.timings = calloc(job.count, sizeof *job.timings);
	pthread_t *threads = calloc(job.sessions, sizeof *threads);
	if (!job.timings || !threads || job.domains == 0)
		abort();
	make_body();
	job.start_ns = wall_ns();
	for (size_t i = 0; i < job.sessions; i++)
		if (pthread_create(&threads[i], NULL, session, NULL) != 0)
			abort();
	for (size_t i = 0; i < job.sessions; i++)
		(void)pthread_join(threads[i], NULL);
	print_figures(wall_ns());
	int code = argc > 7 ? write_times(argv[7]) : 0;
	free(threads);
	free(job.timings);
	free(job.body);
	return code || atomic_load(&job.failed) > 0;
}
