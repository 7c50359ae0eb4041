// SPDX-License-Identifier: BSD-2-Clause
/*
 * Urgent data, the receiver's side (RFC 9293 3.8.5, RFC 6093).
 *
 * Linux gives the one byte before the urgent pointer to MSG_OOB, and takes it
 * out of the stream unless SO_OOBINLINE is set; a second urgent byte overtakes
 * the first. As everyone does (RFC 6093 3.1) the pointer means the byte after
 * the urgent one, unless tcp_stdurg.
 */
#include "tcp_priv.h"

/* A pointer has come: is it news? */
static void point(struct tern_stack *st, struct tcp_conn *c,
		  const struct tcp_in *in)
{
	struct tcp_active *a = c->act;
	struct seq at;

	at = seq_add(in->h.seq, in->h.urgent);
	if (in->h.urgent && !st->tun.tcp_stdurg)
		at = seq_sub(at, 1);
	if (seq_gt(c->rcv.copied, at) || seq_lt(at, c->rcv.nxt) ||
	    (a->urg_state != URG_NONE && seq_leq(at, a->urg_seq)))
		return;
	/* The byte before this one was never read out of band: it is lost to
	 * the stream as well. */
	if (a->urg_state != URG_NONE && !c->oobinline &&
	    seq_eq(a->urg_seq, c->rcv.copied) &&
	    !seq_eq(c->rcv.copied, c->rcv.nxt)) {
		c->rcv.copied = seq_add(c->rcv.copied, 1);
		tcp_rcvq_trim(st, c);
	}
	a->urg_state = URG_NOTYET;
	a->urg_seq = at;
	tcp_post(st, c);
}

void tcp_urg_in(struct tern_stack *st, struct tcp_conn *c,
		const struct tcp_in *in)
{
	struct tcp_active *a;
	int32_t off;

	if (!tcp_activate(st, c))
		return;
	a = c->act;
	if (in->h.flags & TCP_URG)
		point(st, c, in);
	if (a->urg_state != URG_NOTYET)
		return;
	off = seq_diff(a->urg_seq, in->h.seq) - !!(in->h.flags & TCP_SYN);
	if (off < 0 || (uint32_t)off >= in->len)
		return;
	tern_pkt_copy_out(in->pkt,
			  (size_t)in->ip->hdr_len + in->h.hdr_len +
				  (uint32_t)off,
			  &a->urg_byte, 1);
	a->urg_state = URG_VALID;
	tcp_post(st, c);
}
