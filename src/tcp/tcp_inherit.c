// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a connection has of its listener (O18).
 *
 *	as the listener is when the ACK comes	nearly everything
 *	as it was when the SYN came		SO_MARK, TCP_WINDOW_CLAMP
 *	of the SYN, by tcp_reflect_tos		IP_TOS
 *	nothing					SO_PRIORITY, TCP_FASTOPEN and its
 *						keys, TCP_DEFER_ACCEPT
 *
 * inherit_rules.h of the tests is the table, which the kernel is asked as well.
 *
 * Blocks of options are shared and copied before they are written to, so a
 * half-open entry keeps the listener's as it was by a reference, and those that
 * the last line concerns share a block that the listener keeps for them.
 */
#include "tcp_priv.h"

static struct tcp_opts *opts_at(const struct tern_stack *st, uint32_t id)
{
	return slab_at(&st->tcp.opts, id);
}

void tcp_inherit_forget(struct tern_stack *st, struct tcp_listener *l)
{
	if (!l->heirs)
		return;
	tcp_opts_put(st, opts_at(st, l->heirs));
	tcp_opts_put(st, opts_at(st, l->heirs_of));
	l->heirs = l->heirs_of = 0;
}

/* The block that the listener's connections share; NULL without memory. */
static struct tcp_opts *heirs_block(struct tern_stack *st,
				    const struct tcp_conn *listener)
{
	struct tcp_listener *l = listener->listener;
	struct tcp_opts *o = listener->opts, *h;
	uint32_t id;

	if (likely(!o->priority && !o->fastopen_qlen && !o->fastopen_n_keys &&
		   !o->defer_accept_s))
		return o;
	if (l->heirs_of == o->id)
		return opts_at(st, l->heirs);
	id = slab_alloc(&st->tcp.opts);
	if (!id)
		return NULL;
	tcp_inherit_forget(st, l);
	h = opts_at(st, id);
	*h = *o;
	h->id = id;
	h->refs = 1;
	h->priority = 0;
	h->fastopen_qlen = 0;
	h->fastopen_n_keys = 0;
	h->defer_accept_s = 0;
	o->refs++; /* so that it does not change under us */
	l->heirs_of = o->id;
	l->heirs = id;
	return h;
}

static bool inherit_opts(struct tern_stack *st, struct tcp_conn *c,
			 const struct tcp_conn *listener,
			 const struct tcp_req *q)
{
	const struct tcp_opts *was = opts_at(st, q->opts);
	struct tcp_opts *o = heirs_block(st, listener);
	uint8_t tos;

	if (!o)
		return false;
	tcp_opts_put(st, c->opts);
	c->opts = o;
	o->refs++;
	tos = st->tun.tcp_reflect_tos ? q->tos : o->tos;
	if (likely(o->tos == tos && o->mark == was->mark &&
		   o->window_clamp == was->window_clamp))
		return true;
	o = tcp_opts_own(st, c);
	if (!o)
		return false;
	o->tos = tos;
	o->mark = was->mark;
	o->window_clamp = was->window_clamp;
	return true;
}

bool tcp_inherit(struct tern_stack *st, struct tcp_conn *c,
		 const struct tcp_conn *l, const struct tcp_req *q)
{
	c->v6 = l->v6;
	c->v6only = l->v6only;
	c->any = l->any;
	c->nodelay = l->nodelay;
	c->cork = l->cork;
	c->keepalive = l->keepalive;
	c->oobinline = l->oobinline;
	c->reuseaddr = l->reuseaddr;
	c->reuseport = l->reuseport;
	c->linger = l->linger;
	c->sndbuf_lock = l->sndbuf_lock;
	c->rcvbuf_lock = l->rcvbuf_lock;
	c->freebind = l->freebind;
	c->rcvbuf = l->rcvbuf;
	c->sndbuf = l->sndbuf;
	c->cc_index = l->cc_index;
	c->pingpong = l->pingpong; /* TCP_QUICKACK */
	return inherit_opts(st, c, l, q);
}
