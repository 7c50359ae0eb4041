// SPDX-License-Identifier: BSD-2-Clause
/*
 * Answers heartbeats: "PONG n\n" to each "PING n\n", over TCP and UDP at once,
 * for any number of clients in one select() loop. See heartbeat_client.c.
 *
 *	heartbeat_server PORT [SILENCE_MS]
 *
 * A TCP client that says nothing for SILENCE_MS (0: for ever) is dead and is
 * let go: the server's side of the same idea. Prints "ready" when it listens.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 64

struct client {
	int s; /* -1: free */
	long heard_ms;
	char text[256];
	size_t len;
};

static struct client clients[CLIENTS];

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

static int bound(int type, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int s = socket(AF_INET, type, 0), on = 1;

	at.sin_port = htons((unsigned short)atoi(port));
	if (s >= 0)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    (type == SOCK_STREAM && listen(s, 16) < 0)) {
		perror("heartbeat_server: bind");
		exit(1);
	}
	return s;
}

static void let_go(struct client *c, const char *why)
{
	printf("client gone: %s\n", why);
	fflush(stdout);
	close(c->s);
	c->s = -1;
}

static void welcome(int listener)
{
	int s = accept(listener, NULL, NULL), i;

	if (s < 0)
		return;
	for (i = 0; i < CLIENTS && s < FD_SETSIZE; i++) {
		if (clients[i].s >= 0)
			continue;
		clients[i] = (struct client){ .s = s, .heard_ms = now_ms() };
		return;
	}
	close(s);
}

/* The answer to one line, in place: a PING becomes a PONG. */
static int answer(char *line, size_t n)
{
	if (n < 6 || memcmp(line, "PING ", 5) != 0)
		return 0;
	line[1] = 'O';
	return 1;
}

static void hear_stream(struct client *c)
{
	ssize_t got = recv(c->s, c->text + c->len, sizeof(c->text) - c->len, 0);
	char *end;
	size_t n;

	if (got <= 0) {
		let_go(c, got ? "reset" : "closed");
		return;
	}
	c->len += (size_t)got;
	c->heard_ms = now_ms();
	while ((end = memchr(c->text, '\n', c->len)) != NULL) {
		n = (size_t)(end - c->text) + 1;
		if (!answer(c->text, n) ||
		    send(c->s, c->text, n, MSG_NOSIGNAL) != (ssize_t)n) {
			let_go(c, "not a heartbeat");
			return;
		}
		c->len -= n;
		memmove(c->text, end + 1, c->len);
	}
	if (c->len == sizeof(c->text))
		let_go(c, "a line without an end");
}

static void hear_datagram(int s)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[256];
	ssize_t n = recvfrom(s, text, sizeof(text), 0, (struct sockaddr *)&from,
			     &len);

	if (n > 0 && answer(text, (size_t)n))
		sendto(s, text, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void drop_silent(long silence)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (clients[i].s >= 0 &&
		    now_ms() - clients[i].heard_ms >= silence)
			let_go(&clients[i], "silent");
}

int main(int argc, char **argv)
{
	long silence = argc > 2 ? atol(argv[2]) : 0;
	int listener, datagrams, most, i;
	struct timeval tv;
	fd_set set;

	if (argc < 2) {
		fprintf(stderr, "usage: heartbeat_server PORT [SILENCE_MS]\n");
		return 2;
	}
	listener = bound(SOCK_STREAM, argv[1]);
	datagrams = bound(SOCK_DGRAM, argv[1]);
	for (i = 0; i < CLIENTS; i++)
		clients[i].s = -1;
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		FD_ZERO(&set);
		FD_SET(listener, &set);
		FD_SET(datagrams, &set);
		most = listener > datagrams ? listener : datagrams;
		for (i = 0; i < CLIENTS; i++) {
			if (clients[i].s < 0)
				continue;
			FD_SET(clients[i].s, &set);
			most = clients[i].s > most ? clients[i].s : most;
		}
		/* The timer: often enough to see silence in good time. */
		tv = (struct timeval){ 0, 50000 };
		if (select(most + 1, &set, NULL, NULL, silence ? &tv : NULL) <
		    0)
			return 1;
		if (FD_ISSET(datagrams, &set))
			hear_datagram(datagrams);
		for (i = 0; i < CLIENTS; i++)
			if (clients[i].s >= 0 && FD_ISSET(clients[i].s, &set))
				hear_stream(&clients[i]);
		if (FD_ISSET(listener, &set))
			welcome(listener);
		if (silence)
			drop_silent(silence);
	}
}
