// SPDX-License-Identifier: BSD-2-Clause
/*
 * A TCP segment arrives: is it one, and whose is it?
 *
 *	connection	by the 4-tuple			tcp_conn_input
 *	TIME_WAIT	by the 4-tuple			tcp_tw_input
 *	half-open	by the 4-tuple			tcp_req_input
 *	listener	by local address and port	tcp_listener_input
 *	nobody						RST
 *
 * Each owns the packet from then on.
 */
#include "tcp_priv.h"

#define MD5_LEN 18 /* RFC 2385 3.0 */

/* Options are parsed once, and only if someone asks; mostly they are just a
 * timestamp. */
void tcp_parse_opts(struct tcp_in *in)
{
	const uint8_t *p = in->pkt->data + in->ip->hdr_len;

	if (in->have_opts)
		return;
	in->have_opts = true;
	if (wire_tcp_only_ts(p, &in->h, &in->o.ts_val, &in->o.ts_ecr)) {
		in->o.present = WIRE_OPT_TS;
		return;
	}
	wire_tcp_parse_opts(p, &in->h, &in->o);
}

static int check(const struct tern_pkt *pkt, const struct wire_ip *ip,
		 struct tcp_in *in)
{
	uint32_t n = ip->len - ip->hdr_len;

	if (!wire_tcp_parse(pkt->data + ip->hdr_len, n, &in->h))
		return DROP_TCP_MALFORMED;
	if (pkt->head_len < (uint32_t)ip->hdr_len + in->h.hdr_len)
		return DROP_TCP_MALFORMED;
	if (ip_csum_bad(pkt, ip, n))
		return DROP_TCP_CSUM;
	in->len = n - in->h.hdr_len;
	in->end = seq_add(in->h.seq, in->len + !!(in->h.flags & TCP_SYN) +
					     !!(in->h.flags & TCP_FIN));
	return DROP_NOT;
}

/* Is it counted as an error? An offset under 5 is, one past the packet not. */
static bool is_error(const struct wire_ip *ip, const struct tcp_in *in,
		     int reason)
{
	if (reason != DROP_TCP_MALFORMED)
		return reason == DROP_TCP_CSUM;
	return ip->len - ip->hdr_len >= WIRE_TCP_LEN &&
	       in->h.hdr_len < WIRE_TCP_LEN;
}

/* Nobody here shares keys with a peer (TCP_MD5SIG is not there): what is signed
 * is meant for another, or forged. */
static bool is_signed(struct tern_stack *st, struct tcp_in *in)
{
	if (likely(in->h.hdr_len < WIRE_TCP_LEN + MD5_LEN))
		return false;
	tcp_parse_opts(in);
	if (!(in->o.present & WIRE_OPT_MD5))
		return false;
	ip_drop(st, in->pkt, DROP_TCP_MD5UNEXPECTED);
	return true;
}

static void to_listener(struct tern_stack *st, struct tcp_in *in)
{
	struct tcp_conn *l = tcp_find_listener(st, &in->ip->dst, in->h.dport,
					       &in->ip->src, in->h.sport);

	if (l) {
		if (!is_signed(st, in))
			tcp_listener_input(st, l, in);
		return;
	}
	tcp_reset_for(st, in);
	ip_drop(st, in->pkt, DROP_NO_SOCKET);
}

void tcp_input(struct tern_stack *st, struct tern_pkt *pkt,
	       const struct wire_ip *ip)
{
	struct tcp_in in = { .pkt = pkt, .ip = ip };
	struct tcp_conn *c;
	struct tcp_req *req;
	struct tcp_tw *tw;
	int reason;

	COUNT(st, TCP_IN_SEGS);
	reason = check(pkt, ip, &in);
	if (unlikely(reason)) {
		if (is_error(ip, &in, reason))
			COUNT(st, TCP_IN_ERRS);
		ip_drop(st, pkt, reason);
		return;
	}
	if (pkt->gso_size && in.len > pkt->gso_size)
		COUNT_N(st, TCP_IN_SEGS,
			(in.len + pkt->gso_size - 1) / pkt->gso_size - 1);
	c = tcp_find(st, &ip->dst, in.h.dport, &ip->src, in.h.sport);
	if (likely(c)) {
		if (!is_signed(st, &in))
			tcp_conn_input(st, c, &in);
		return;
	}
	if (ip_is_multicast(&ip->dst) || ip_is_broadcast(st, &ip->dst)) {
		ip_drop(st, pkt, DROP_NO_SOCKET);
		return;
	}
	tw = tcp_find_tw(st, &ip->dst, in.h.dport, &ip->src, in.h.sport);
	if (tw) {
		if (tcp_tw_input(st, tw, &in, &in.isn))
			return;
		in.has_isn = true;
		to_listener(st, &in);
		return;
	}
	req = tcp_find_req(st, &ip->dst, in.h.dport, &ip->src, in.h.sport);
	if (!req)
		to_listener(st, &in);
	else if (!is_signed(st, &in))
		tcp_req_input(st, req, &in);
}

/* An ICMP error about a segment of ours (RFC 5927: it must quote something that
 * is in flight, and never ends what is established). */
void tcp_icmp_error(struct tern_stack *st, const struct icmp_err *e)
{
	uint16_t sport = get_be16(e->transport);
	uint16_t dport = get_be16(e->transport + 2);
	struct seq seq = seq_of(get_be32(e->transport + 4));
	struct tcp_conn *c;
	struct tcp_req *req;

	c = tcp_find(st, &e->quoted.src, sport, &e->quoted.dst, dport);
	if (!c) {
		req = tcp_find_req(st, &e->quoted.src, sport, &e->quoted.dst,
				   dport);
		if (req)
			tcp_req_icmp(st, req, e);
		return;
	}
	if (c->state == TERN_TCP_LISTEN || c->state == TERN_TCP_CLOSE)
		return;
	if (seq_lt(seq, c->fo_child ? c->act->syn_seq : c->snd.una) ||
	    seq_gt(seq, c->snd.nxt)) {
		COUNT(st, TCP_EXT_OUT_OF_WINDOW_ICMPS);
		return;
	}
	if (e->too_big) {
		tcp_path_too_big(st, c, e->mtu);
		return;
	}
	if (!e->error)
		return;
	/* Even what a router may yet mend: who connects wants to know [k]. */
	if (c->state == TERN_TCP_SYN_SENT ||
	    (c->state == TERN_TCP_SYN_RECV &&
	     (!c->fo_child || c->in_accept_queue))) {
		tcp_abort(st, c, e->error, "ICMP error in the handshake");
		return;
	}
	if ((e->quoted.v6 ? c->opts->recverr6 : c->opts->recverr) &&
	    !c->orphan) {
		c->error = (uint8_t)e->error;
		tcp_post(st, c);
		return;
	}
	/* RFC 1122 4.2.3.9: soft, told if nothing better ends it. */
	c->soft_error = (uint8_t)e->error;
}
