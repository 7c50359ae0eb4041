// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asks the kernel beneath what test/unit/inherit_rules.h says of Linux: a client
 * by the loopback, of a listener on which an option is set at each instant of its
 * handshake. TCP_DEFER_ACCEPT keeps the handshake open between SYN and data. Rules
 * whose option needs a privilege that is missing are passed over, and counted.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/inherit_rules.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static int n_wrong, n_asked, n_refused;

static int read_of(int s, const struct inherit_rule *r)
{
	socklen_t len = sizeof(int);
	int v = 0;

	if (getsockopt(s, r->level, r->name, &v, &len))
		perror("getsockopt");
	return v;
}

static socklen_t loopback(int family, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		v6->sin6_addr = in6addr_loopback;
		return sizeof(*v6);
	}
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*v4);
}

/* What a client's socket reads; *refused: the option cannot be set. */
static int client_has(int family, const struct inherit_rule *r, unsigned when,
		      int *refused)
{
	int l = socket(family, SOCK_STREAM, 0), c, s, v, defer = 5;
	struct sockaddr_storage a;
	socklen_t len = loopback(family, &a);
	unsigned at;

	c = socket(family, SOCK_STREAM, 0);
	setsockopt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer));
	for (at = BEFORE; at <= AFTER; at <<= 1) {
		if (at == when && setsockopt(l, r->level, r->name, &r->value,
					     sizeof(r->value)))
			*refused = errno;
		if (at == when && !*refused && read_of(l, r) != r->got)
			printf("level %d option %d reads %d, not %d\n",
			       r->level, r->name, read_of(l, r), r->got);
		if (at == BEFORE &&
		    (bind(l, (struct sockaddr *)&a, len) || listen(l, 5) ||
		     getsockname(l, (struct sockaddr *)&a, &len)))
			perror("listen");
		if (at == LISTENING && connect(c, (struct sockaddr *)&a, len))
			perror("connect");
		if (at == BETWEEN && send(c, "x", 1, 0) != 1)
			perror("send");
	}
	s = accept(l, NULL, NULL);
	v = read_of(s, r);
	close(s);
	close(c);
	close(l);
	return v;
}

static void ask(int family, const struct inherit_rule *r)
{
	int none = 0, refused, has, want;
	int plain = client_has(family, r, 0, &none);
	unsigned when;

	for (when = BEFORE; when <= AFTER; when <<= 1) {
		refused = 0;
		has = client_has(family, r, when, &refused);
		if (refused == EPERM || refused == EACCES) {
			n_refused++;
			return;
		}
		want = when & r->when ? r->got : plain;
		n_asked++;
		if (has == want)
			continue;
		printf("level %d option %d set at instant %u: %d, not %d\n",
		       r->level, r->name, when, has, want);
		n_wrong++;
	}
}

int main(void)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(AF_INET6, &a);
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	const struct inherit_rule *r;

	if (s < 0 || bind(s, (struct sockaddr *)&a, len)) {
		printf("skipped: no IPv6 here\n");
		return 77;
	}
	for (r = inherit_rules; r < inherit_rules + LEN(inherit_rules); r++) {
		if (r->level != IPPROTO_IPV6)
			ask(AF_INET, r);
		if (r->level != IPPROTO_IP)
			ask(AF_INET6, r);
	}
	printf("%d rules asked for, %d not so, %d refused\n", n_asked, n_wrong,
	       n_refused);
	return n_wrong ? 1 : 0;
}
