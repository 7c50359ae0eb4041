// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options that need no protocol's knowledge, and which levels a socket
 * has. The rest is the protocols'.
 */
#include "sock/sock_priv.h"

static bool has_level(const struct sock *sk, int64_t level)
{
	return level == TERN_SOL_SOCKET || level == TERN_IPPROTO_IP ||
	       level == sk->proto->protocol || level == TERN_SOL_TERN ||
	       (level == TERN_IPPROTO_IPV6 && sk->family == TERN_AF_INET6);
}

/* Is it an option that tells what a socket is, and what? */
static bool tell(const struct sock *sk, int64_t level, int64_t name, int *value)
{
	if (level != TERN_SOL_SOCKET)
		return false;
	switch (name) {
	case TERN_SO_TYPE:
		*value = sk->proto->type;
		return true;
	case TERN_SO_PROTOCOL:
		*value = sk->proto->protocol;
		return true;
	case TERN_SO_DOMAIN:
		*value = sk->family;
		return true;
	default:
		return false;
	}
}

int64_t sock_getsockopt(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);
	int value;

	if (error)
		return error;
	if (!has_level(&sk, c->arg[0])) /* which, is by the family [k] */
		return sk.family == TERN_AF_INET6 ? -TERN_ENOPROTOOPT :
						    -TERN_EOPNOTSUPP;
	if (!tell(&sk, c->arg[0], c->arg[1], &value))
		return sk.proto->getsockopt(st, sk.id, (int)c->arg[0],
					    (int)c->arg[1], c->out,
					    &c->out_len);
	c->out_len = min_size(c->out_len, sizeof(value));
	memcpy(c->out, &value, c->out_len);
	return 0;
}

int64_t sock_setsockopt(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);
	int value;

	if (error)
		return error;
	if (!has_level(&sk, c->arg[0]))
		return -TERN_ENOPROTOOPT;
	if (c->arg[0] == TERN_SOL_SOCKET && c->in_len < sizeof(int) &&
	    c->arg[1] != TERN_SO_BINDTODEVICE)
		return -TERN_EINVAL;
	if (tell(&sk, c->arg[0], c->arg[1], &value))
		return -TERN_ENOPROTOOPT;
	return sk.proto->setsockopt(st, sk.id, (int)c->arg[0], (int)c->arg[1],
				    c->in, c->in_len);
}

int64_t sock_ioctl(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	c->out_len = sizeof(int);
	return sk.proto->ioctl(st, sk.id, (unsigned long)c->arg[0], c->out);
}
