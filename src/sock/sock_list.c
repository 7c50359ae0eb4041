// SPDX-License-Identifier: BSD-2-Clause
/*
 * The socket table, for ss and /proc/net: UDP's entries, then TCP's, as ss has
 * them. The cursor is the slab id of the last UDP socket given, or the highest
 * bit and TCP's own (tcp_next() leaves that bit clear).
 */
#include "sock/sock_priv.h"

#define IN_TCP (UINT64_C(1) << 63)

static bool next_udp(struct tern_stack *st, uint64_t *cursor,
		     struct tern_sock_info *out)
{
	uint32_t id = slab_next(&st->udp.socks, (uint32_t)*cursor);

	if (!id)
		return false;
	*out = (struct tern_sock_info){ 0 };
	udp_info(st, id, out);
	*cursor = id;
	return true;
}

bool tern_sock_next(struct tern_stack *st, uint64_t *cursor,
		    struct tern_sock_info *out)
{
	uint64_t in_tcp = *cursor & ~IN_TCP;
	bool more;

	if (!(*cursor & IN_TCP)) {
		if (next_udp(st, cursor, out))
			return true;
		in_tcp = 0;
	}
	more = tcp_next(st, &in_tcp, out);
	*cursor = IN_TCP | in_tcp;
	return more;
}

bool tern_sock_count(struct tern_stack *st, uint64_t *cursor, uint32_t most,
		     struct tern_sock_counts *sum)
{
	uint64_t in_tcp = *cursor & ~IN_TCP;
	struct tern_sock_info info;
	bool more;

	if (!(*cursor & IN_TCP)) {
		for (; most && next_udp(st, cursor, &info); most--)
			sum->udp[info.family == TERN_AF_INET6]++;
		if (!most)
			return true;
		in_tcp = 0;
	}
	more = tcp_count_next(st, &in_tcp, most, sum);
	*cursor = IN_TCP | in_tcp;
	return more;
}

bool tern_sock_find(struct tern_stack *st, const struct tern_sockaddr *local,
		    const struct tern_sockaddr *remote,
		    struct tern_sock_info *out)
{
	return tcp_show_ends(st, local, remote, out);
}

int64_t sock_tcp_info(struct tern_stack *st, struct call *c)
{
	c->out_len = sizeof(struct tern_tcp_info);
	return tcp_info_by_cookie(st, (uint64_t)c->arg[0], c->out);
}

int64_t sock_kill(struct tern_stack *st, struct call *c)
{
	return tcp_kill(st, (uint64_t)c->arg[0]);
}
