// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ending a socket from outside, by the cookie that a listing gave: what ss -K
 * does on Linux (SOCK_DESTROY).
 *
 *	connection	RST to the peer, ECONNABORTED to the program
 *	listener	closed; what waits in its queues is reset
 *	half-open	forgotten, as if its time had run out
 *	TIME_WAIT	forgotten
 */
#include "tcp/tcp_priv.h"

static int kill_conn(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->state == TERN_TCP_CLOSE)
		return -TERN_ENOENT;
	if (c->state == TERN_TCP_LISTEN) {
		tcp_listener_stop(st, c);
		tcp_post(st, c);
		return 0;
	}
	if (tcp_needs_reset(c))
		tcp_send_rst(st, c);
	tcp_abort(st, c, TERN_ECONNABORTED, "killed");
	return 0;
}

static int kill_req(struct tern_stack *st, struct slab *reqs, uint32_t id,
		    uint64_t cookie)
{
	if (!slab_has(reqs, id) || tcp_req_cookie(slab_at(reqs, id)) != cookie)
		return -TERN_ENOENT;
	tcp_req_drop(st, slab_at(reqs, id));
	return 0;
}

static int kill_tw(struct tern_stack *st, struct slab *tws, uint32_t id,
		   uint64_t cookie)
{
	if (!slab_has(tws, id) || tcp_tw_cookie(slab_at(tws, id)) != cookie)
		return -TERN_ENOENT;
	tcp_tw_free(st, slab_at(tws, id));
	return 0;
}

int tcp_kill(struct tern_stack *st, uint64_t cookie)
{
	uint32_t id = (uint32_t)cookie; /* see tcp_cookie_of() */
	unsigned kind = cookie >> 61 & 3;

	if (!(cookie >> 63)) {
		if (!slab_has(&st->tcp.conns, id) ||
		    tcp_cookie_of(conn_at(st, id)) != cookie)
			return -TERN_ENOENT;
		return kill_conn(st, conn_at(st, id));
	}
	if (kind < 2)
		return kill_req(st, &st->tcp.reqs[kind], id, cookie);
	return kill_tw(st, &st->tcp.tws[kind - 2], id, cookie);
}
