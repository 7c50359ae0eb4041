// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses between the program's memory (sockaddr_in, sockaddr_in6) and the
 * stack's struct tern_sockaddr, whose address is always 16 bytes: IPv4 is
 * ::ffff:a.b.c.d there.
 *
 * Lengths are checked here as Linux checks them; whether a family suits a
 * socket is the stack's to say.
 */
#include "runner_priv.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

/* RFC 2133's sockaddr_in6, without sin6_scope_id: Linux takes it still. */
#define SIN6_LEN_SHORT 24

static int from_native(const struct sockaddr_storage *in, size_t len,
		       struct tern_sockaddr *out)
{
	const struct sockaddr_in *v4 = (const void *)in;
	const struct sockaddr_in6 *v6 = (const void *)in;

	memset(out, 0, sizeof(*out));
	if (len < sizeof(in->ss_family))
		return -EINVAL;
	out->family = in->ss_family;
	switch (in->ss_family) {
	case AF_INET6:
		if (len < SIN6_LEN_SHORT)
			return -EINVAL;
		memcpy(out->addr.b, &v6->sin6_addr, sizeof(out->addr.b));
		out->port = ntohs(v6->sin6_port);
		out->flowinfo = ntohl(v6->sin6_flowinfo);
		if (len >= sizeof(*v6))
			out->scope_id = v6->sin6_scope_id;
		return 0;
	case AF_UNSPEC:
		/* To connect, no address at all; to bind, an old way of
		 * writing an IPv4 one. */
		if (len < sizeof(*v4))
			return 0;
		break;
	case AF_INET:
		if (len < sizeof(*v4))
			return -EINVAL;
		break;
	default:
		return 0; /* the stack says EAFNOSUPPORT, or what it is */
	}
	out->addr = tern_addr_v4(0, 0, 0, 0);
	memcpy(out->addr.b + 12, &v4->sin_addr, sizeof(v4->sin_addr));
	out->port = ntohs(v4->sin_port);
	return 0;
}

int addr_from_program(const struct call *c, uint64_t addr, int len,
		      struct tern_sockaddr *out)
{
	struct sockaddr_storage native;
	int error;

	if (len < 0 || len > (int)sizeof(native))
		return -EINVAL;
	memset(&native, 0, sizeof(native));
	error = call_read(c, addr, &native, (size_t)len);
	return error ? error : from_native(&native, (size_t)len, out);
}

socklen_t addr_to_native(const struct tern_sockaddr *in,
			 struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = in->family;
	if (in->family == AF_NETLINK)
		return sizeof(struct sockaddr_nl); /* the kernel's: 0 */
	if (in->family == AF_INET6) {
		memcpy(&v6->sin6_addr, in->addr.b, sizeof(in->addr.b));
		v6->sin6_port = htons(in->port);
		v6->sin6_flowinfo = htonl(in->flowinfo);
		v6->sin6_scope_id = in->scope_id;
		return sizeof(*v6);
	}
	memcpy(&v4->sin_addr, in->addr.b + 12, sizeof(v4->sin_addr));
	v4->sin_port = htons(in->port);
	return sizeof(*v4);
}

int bytes_to_program(const struct call *c, uint64_t addr, uint64_t len_addr,
		     const void *bytes, socklen_t n)
{
	int room;
	int error = call_read(c, len_addr, &room, sizeof(room));

	if (error)
		return error;
	if (room < 0)
		return -EINVAL;
	error = call_write(c, addr, bytes, (size_t)room < n ? (size_t)room : n);
	return error ? error : call_write(c, len_addr, &n, sizeof(n));
}

int addr_to_program(const struct call *c, uint64_t addr, uint64_t len_addr,
		    const struct tern_sockaddr *in)
{
	struct sockaddr_storage native;
	socklen_t n = addr_to_native(in, &native);

	return bytes_to_program(c, addr, len_addr, &native, n);
}
