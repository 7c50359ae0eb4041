// SPDX-License-Identifier: BSD-2-Clause
/*
 * A heartbeat of the application's own: is the peer's program alive, and not
 * just its TCP? The client of two; heartbeat_server.c answers.
 *
 *	heartbeat_client tcp|udp ADDRESS PORT [COUNT [INTERVAL_MS]]
 *
 * It sends "PING n\n" each interval and waits for "PONG n\n" in select() with
 * what is left of the interval as its time-out. Three pings in a row without a
 * pong, and the peer counts as dead (exit status 1), long before TCP would say
 * so: keep-alive takes two hours by default, and sees only the peer's kernel.
 *
 * Plain C and plain sockets: it runs on the kernel, and under `tern run`.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MISSES 3 /* one lost datagram is no death, nor are two */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

static int connected(const char *kind, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int type = strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, s;

	to.sin_port = htons((unsigned short)atoi(port));
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		fprintf(stderr, "heartbeat_client: no address: %s\n", address);
		exit(2);
	}
	s = socket(AF_INET, type, 0);
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("heartbeat_client: connect");
		exit(1);
	}
	return s;
}

/* What came and is not a whole line yet. */
struct input {
	char text[256];
	size_t len;
};

/* Takes one line off, without its end; 0: there is none yet. */
static int take_line(struct input *in, char line[64])
{
	char *end = memchr(in->text, '\n', in->len);
	size_t n;

	if (!end)
		return 0;
	n = (size_t)(end - in->text);
	snprintf(line, 64, "%.*s", (int)n, in->text);
	in->len -= n + 1;
	memmove(in->text, end + 1, in->len);
	return 1;
}

/* Waits until `deadline` for the pong of ping n. 1: it came, 0: it did not,
 * -1: the peer has gone. */
static int await_pong(int s, struct input *in, int n, long deadline)
{
	char want[64], line[64];
	struct timeval tv;
	ssize_t got;
	fd_set set;
	long left;

	snprintf(want, sizeof(want), "PONG %d", n);
	for (;;) {
		while (take_line(in, line))
			if (strcmp(line, want) == 0)
				return 1;
		if (in->len == sizeof(in->text))
			return -1; /* a line without an end */
		left = deadline - now_ms();
		if (left <= 0)
			return 0;
		FD_ZERO(&set);
		FD_SET(s, &set);
		tv = (struct timeval){ left / 1000, left % 1000 * 1000 };
		if (select(s + 1, &set, NULL, NULL, &tv) <= 0)
			continue;
		got = recv(s, in->text + in->len, sizeof(in->text) - in->len,
			   0);
		if (got <= 0)
			return -1;
		in->len += (size_t)got;
	}
}

static void rest_until(long deadline)
{
	long left = deadline - now_ms();
	struct timeval tv = { left / 1000, left % 1000 * 1000 };

	if (left > 0)
		select(0, NULL, NULL, NULL, &tv);
}

int main(int argc, char **argv)
{
	int count = argc > 4 ? atoi(argv[4]) : 10;
	long interval = argc > 5 ? atol(argv[5]) : 1000, deadline;
	struct input in = { .len = 0 };
	int s, n, answer, misses = 0;
	char ping[64];

	if (argc < 4 || count < 1 || interval < 1) {
		fprintf(stderr, "usage: heartbeat_client tcp|udp ADDRESS PORT "
				"[COUNT [INTERVAL_MS]]\n");
		return 2;
	}
	s = connected(argv[1], argv[2], argv[3]);
	for (n = 1; n <= count && misses < MISSES; n++) {
		deadline = now_ms() + interval;
		snprintf(ping, sizeof(ping), "PING %d\n", n);
		if (send(s, ping, strlen(ping), MSG_NOSIGNAL) < 0)
			answer = -1;
		else
			answer = await_pong(s, &in, n, deadline);
		if (answer < 0 && strcmp(argv[1], "tcp") == 0)
			break;
		misses = answer > 0 ? 0 : misses + 1;
		printf("%s %d\n", answer > 0 ? "pong" : "missed", n);
		fflush(stdout);
		rest_until(deadline);
	}
	close(s);
	if (n > count && !misses)
		return 0;
	printf("the peer is dead\n");
	return 1;
}
