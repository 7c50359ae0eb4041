// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every socket option that Linux 6.18 has for TCP and UDP sockets, asked for
 * and set: what it is at first, what setting it to 0, 1, -1 and one byte gives,
 * and what it is then. Each value is tried on a socket of its own. One line an
 * option and kind of socket; two networks compare by their lines.
 *
 * Options are numbers here, since headers are older than kernels. Values that
 * differ from run to run (cookies, clocks) are left out: "any".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct option {
	int level, name;
	const char *text;
	bool is_any;
} options[] = {
#define OPTION(level, name, number, how) { level, number, #name, false },
#define OPTION_ANY(level, name, number, how) { level, number, #name, true },
#include "every_option.def"
};

static const struct kind {
	const char *text;
	int family, type;
	bool listens;
} kinds[] = {
	/* name, family, type, listens */
	{ "tcp4", AF_INET, SOCK_STREAM, false },
	{ "tcp6", AF_INET6, SOCK_STREAM, false },
	{ "listen4", AF_INET, SOCK_STREAM, true },
	{ "listen6", AF_INET6, SOCK_STREAM, true },
	{ "udp4", AF_INET, SOCK_DGRAM, false },
	{ "udp6", AF_INET6, SOCK_DGRAM, false },
};

static int new_socket(const struct kind *k)
{
	int s = socket(k->family, k->type, 0);

	if (s < 0 || (k->listens && listen(s, 8) < 0))
		perror("every_option: socket");
	return s;
}

static void tell(const char *what, int result)
{
	if (result < 0)
		printf(" %s %s", what, strerrorname_np(errno));
	else
		printf(" %s ok", what);
}

static void get(int s, const struct option *o)
{
	int64_t room[64] = { 0 };
	socklen_t len = sizeof(room);
	int first;

	if (getsockopt(s, o->level, o->name, room, &len) < 0) {
		printf(" is %s", strerrorname_np(errno));
		return;
	}
	memcpy(&first, room, sizeof(first));
	if (o->is_any)
		printf(" is any/%u", len);
	else
		printf(" is %d/%u", first, len);
}

static void ask(const struct kind *k, const struct option *o)
{
	static const int values[] = { 0, 1, -1 };
	char what[16];
	int s = new_socket(k);

	printf("%s %s", k->text, o->text);
	get(s, o);
	close(s);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		s = new_socket(k);
		snprintf(what, sizeof(what), "; %d", values[i]);
		tell(what, setsockopt(s, o->level, o->name, &values[i],
				      sizeof(values[i])));
		get(s, o);
		close(s);
	}
	s = new_socket(k);
	tell("; byte", setsockopt(s, o->level, o->name, "\1", 1));
	close(s);
	putchar('\n');
}

int main(void)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		for (size_t j = 0; j < sizeof(kinds) / sizeof(*kinds); j++)
			ask(&kinds[j], &options[i]);
	return ferror(stdout) ? 1 : 0;
}
