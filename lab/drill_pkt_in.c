// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets in: whose they are, what their numbers are on the wire, and off they
 * go.
 *
 * A packet is the socket under test's; while that listens, or there is none, a
 * TCP packet begins a connection of its own, which is under test from then on.
 * Ports that the line names choose another connection, or begin one.
 */
#include "drill_run.h"

#include "drill_print.h"

#include "base/bytes.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <stdlib.h>

static struct drill_flow *new_child(struct drill_run *r,
				    const struct drill_pkt *line)
{
	struct drill_flow *f = drill_run_new_flow(r, IPPROTO_TCP), *l = r->sut;

	f->state = DRILL_FLOW_PASSIVE;
	f->lport = r->config->bind_port;
	if (l && l->state == DRILL_FLOW_LISTENING)
		f->lport = l->lport;
	if (line->has_ports && line->dport)
		f->lport = line->dport;
	f->rport = line->has_ports && line->sport ? line->sport :
						    r->next_port++;
	r->sut = f;
	return f;
}

static struct drill_flow *tcp_flow(struct drill_run *r,
				   const struct drill_pkt *line)
{
	struct drill_flow *f = NULL;

	if (line->has_ports)
		f = drill_run_find_flow(r, IPPROTO_TCP, line->dport,
					line->sport);
	if (f)
		return f;
	if (!r->sut || r->sut->state == DRILL_FLOW_LISTENING ||
	    r->sut->protocol != IPPROTO_TCP ||
	    (line->has_ports && (line->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN))
		return new_child(r, line);
	return r->sut;
}

/* The newest UDP socket's; a peer of its own if it is not connected. */
static struct drill_flow *udp_flow(struct drill_run *r)
{
	struct drill_flow *f = r->sut;

	if (!f || f->protocol != IPPROTO_UDP) {
		for (f = r->flows; f && f->protocol != IPPROTO_UDP; f = f->next)
			;
	}
	if (!f) {
		f = drill_run_new_flow(r, IPPROTO_UDP);
		f->lport = r->config->bind_port;
	}
	if (!f->rport)
		f->rport = r->next_port++;
	return f;
}

static void fill_ends(const struct drill_flow *f, const struct drill_pkt *line,
		      struct drill_ends *e)
{
	*e = (struct drill_ends){ .src = f->raddr,
				  .dst = f->laddr,
				  .sport = f->rport,
				  .dport = f->lport };
	if (line->has_ports && line->sport)
		e->sport = line->sport;
	if (line->has_ports && line->dport)
		e->dport = line->dport;
}

/* A super-packet as the link would merge it, if the script says of what size
 * its segments are. */
static unsigned gso_of(const struct drill_run *r, const struct drill_pkt *line)
{
	unsigned mss = r->config->mss;

	return mss && line->proto == DRILL_TCP && line->len > mss ? mss : 0;
}

static bool send_in(struct drill_run *r, const void *bytes, size_t n,
		    unsigned gso)
{
	if (r->a->ops->netdev_send(r->a, bytes, n, gso) < 0)
		return drill_run_fail(r, r->event->line, "no memory");
	drill_call_retry(r);
	return !r->failed;
}

static bool tcp_in(struct drill_run *r, const struct drill_pkt *line,
		   unsigned char *bytes)
{
	struct drill_flow *f = tcp_flow(r, line);
	struct drill_pkt pkt = *line;
	struct drill_ends ends;
	const char *wrong;

	if (line->flags & TCP_SYN && !f->has_remote_isn) {
		f->remote_isn = line->seq;
		f->has_remote_isn = true;
	}
	fill_ends(f, line, &ends);
	wrong = drill_flow_to_live(f, &pkt, r->config->ts_ecr_scaled);
	if (wrong)
		return drill_run_fail(r, r->event->line,
				      "this packet cannot be sent: %s", wrong);
	return send_in(r, bytes, drill_wire_build(&pkt, &ends, bytes),
		       gso_of(r, line));
}

static bool icmp_in(struct drill_run *r, const struct drill_pkt *line,
		    unsigned char *bytes)
{
	const struct drill_flow *f = r->sut;
	struct drill_quoted q = { .protocol = IPPROTO_TCP };
	struct drill_ends ends;

	if (!f)
		return drill_run_fail(r, r->event->line,
				      "ICMP needs a socket that it is about");
	fill_ends(f, line, &ends);
	q.ends = (struct drill_ends){ .src = f->laddr,
				      .dst = f->raddr,
				      .sport = f->lport,
				      .dport = f->rport };
	q.len = line->len;
	q.seq = f->local_isn + line->seq;
	if (line->quote == DRILL_QUOTE_UDP ||
	    (line->quote == DRILL_QUOTE_NONE && f->protocol == IPPROTO_UDP))
		q.protocol = IPPROTO_UDP;
	else if (line->quote == DRILL_QUOTE_RAW)
		q.protocol = IPPROTO_RAW;
	return send_in(r, bytes, drill_wire_build_icmp(line, &ends, &q, bytes),
		       0);
}

bool drill_pkt_in(struct drill_run *r, const struct drill_pkt *line)
{
	static __thread unsigned char bytes[DRILL_PKT_MAX];
	struct drill_text t = { 0 };
	struct drill_ends ends;

	drill_print_pkt(&t, line, r->v6);
	drill_trail_packet(&r->trail, true, drill_run_now(r), t.s + 2, NULL);
	free(t.s);
	if (line->proto == DRILL_TCP)
		return tcp_in(r, line, bytes);
	if (line->proto == DRILL_ICMP)
		return icmp_in(r, line, bytes);
	fill_ends(udp_flow(r), line, &ends);
	return send_in(r, bytes, drill_wire_build(line, &ends, bytes), 0);
}
