// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asks the kernel beneath what test/unit/sock_rules.h says of Linux. As an
 * unprivileged user, so that raw sockets are refused; exit status 77 where the
 * kernel has no IPv6 to ask about.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/sock_rules.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static int n_wrong;

static void wrong(const char *what, int got, int want)
{
	printf("%s: %s, not %s\n", what, got ? strerror(got) : "done",
	       want ? strerror(want) : "done");
	n_wrong++;
}

/* Does ping_group_range let us have ICMP sockets? */
static bool may_ping(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ping_group_range", "r");
	unsigned long from = 1, to = 0;

	if (f && fscanf(f, "%lu %lu", &from, &to) != 2)
		from = 1, to = 0;
	if (f)
		fclose(f);
	return from <= getgid() && getgid() <= to;
}

static void ask_kinds(void)
{
	const struct kind_rule *r;
	char what[64];
	int s, got;

	for (r = kind_rules; r < kind_rules + LEN(kind_rules); r++) {
		if (r->error == EACCES && may_ping())
			continue;
		s = socket(r->family, r->type, r->protocol);
		got = s < 0 ? errno : 0;
		snprintf(what, sizeof(what), "socket(%d, %d, %d)", r->family,
			 r->type, r->protocol);
		if (got != r->error)
			wrong(what, got, r->error);
		if (s >= 0)
			close(s);
	}
}

static void make_addr(const struct addr_rule *r, in_port_t port,
		      struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (strchr(r->addr, ':')) {
		inet_pton(AF_INET6, r->addr, &v6->sin6_addr);
		v6->sin6_port = htons(port);
	} else {
		inet_pton(AF_INET, r->addr, &v4->sin_addr);
		v4->sin_port = htons(port);
	}
	out->ss_family = (sa_family_t)r->addr_family;
}

static int make_socket(const struct addr_rule *r)
{
	int s = socket(r->family, r->type | SOCK_NONBLOCK, 0), on = 1;

	if (r->v6only)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return s;
}

static void check(const struct addr_rule *r, const char *call, long got,
		  int want)
{
	int error = got < 0 ? errno : 0;
	char what[128];

	snprintf(what, sizeof(what), "socket %d type %d v6only %d: %s(%d, %s)",
		 r->family, r->type, r->v6only, call, r->addr_family, r->addr);
	if (error != want)
		wrong(what, error, want);
}

static void ask_addresses(void)
{
	const struct addr_rule *r;
	struct sockaddr_storage a;
	struct sockaddr *to = (struct sockaddr *)&a;
	int s;

	for (r = addr_rules; r < addr_rules + LEN(addr_rules); r++) {
		make_addr(r, 0, &a);
		s = make_socket(r);
		check(r, "bind", bind(s, to, sizeof(a)), r->bind);
		close(s);
		make_addr(r, 9, &a);
		s = make_socket(r);
		check(r, "connect", connect(s, to, sizeof(a)), r->connect);
		close(s);
		if (r->type != SOCK_DGRAM)
			continue;
		s = make_socket(r);
		check(r, "send", sendto(s, "x", 1, 0, to, sizeof(a)), r->send);
		close(s);
	}
}

int main(void)
{
	struct sockaddr_in6 lo = { .sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int s = socket(AF_INET6, SOCK_DGRAM, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&lo, sizeof(lo))) {
		printf("skipped: no IPv6 here\n");
		return 77;
	}
	if (!geteuid() && setuid(65534)) {
		perror("setuid");
		return 1;
	}
	ask_kinds();
	ask_addresses();
	printf("%zu rules asked for, %d not so\n",
	       LEN(kind_rules) + LEN(addr_rules), n_wrong);
	return n_wrong ? 1 : 0;
}
