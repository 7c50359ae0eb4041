// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Linux 6.18 answers to kinds of sockets and of addresses, to a process
 * without privileges. tern answers the same (test_sock_rules.c), and the
 * kernel beneath is asked too (test/interop/kernel_rules.c).
 */
#ifndef UNIT_SOCK_RULES_H
#define UNIT_SOCK_RULES_H

#include <stdbool.h>
#include <tern/error.h>
#include <tern/socket.h>

#define V4 TERN_AF_INET
#define V6 TERN_AF_INET6
#define TCP TERN_SOCK_STREAM
#define UDP TERN_SOCK_DGRAM

struct kind_rule {
	int family, type, protocol, error;
};

static const struct kind_rule kind_rules[] = {
	{ V4, 1, 0, 0 },
	{ V4, 2, 0, 0 },
	{ V6, 1, 0, 0 },
	{ V6, 2, 0, 0 },
	{ V4, 1, 6, 0 },
	{ V6, 1, 6, 0 },
	{ V4, 2, 17, 0 },
	{ V6, 2, 17, 0 },
	/* The protocol is another type's, or nobody's. */
	{ V4, 1, 17, TERN_EPROTONOSUPPORT },
	{ V6, 1, 17, TERN_EPROTONOSUPPORT },
	{ V4, 2, 6, TERN_EPROTONOSUPPORT },
	{ V6, 2, 6, TERN_EPROTONOSUPPORT },
	{ V4, 1, 1, TERN_EPROTONOSUPPORT },
	{ V4, 1, 132, TERN_EPROTONOSUPPORT },
	{ V4, 2, 255, TERN_EPROTONOSUPPORT },
	{ V4, 2, 256, TERN_EPROTONOSUPPORT },
	{ V4, 2, 262, TERN_EPROTONOSUPPORT },
	{ V4, 1, -1, TERN_EINVAL },
	{ V4, 1, 263, TERN_EINVAL },
	{ V6, 3, 300, TERN_EINVAL },
	/* ICMP sockets, with ping_group_range as it is by default. */
	{ V4, 2, 1, TERN_EACCES },
	{ V6, 2, 58, TERN_EACCES },
	{ V4, 2, 58, TERN_EPROTONOSUPPORT },
	{ V6, 2, 1, TERN_EPROTONOSUPPORT },
	/* Raw sockets, without privileges. */
	{ V4, 3, 0, TERN_EPROTONOSUPPORT },
	{ V6, 3, 0, TERN_EPROTONOSUPPORT },
	{ V4, 3, 1, TERN_EPERM },
	{ V4, 3, 255, TERN_EPERM },
	{ V6, 3, 58, TERN_EPERM },
	/* Types. */
	{ V4, 0, 0, TERN_ESOCKTNOSUPPORT },
	{ V4, 4, 0, TERN_ESOCKTNOSUPPORT },
	{ V6, 5, 0, TERN_ESOCKTNOSUPPORT },
	{ V4, 9, 0, TERN_ESOCKTNOSUPPORT },
	{ V6, 10, 0, TERN_ESOCKTNOSUPPORT },
	{ V4, 11, 0, TERN_EINVAL },
	{ V4, 15, 0, TERN_EINVAL },
	{ V4, -1, 0, TERN_EINVAL },
	{ V4, 16, 0, TERN_EINVAL },
	{ V4, 17, 0, TERN_EINVAL },
	/* Families. */
	{ 0, 1, 0, TERN_EAFNOSUPPORT },
	{ 3, 1, 0, TERN_EAFNOSUPPORT },
	{ 46, 1, 0, TERN_EAFNOSUPPORT },
	{ 1000, 1, 0, TERN_EAFNOSUPPORT },
	{ -1, 1, 0, TERN_EAFNOSUPPORT },
	/* What is looked at first. */
	{ 1000, -1, 0, TERN_EINVAL },
	{ 1000, 11, 0, TERN_EAFNOSUPPORT },
	{ 3, 11, 0, TERN_EINVAL },
	{ 3, 4, -1, TERN_EAFNOSUPPORT },
};

struct addr_rule {
	int family, type;
	bool v6only;
	int addr_family;
	const char *addr;
	int bind, connect, send; /* send: UDP's; a stream does not look */
};

#define NOFAM TERN_EAFNOSUPPORT
#define UNREACH TERN_ENETUNREACH
#define DEST TERN_EDESTADDRREQ
#define GOES TERN_EINPROGRESS

static const struct addr_rule addr_rules[] = {
	/* socket, v6only, address		bind connect send */
	{ V4, TCP, 0, V4, "127.0.0.1", 0, GOES, 0 },
	{ V4, TCP, 0, V4, "0.0.0.0", 0, GOES, 0 },
	{ V4, TCP, 0, 0, "0.0.0.0", 0, 0, 0 },
	{ V4, TCP, 0, 0, "127.0.0.1", NOFAM, 0, 0 },
	{ V4, TCP, 0, 1, "127.0.0.1", NOFAM, NOFAM, 0 },
	{ V4, TCP, 0, V6, "::1", NOFAM, NOFAM, 0 },
	{ V4, TCP, 0, V6, "::", NOFAM, NOFAM, 0 },
	{ V4, TCP, 0, V6, "::ffff:127.0.0.1", NOFAM, NOFAM, 0 },
	{ V4, TCP, 0, 99, "127.0.0.1", NOFAM, NOFAM, 0 },
	{ V4, UDP, 0, V4, "127.0.0.1", 0, 0, 0 },
	{ V4, UDP, 0, V4, "0.0.0.0", 0, 0, 0 },
	{ V4, UDP, 0, 0, "0.0.0.0", 0, 0, 0 },
	{ V4, UDP, 0, 0, "127.0.0.1", NOFAM, 0, 0 },
	{ V4, UDP, 0, 1, "127.0.0.1", NOFAM, NOFAM, NOFAM },
	{ V4, UDP, 0, V6, "::1", NOFAM, NOFAM, NOFAM },
	{ V4, UDP, 0, V6, "::ffff:127.0.0.1", NOFAM, NOFAM, NOFAM },
	{ V6, TCP, 0, V6, "::1", 0, GOES, 0 },
	{ V6, TCP, 0, V6, "::", 0, GOES, 0 },
	{ V6, TCP, 0, V6, "::ffff:127.0.0.1", 0, GOES, 0 },
	{ V6, TCP, 0, V6, "::ffff:0.0.0.0", 0, GOES, 0 },
	{ V6, TCP, 0, V4, "127.0.0.1", NOFAM, NOFAM, 0 },
	{ V6, TCP, 0, V4, "0.0.0.0", NOFAM, NOFAM, 0 },
	{ V6, TCP, 0, 0, "0.0.0.0", NOFAM, 0, 0 },
	{ V6, TCP, 0, 1, "127.0.0.1", NOFAM, NOFAM, 0 },
	{ V6, TCP, 1, V6, "::1", 0, GOES, 0 },
	{ V6, TCP, 1, V6, "::ffff:127.0.0.1", TERN_EINVAL, UNREACH, 0 },
	{ V6, TCP, 1, V6, "::ffff:0.0.0.0", TERN_EINVAL, UNREACH, 0 },
	{ V6, UDP, 0, V6, "::1", 0, 0, 0 },
	{ V6, UDP, 0, V6, "::", 0, 0, 0 },
	{ V6, UDP, 0, V6, "::ffff:127.0.0.1", 0, 0, 0 },
	{ V6, UDP, 0, V4, "127.0.0.1", NOFAM, 0, 0 },
	{ V6, UDP, 0, V4, "0.0.0.0", NOFAM, 0, 0 },
	{ V6, UDP, 0, 0, "0.0.0.0", NOFAM, 0, DEST },
	{ V6, UDP, 0, 1, "127.0.0.1", NOFAM, NOFAM, TERN_EINVAL },
	{ V6, UDP, 0, 99, "127.0.0.1", NOFAM, NOFAM, TERN_EINVAL },
	{ V6, UDP, 1, V6, "::1", 0, 0, 0 },
	{ V6, UDP, 1, V6, "::ffff:127.0.0.1", TERN_EINVAL, UNREACH, UNREACH },
	{ V6, UDP, 1, V4, "127.0.0.1", NOFAM, NOFAM, UNREACH },
	{ V6, UDP, 1, 0, "0.0.0.0", NOFAM, 0, DEST },
};

#undef V4
#undef V6
#undef TCP
#undef UDP
#undef NOFAM
#undef UNREACH
#undef DEST
#undef GOES

#endif
