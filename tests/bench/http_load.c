/* An HTTP client that measures: one request again and again over connections that stay open, from one thread with epoll.
 *
 *   bench_http_load PORT CONNECTIONS COUNT REQUEST_FILE
 *
 * The file holds a whole request, head and body; each connection has one under way. Prints one JSON object: answers by class, seconds,
 * requests per second, and how long answers took. Exit code 1 when one was not 2xx or did not come. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX	 10000
#define EVENTS_MAX	 256
#define HEAD_MAX	 8192
#define SILENCE_MS	 30000
#define REQUEST_SIZE_MAX ((size_t)256 << 20)

struct connection {
	int fd;
	size_t sent; /* of the request */
	char head[HEAD_MAX];
	size_t head_len;
	size_t body_left;
	int status; /* of the answer that is being read; 0: its head is not complete */
	int64_t begun_ns;
};

static struct {
	uint16_t port;
	size_t connection_count, count;
	char *request;
	size_t request_len;
	int epoll;
	size_t begun, ended, good;
	int64_t *took_ns;
} job;

static int64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- one connection ---- */

static void want(struct connection *c, bool can_write)
{
	struct epoll_event event = {.events = EPOLLIN | (can_write ? EPOLLOUT : 0u), .data.ptr = c};
	if (epoll_ctl(job.epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
		die("epoll_ctl");
}

static void send_some(struct connection *c)
{
	while (c->sent < job.request_len) {
		ssize_t sent =
			send(c->fd, job.request + c->sent, job.request_len - c->sent, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			want(c, true);
			return;
		}
		if (sent <= 0)
			die("send");
		c->sent += (size_t)sent;
	}
	want(c, false);
}

static void begin(struct connection *c)
{
	if (job.begun == job.count)
		return;
	job.begun++;
	c->sent = c->head_len = 0;
	c->status = 0;
	c->begun_ns = now_ns();
	send_some(c);
}

static void end(struct connection *c)
{
	job.took_ns[job.ended++] = now_ns() - c->begun_ns;
	job.good += c->status >= 200 && c->status < 300;
	if (c->status >= 300 && job.ended - job.good == 1)
		(void)fprintf(stderr, "http_load: answered by %d\n", c->status);
	begin(c);
}

/* True when the head is complete; what follows it in the buffer belongs to the body. */
static bool take_head(struct connection *c)
{
	c->head[c->head_len] = '\0';
	const char *body = strstr(c->head, "\r\n\r\n");
	if (!body)
		return false;
	const char *length = strcasestr(c->head, "\r\nContent-Length:");
	c->status = atoi(c->head + sizeof "HTTP/1.1 " - 1);
	size_t body_len = length && length < body ? strtoul(length + 17, NULL, 10) : 0;
	size_t have = c->head_len - (size_t)(body + 4 - c->head);
	c->body_left = body_len > have ? body_len - have : 0;
	return true;
}

static void read_some(struct connection *c)
{
	char waste[65536];
	for (;;) {
		bool is_body = c->status != 0;
		size_t room = is_body ? sizeof waste : HEAD_MAX - 1 - c->head_len;
		ssize_t got = recv(c->fd, is_body ? waste : c->head + c->head_len, room, 0);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			die("the server hung up");
		if (is_body)
			c->body_left -= (size_t)got < c->body_left ? (size_t)got : c->body_left;
		else
			c->head_len += (size_t)got;
		if (!is_body && !take_head(c))
			continue;
		if (c->body_left == 0) {
			end(c);
			return;
		}
	}
}

static void open_connection(struct connection *c)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(job.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("connect");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
	    epoll_ctl(job.epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		die("epoll_ctl");
}

/* ---- all of them ---- */

static void run(struct connection *connections)
{
	struct epoll_event events[EVENTS_MAX];
	for (size_t i = 0; i < job.connection_count; i++)
		begin(&connections[i]);
	while (job.ended < job.count) {
		int count = epoll_wait(job.epoll, events, EVENTS_MAX, SILENCE_MS);
		if (count == 0)
			die("no answer for 30 s");
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				send_some(c);
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				read_some(c);
		}
	}
}

static void read_request(const char *path)
{
	FILE *file = fopen(path, "rb");
	job.request = malloc(REQUEST_SIZE_MAX);
	if (!file || !job.request)
		die(path);
	job.request_len = fread(job.request, 1, REQUEST_SIZE_MAX, file);
	(void)fclose(file);
}

static int by_value(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return a < b ? -1 : a > b;
}

static void report(int64_t took_ns)
{
	double seconds = (double)took_ns / 1e9;
	qsort(job.took_ns, job.ended, sizeof *job.took_ns, by_value);
	(void)printf(
		"{\"requests\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"per_second\": %.1f, "
		"\"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
		job.ended, job.ended - job.good, seconds, (double)job.ended / seconds,
		(double)job.took_ns[job.ended / 2] / 1e6,
		(double)job.took_ns[job.ended * 99 / 100] / 1e6);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		(void)fprintf(stderr,
			      "usage: bench_http_load PORT CONNECTIONS COUNT REQUEST_FILE\n");
		return 2;
	}
	job.port = (uint16_t)strtoul(argv[1], NULL, 10);
	job.connection_count = strtoul(argv[2], NULL, 10);
	job.count = strtoul(argv[3], NULL, 10);
	if (job.connection_count == 0 || job.connection_count > CONNECTIONS_MAX || job.count == 0)
		return 2;
	read_request(argv[4]);
	job.took_ns = calloc(job.count, sizeof *job.took_ns);
	struct connection *connections = calloc(job.connection_count, sizeof *connections);
	job.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!job.took_ns || !connections || job.epoll < 0)
		die("start");
	for (size_t i = 0; i < job.connection_count; i++)
		open_connection(&connections[i]);
	int64_t started_ns = now_ns();
	run(connections);
	report(now_ns() - started_ns);
	return job.good == job.count ? 0 : 1;
}
