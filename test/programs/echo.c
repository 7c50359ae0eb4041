// SPDX-License-Identifier: BSD-2-Clause
/*
 * An echo server that forks, and its client; linked statically with musl, so
 * that no library of the system's is between it and its calls.
 *
 *	echo serve PORT
 *	echo ask HOST PORT LEN	prints how many bytes came back unchanged
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void echo(int s)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(s, buf, sizeof(buf))) > 0)
		if (write(s, buf, (size_t)n) != n)
			die("write");
	exit(n == 0 ? 0 : 1);
}

static void serve(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	signal(SIGCHLD, SIG_IGN);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 5))
		die("listen");
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			die("accept");
		if (fork() == 0) {
			close(s);
			echo(c);
		}
		close(c);
	}
}

static char byte_at(long i)
{
	return (char)((unsigned long)i * 2654435761u >> 13);
}

static long ask(const char *host, int port, long len)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	long sent = 0, got = 0;
	char buf[3000];

	inet_pton(AF_INET, host, &a.sin_addr);
	if (connect(s, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	while (got < len) {
		struct pollfd p = {
			s, (short)(POLLIN | (sent < len ? POLLOUT : 0)), 0
		};
		ssize_t n;

		if (poll(&p, 1, 20000) <= 0)
			die("poll");
		if (p.revents & POLLOUT) {
			long part = len - sent < 1000 ? len - sent : 1000;

			for (long i = 0; i < part; i++)
				buf[i] = byte_at(sent + i);
			n = send(s, buf, (size_t)part, MSG_DONTWAIT);
			sent += n > 0 ? n : 0;
		}
		if (!(p.revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		n = read(s, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++, got++)
			if (buf[i] != byte_at(got))
				return got;
	}
	return got;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(atoi(argv[2]));
	if (argc != 5)
		return 2;
	printf("%ld\n", ask(argv[2], atoi(argv[3]), atol(argv[4])));
	return 0;
}
